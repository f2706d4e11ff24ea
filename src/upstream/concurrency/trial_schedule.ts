/**
 * Which limit is tried next, a higher or a lower one, and when. Pure.
 *
 * @module
 */

import { Pace } from "./pace.ts";
import { type Direction, opposite } from "./trial.ts";

/** Longest pause, in milliseconds, when more was tried in vain: that costs little. */
const LONGEST_UP_PAUSE_MS = 32_000;

/** Longest pause, in milliseconds, when less was: requests that had been served at once wait then. */
const LONGEST_DOWN_PAUSE_MS = 256_000;

/** Knows which direction is due. */
export class TrialSchedule {
  /** What is tried next, if both can be. */
  next: Direction = "up";
  /** When a higher limit may be tried. */
  readonly up: Pace = new Pace(LONGEST_UP_PAUSE_MS);
  /** When a lower one may. */
  readonly down: Pace = new Pace(LONGEST_DOWN_PAUSE_MS);

  /** When anything is due. */
  get nextAt(): number {
    return Math.min(this.up.nextAt, this.down.nextAt);
  }

  /** Which direction is tried now, of those that make sense; `null` when none is due. */
  choose(
    sensible: { readonly up: boolean; readonly down: boolean },
    now: number,
  ): Direction | null {
    const may = {
      up: sensible.up && this.up.due(now),
      down: sensible.down && this.down.due(now),
    };
    const direction = may[this.next] ? this.next : opposite(this.next);
    return may[direction] ? direction : null;
  }

  /** Lets both directions be tried at once. */
  hurry(now: number): void {
    this.up.reset(now);
    this.down.reset(now);
  }
}
