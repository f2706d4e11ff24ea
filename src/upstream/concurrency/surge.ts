/**
 * When a limit may not fit the work any more: workers that are full finish far
 * fewer than they did, or requests wait for long. Pure.
 *
 * Either there is more to do now, or requests wait for something, and workers
 * could have many times as much at once. So they are given some times as much
 * for a moment: if they finish more then, the limit is forgotten.
 *
 * @module
 */

/** Requests that should have been finished before anything is said about it. */
const LEAST_EXPECTED = 40;

/** Factor by which fewer were finished than expected. */
export const STALL_FACTOR = 2.5;

/** Wait of one that joins the queue, in milliseconds, which calls for a look at whether the limit is to blame ... */
const LONG_WAIT_MS = 400;

/** ... where the queue has not been empty for so long, in milliseconds ... */
const LEAST_STANDING_MS = 100;

/** ... and so many were finished meanwhile, if it does not take them too long: of fewer it is not known what they take. */
const LEAST_TURNOVER = 4;

/** What is older says nothing of the present work, in milliseconds. */
const LONGEST_LOOK_MS = 2_000;

/** What workers are given meanwhile, as a multiple of the limit. */
export const SURGE_FACTOR = 4;

/** How long a surge lasts at least, in milliseconds: two sweeps. */
const LEAST_SURGE_MS = 200;

/** And at most: who waits longer than that has few companions. */
const MOST_SURGE_MS = 4_000;

/** Those that are let in together are finished together, which says nothing until the first are: where they take so long, in milliseconds, what is finished counts from then on. */
const SLOW_MS = 100;

/** Factor by which the latency may differ, where requests do not wait for each other. */
const SAME_LATENCY = 1.6;

/** Factor from which on they do: of four times as many each takes four times as long, and chance is on either side. */
const IN_TURN_LATENCY = 2.5;

/** Factor by which more is finished where it was the limit that kept workers from it: of many at once the short ones are finished first, which looks like less. */
const CLEAR_GAIN = 3;

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
  /** Whether requests may be waiting for no other reason than the limit. */
  readonly mayBeHeld: boolean;
}

/** What is to be done about the limit. */
export type SurgeAdvice =
  | "none"
  | "begin"
  | "confirm"
  | "end"
  /** It ends, and workers have finished no more. */
  | "in-vain"
  | "raise"
  | "forget";

/** One moment in which workers are given more. */
interface RunningSurge {
  readonly step: "first" | "confirming";
  /** Since when what is finished counts. */
  readonly countsFrom: number;
  readonly endsAt: number;
  /** What a request took before, in milliseconds, and how many workers were at. */
  readonly latencyMs: number;
  readonly working: number;
  /** Requests that were finished in a millisecond at the limit. */
  readonly rate: number;
  /** What there was then, once it has come. */
  from: Progress;
  /** Requests that workers were at since, times the milliseconds for which they were. */
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
      const surge = this.#surge;
      if (surge.from.now < surge.countsFrom) surge.from = progress;
      else {
        // What it begins with has only just been let in, and counts from then on.
        const elapsedMs = progress.now - (last ?? progress).now;
        surge.workingMs += progress.working * elapsedMs;
      }
      return this.#judge(surge, progress);
    }
    const nothing = progress.queued === 0 || last === null ||
      last.queued === 0 || progress.expectedMs === 0 && !progress.mayBeHeld;
    if (nothing || progress.now < this.#nextAt) {
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
    if (progress.expectedMs > 0) {
      this.#expected += last.allowed * elapsedMs / progress.expectedMs;
    }
    return this.#begin(this.#since, progress);
  }

  /** Begins a surge where one is called for. */
  #begin(since: Progress, progress: Progress): SurgeAdvice {
    const finished = progress.finished - since.finished;
    const elapsedMs = progress.now - since.now;
    const known = this.#expected >= LEAST_EXPECTED;
    const stalled = known && finished * STALL_FACTOR <= this.#expected;
    const waits = progress.mayBeHeld && elapsedMs >= LEAST_STANDING_MS &&
      progress.queued * elapsedMs >= LONG_WAIT_MS * finished;
    const clear = finished >= LEAST_TURNOVER || elapsedMs >= LONGEST_LOOK_MS;
    if (stalled || waits && clear) {
      this.#since = null;
      const latencyMs = this.#workingMs / Math.max(finished, 1);
      const working = this.#workingMs / elapsedMs;
      const rate = Math.max(finished, 1) / elapsedMs;
      const before = { latencyMs, working, rate };
      this.#surge = surgeOf("first", progress, before);
      return "begin";
    }
    if (waits) return "none";
    if (known) this.#pauseMs = FIRST_PAUSE_MS;
    if (known || elapsedMs >= LONGEST_LOOK_MS) this.#since = null;
    return "none";
  }

  #judge(surge: RunningSurge, progress: Progress): SurgeAdvice {
    if (progress.now < surge.endsAt) return "none";
    this.#surge = null;
    const finished = progress.finished - surge.from.finished;
    const latencyMs = surge.workingMs / Math.max(finished, 1);
    const working = surge.workingMs / (progress.now - surge.from.now);
    const slower = latencyMs / surge.latencyMs;
    const enough = finished >= LEAST_FINISHED;
    const same = enough && slower < SAME_LATENCY;
    const more = working >= LEAST_CONTRAST * surge.working;
    if (same && more) {
      this.#pauseMs = FIRST_PAUSE_MS;
      if (surge.step === "confirming") return "forget";
      const { rate } = surge;
      const before = { latencyMs, working, rate };
      this.#surge = surgeOf("confirming", progress, before);
      return "confirm";
    }
    const rate = finished / (progress.now - surge.from.now);
    const fits = same || enough && rate >= CLEAR_GAIN * surge.rate;
    // With nobody left to be let in there is no more to be seen, nor where
    // workers are full now that had many times as much to do before they were.
    if (fits && surge.step === "confirming") return "raise";
    this.#nextAt = progress.now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return enough && more && slower >= IN_TURN_LATENCY ? "in-vain" : "end";
  }
}

function surgeOf(
  step: RunningSurge["step"],
  from: Progress,
  before: Pick<RunningSurge, "latencyMs" | "working" | "rate">,
): RunningSurge {
  const { latencyMs } = before;
  const countsFrom = from.now + (latencyMs < SLOW_MS ? 0 : latencyMs);
  const lastsMs = Math.max(LEAST_SURGE_MS, 2 * latencyMs);
  return {
    step,
    ...before,
    countsFrom,
    endsAt: Math.min(countsFrom + lastsMs, from.now + MOST_SURGE_MS),
    from,
    workingMs: 0,
  };
}
