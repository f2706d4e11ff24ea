/**
 * When a limit does not fit the work any more: requests wait, and workers that
 * are full finish far fewer than they did. Pure.
 *
 * Either the work is heavier now, or it waits for something, and workers could
 * have many times as much at once. So they are given some times as much for a
 * moment: if they finish more then, the limit is forgotten.
 *
 * @module
 */

/** Requests that should have been finished before anything is said about it. */
const LEAST_EXPECTED = 40;

/** Factor by which fewer were finished than expected. */
export const STALL_FACTOR = 2.5;

/** What workers are given meanwhile, as a multiple of the limit. */
export const SURGE_FACTOR = 4;

/** How long a surge lasts at least, in milliseconds: two sweeps. */
const LEAST_SURGE_MS = 200;

/** And at most: who waits longer than that has few companions. */
const MOST_SURGE_MS = 2_000;

/** Factor by which the latency may differ, where requests do not wait for each other. */
const SAME_LATENCY = 1.6;

/** Factor by which more must have been at workers, for their latency to say something. */
const LEAST_CONTRAST = 2;

/** Requests that must have been finished meanwhile: fewer are chance. */
const LEAST_FINISHED = 8;

/** Pause after a surge in vain, in milliseconds, doubled up to the longest while the stall goes on. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** What the workers did since the last look. */
export interface Progress {
  readonly now: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Requests that workers are at. */
  readonly working: number;
  /** Of those, as many as the limit allows: of more, as in a trial, no more is finished where they wait for each other. */
  readonly allowed: number;
  /** Requests that were finished, ever. */
  readonly finished: number;
  /** What a request takes at the limit, in milliseconds; 0 while it is not known. */
  readonly expectedMs: number;
}

/** What is to be done about the limit. */
export type SurgeAdvice =
  | "none"
  | "begin"
  | "confirm"
  | "end"
  | "raise"
  | "forget";

/** One moment in which workers are given more. */
interface RunningSurge {
  readonly step: "first" | "confirming";
  readonly endsAt: number;
  /** What a request took before, in milliseconds, and how many workers were at. */
  readonly latencyMs: number;
  readonly working: number;
  readonly from: Progress;
  /** Requests that workers were at, times the milliseconds for which they were. */
  workingMs: number;
}

/** Watches the workers' progress. */
export class Surge {
  #since: Progress | null = null;
  #expected = 0;
  #workingMs = 0;
  #surge: RunningSurge | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #nextAt = 0;
  #last: Progress | null = null;

  /** Forgets what it saw: the limit is another. */
  reset(): void {
    this.#since = null;
    this.#surge = null;
  }

  /** Takes note of progress, a few times a second. */
  look(progress: Progress): SurgeAdvice {
    const last = this.#last;
    this.#last = progress;
    if (this.#surge !== null) {
      // What it begins with has only just been let in, and counts from then on.
      this.#surge.workingMs += progress.working *
        (progress.now - (last ?? progress).now);
      return this.#judge(this.#surge, progress);
    }
    if (
      progress.queued === 0 || progress.expectedMs === 0 ||
      progress.now < this.#nextAt || last === null || last.queued === 0
    ) {
      if (progress.queued === 0) this.#pauseMs = FIRST_PAUSE_MS;
      this.#since = null;
      return "none";
    }
    if (this.#since === null) {
      this.#since = progress;
      this.#expected = 0;
      this.#workingMs = 0;
      return "none";
    }
    const elapsedMs = progress.now - last.now;
    this.#workingMs += last.working * elapsedMs;
    this.#expected += last.allowed * elapsedMs / progress.expectedMs;
    if (this.#expected < LEAST_EXPECTED) return "none";
    const since = this.#since;
    const finished = progress.finished - since.finished;
    this.#since = null;
    if (finished * STALL_FACTOR > this.#expected) {
      this.#pauseMs = FIRST_PAUSE_MS;
      return "none";
    }
    const latencyMs = this.#workingMs / Math.max(finished, 1);
    this.#surge = surgeOf("first", progress, {
      latencyMs,
      working: this.#workingMs / (progress.now - since.now),
    });
    return "begin";
  }

  #judge(surge: RunningSurge, progress: Progress): SurgeAdvice {
    if (progress.now < surge.endsAt) return "none";
    this.#surge = null;
    const finished = progress.finished - surge.from.finished;
    const latencyMs = surge.workingMs / Math.max(finished, 1);
    const working = surge.workingMs / (progress.now - surge.from.now);
    const slower = latencyMs / surge.latencyMs;
    const same = finished >= LEAST_FINISHED &&
      slower < SAME_LATENCY && slower > 1 / SAME_LATENCY;
    if (same && working >= LEAST_CONTRAST * surge.working) {
      this.#pauseMs = FIRST_PAUSE_MS;
      if (surge.step === "confirming") return "forget";
      this.#surge = surgeOf("confirming", progress, { latencyMs, working });
      return "confirm";
    }
    // With nobody left to be let in there is no more to be seen.
    if (same && surge.step === "confirming") return "raise";
    this.#nextAt = progress.now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return "end";
  }
}

function surgeOf(
  step: RunningSurge["step"],
  from: Progress,
  before: Pick<RunningSurge, "latencyMs" | "working">,
): RunningSurge {
  const lastsMs = Math.min(
    MOST_SURGE_MS,
    Math.max(LEAST_SURGE_MS, 2 * before.latencyMs),
  );
  return {
    step,
    ...before,
    endsAt: from.now + lastsMs,
    from,
    workingMs: 0,
  };
}
