/**
 * Whether there is room for one more connection, and how room is made where
 * there is none: those go that have been idle for longest, so that somebody who
 * waits to be let in does not wait for somebody who wants nothing.
 *
 * @module
 */

import type { AcceptPausedEvent } from "../events/mod.ts";
import { DescriptorReserve } from "./descriptor_reserve.ts";

/** How often is looked whether somebody is idle, in milliseconds: there may be thousands. */
export const ROOM_INTERVAL_MS = 100;

/** Share of the connections that goes at once. */
const ROOM_RATIO = 0.1;

/** Who has been idle for so long, in milliseconds, is not just about to ask for more. */
const LEAST_IDLE_MS = 1_000;

/** Asks for connections to be closed: so many of those that have been idle for `idleMs`, at most. */
export type CloseIdle = (count: number, idleMs: number) => void;

/** What bounds it, and who is asked for more. */
export interface RoomOptions {
  /** Connections at once. */
  readonly maxConnections: number;
  readonly closeIdle: CloseIdle;
}

/** Keeps account of the room of one listener. */
export class Room {
  readonly #options: RoomOptions;
  readonly #reserve = new DescriptorReserve();
  #madeAt = -Infinity;

  /** Begins with room for as many as are allowed. */
  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Why nobody may be let in beside those that are `open`; `null` when one may. */
  fullFor(open: number, now: number): AcceptPausedEvent["reason"] | null {
    if (open >= this.#options.maxConnections) return "max-connections";
    return this.#reserve.admits(open, now) ? null : "descriptors";
  }

  /** Makes some among those that are `open`, unless that was just tried. */
  make(open: number, now: number): void {
    if (now - this.#madeAt < ROOM_INTERVAL_MS) return;
    this.#madeAt = now;
    this.#options.closeIdle(Math.ceil(open * ROOM_RATIO), LEAST_IDLE_MS);
  }

  /** Descriptors have run out with so many that are `open`: some are given up, whoever is idle. */
  exhausted(open: number, now: number): void {
    this.#options.closeIdle(this.#reserve.begin(open, now), 0);
  }
}
