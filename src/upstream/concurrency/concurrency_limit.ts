/**
 * How many requests a worker does best with at once, found by trying. Pure.
 *
 * With twice as many at once, requests either take as long as before, because
 * they wait for something else than the worker's CPU, or twice as long. So now
 * and then the limit is doubled or halved for a few requests, and their latency
 * is compared with that of the requests just before. The gradient of the two
 * says what the limit should be, as in the limiters of Netflix's
 * concurrency-limits and Envoy's adaptive concurrency filter:
 *
 *     limit = higher limit * latency at the lower / latency at the higher
 *
 * with some room added, as there.
 *
 * Those compare with the least latency ever seen, which says little where
 * requests are not all alike. Here it is the mean of a few requests that were
 * served just before; the steps around the present limit are the "incremental
 * steps" of H.-U. Heiss and R. Wagner, "Adaptive Load Control in Transaction
 * Processing Systems", VLDB 1991.
 *
 * Where workers hardly compute, by their CPU time, it never comes down: who
 * waits for something in its worker would only wait for it before, and keep
 * others waiting that do not need it.
 *
 * While the limit holds nobody back, nothing is learnt of higher ones, and the
 * limit stays. A trial that changes nothing is repeated ever more rarely; a
 * latency that changes, and a queue, call for the next one at once.
 *
 * One limit for all workers of a pool: they run the same program, and n times
 * as many samples bring it up to date n times as soon.
 *
 * @module
 */

import type { Exertion } from "./change_of_work.ts";
import { Collapse, COLLAPSE_FACTOR } from "./collapse.ts";
import { Completions } from "./completions.ts";
import { Crowding } from "./crowding.ts";
import { hasDrifted, LEAST_CONTRAST } from "./elasticity.ts";
import {
  LatencySample,
  RUSHED_CROWD,
  type SampledRequest,
} from "./latency_sample.ts";
import { FIRST_PAUSE_MS } from "./pace.ts";
import type { Phase, PoolLoad } from "./phase.ts";
import { Saturation } from "./saturation.ts";
import {
  STALL_FACTOR,
  Surge,
  SURGE_FACTOR,
  type SurgeAdvice,
} from "./surge.ts";
import {
  bounded,
  crowdedOut,
  experienced,
  GREATEST_LIMIT,
  isInVain,
  lowered,
  opposite,
  outcomeOf,
  patienceMs,
  raised,
  sizeUp,
  type Trial,
} from "./trial.ts";
import { TrialSchedule } from "./trial_schedule.ts";
import { Verdicts } from "./verdicts.ts";
import { WorkProfile } from "./work_profile.ts";

/** Milliseconds between two looks at the latency. */
const LOOK_INTERVAL_MS = 1_000;

/** The limit binds when so many of the requests reach it. */
const BINDING_RATIO = 0.1;

/** Factor by which the limit must change to be a change, and no noise. */
const LEAST_CHANGE = 1.1;

/** What requests usually take at most, where none is finished from one tick to the next by no chance, in milliseconds. */
const STAND_STILL_MS = 25;

/** Limit from which on a few more than that show nothing. */
const ABSORBING = 5;

/** Finds the limit. */
export class ConcurrencyLimit {
  #limit = GREATEST_LIMIT;
  #cap = GREATEST_LIMIT;
  /** Whether nothing is known yet, and a rough idea at once is better than a good one when it is too late. */
  #hasty = true;
  readonly #work = new WorkProfile();
  /** Whether a look has shown that the work may be heavier. */
  #suspected = false;
  #phase: Phase = { type: "rest", until: 0 };
  readonly #schedule = new TrialSchedule();
  /** Those that were looked at before. */
  #previous: LatencySample | null = null;
  /** The requests at the limit that the last clear verdict was about. */
  #known: LatencySample | null = null;
  #queued = 0;
  /** CPU time that workers used so far, as far as that is known, in milliseconds. */
  #cpuMs = 0;
  readonly #completions = new Completions();
  readonly #collapse = new Collapse();
  readonly #surge = new Surge();
  readonly #crowding = new Crowding();
  readonly #saturation = new Saturation();
  readonly #verdicts = new Verdicts();

  /** What a request usually takes, in milliseconds; 0 while it is not known. */
  get usualMs(): number {
    return this.#work.usualMs;
  }

  /** How many a worker was seen to do at once. */
  get parallelism(): number {
    return this.#work.parallelism;
  }

  /** How many were at a worker then. */
  get usualConcurrency(): number {
    return this.#work.usualConcurrency;
  }

  /** Whether workers hardly compute while they have requests, as far as is known. */
  get waits(): boolean {
    return this.#work.waits;
  }

  /** The limit as far as it is known; `Infinity` is none. */
  get limit(): number {
    return this.#limit;
  }

  /** Requests a worker may be given now: the limit, or another that is tried. */
  get cap(): number {
    return this.#cap;
  }

  /** Whether workers would finish no more if they were given more, as far as was seen of late. */
  saturated(now: number): boolean {
    return this.#saturation.seen(now) || this.#work.full;
  }

  /** Whether {@linkcode take} is to be called for each request. */
  get sampling(): boolean {
    return this.#phase.type === "look" || this.#phase.type === "trial";
  }

  /**
   * Takes a request into the sample, if it is of use.
   *
   * @param concurrency What its worker has in flight, with this request.
   */
  take(concurrency: number, now: number): SampledRequest | null {
    const phase = this.#phase;
    if (phase.type === "look") return phase.base.take(concurrency, now);
    if (phase.type !== "trial") return null;
    const { trial, direction, size } = phase;
    // Of a higher limit those show nothing that the lower one would have let in.
    if (direction === "up" && concurrency < this.#limit * LEAST_CONTRAST) {
      return null;
    }
    const sample = trial.take(concurrency, now);
    if (trial.taken >= size) this.#endTrial(phase, now);
    return sample;
  }

  /** Takes note that a request of the sample was served. */
  give(sample: SampledRequest, now: number): void {
    sample.sample.give(sample, now);
    const phase = this.#phase;
    if (phase.type === "look" && phase.base.precise) {
      this.#decide(phase.base, now);
    } else if (phase.type === "trial" && isInVain(phase)) {
      this.#endTrial(phase, now);
    } else if (
      phase.type === "verdict" && phase.trial.complete &&
      // Those of before seem the quicker while the slow are not back: where
      // fewer are better even so, there is nothing to wait for.
      (phase.base.complete || this.#hasty)
    ) this.#judge(phase, now);
  }

  /** Takes note that a request of the sample is not to count. */
  drop(sampled: SampledRequest): void {
    sampled.sample.drop(sampled);
  }

  /** Takes note that some request was served, of the sample or not. */
  noteRelease(): void {
    this.#completions.noteServed();
  }

  /** Takes note that a client has not waited for its response. */
  noteAbandoned(): void {
    this.#completions.noteAbandoned();
  }

  /** To be called as well while requests wait, many times a second. */
  watch(exertion: Omit<Exertion, "finished">): void {
    const { served: finished } = this.#completions;
    this.#cpuMs += exertion.cpuMs ?? 0;
    if (this.#work.watch({ ...exertion, finished })) this.#forget(exertion.now);
  }

  /** To be called a few times a second. */
  tick(now: number, { queued, working, inTurn, workers }: PoolLoad): void {
    this.#queued = queued;
    const completions = this.#completions;
    completions.tick();
    const { served: finished, abandoned } = completions;
    if (this.#work.waits && queued > 0 && this.#limit < GREATEST_LIMIT) {
      return this.#forget(now);
    }
    if (this.#collapse.look({ now, finished, abandoned })) {
      const used = Math.min(this.#limit, GREATEST_LIMIT, working / workers);
      return this.#change(
        Math.max(this.#work.parallelism, Math.floor(used / COLLAPSE_FACTOR)),
        now,
      );
    }
    const crowded = this.#crowding.look({
      now,
      working,
      inTurn,
      workers,
      finished,
      cpuMs: this.#cpuMs,
    });
    if (crowded !== null && this.#mayComeDownTo(crowded)) {
      this.#saturation.note(now);
      return this.#change(Math.max(this.#work.parallelism, crowded), now);
    }
    if (completions.takeAbandoned() && !this.#work.waits) {
      // Workers are at what nobody waits for: that is no stall.
      this.#surge.reset();
      if (this.#phase.type === "surge") {
        this.#cap = this.#limit;
        this.#look(now);
      }
    }
    const most = this.#limit * workers;
    const advice = this.#surge.look({
      now,
      queued,
      working,
      allowed: Math.min(working, most),
      finished,
      expectedMs: this.#expectedMs,
      mayBeHeld: working <= most && this.#cap >= this.#limit &&
        !this.saturated(now) && !this.#work.computes(this.#limit),
    });
    if (advice === "none") this.#advance(now);
    else this.#followSurge(advice, now);
  }

  /** What a request should take, in milliseconds; 0 where it cannot be told. */
  get #expectedMs(): number {
    // The greatest limit holds nobody back but in a trial.
    if (this.#limit >= GREATEST_LIMIT) return 0;
    // Of a crowd, in haste, only the quick ones are known, which are back first.
    return this.#hasty && this.#limit >= RUSHED_CROWD
      ? 0
      : this.#work.expectedMs(this.#limit);
  }

  /** Does what a surge asks for. */
  #followSurge(advice: SurgeAdvice, now: number): void {
    switch (advice) {
      case "begin":
        this.#phase = { type: "surge" };
        this.#cap = SURGE_FACTOR * this.#limit;
        return;
      case "confirm":
        this.#cap = SURGE_FACTOR ** 2 * this.#limit;
        return;
      case "raise":
        return this.#change(SURGE_FACTOR * this.#limit, now);
      case "forget":
        return this.#forget(now);
      case "in-vain":
      case "end":
        if (advice === "in-vain") this.#saturation.note(now);
        this.#cap = this.#limit;
        return this.#look(now);
      case "none":
    }
  }

  /** Begins anew: the work is other work. */
  #forget(now: number): void {
    this.#work.forget();
    this.#change(Infinity, now);
  }

  /** Goes on with the search, where something is due. */
  #advance(now: number): void {
    const phase = this.#phase;
    const stoodStill = this.#queued > 0 && this.#completions.none &&
      this.#work.usualMs < STAND_STILL_MS;
    if (phase.type === "rest") {
      const asked = this.#queued > 0 && this.#schedule.up.due(now);
      if (asked || now >= phase.until) this.#look(now);
    } else if (stoodStill && phase.type === "trial") {
      // All that was let in waits for something, and others for it.
      this.#schedule[phase.direction].wait(now);
      this.#cap = this.#limit;
      this.#rest(now);
    } else if (
      phase.type !== "look" && phase.type !== "surge" && now >= phase.deadline
    ) {
      if (phase.type === "trial") this.#endTrial(phase, now);
      else this.#judge(phase, now);
    }
  }

  #look(now: number): void {
    const base = new LatencySample(now, this.#limit, this.#work.spread);
    base.hasty = this.#hasty;
    this.#phase = { type: "look", base };
  }

  /** Decides what to try, when the latency at the limit is known. */
  #decide(base: LatencySample, now: number): void {
    if (this.#mayBeStalled(base)) return this.#rest(now);
    const drifted = this.#known !== null && hasDrifted(this.#known, base);
    this.#work.note(base, drifted);
    if (drifted) {
      this.#schedule.hurry(now);
      this.#verdicts.reset();
    }
    const { parallelism } = this.#work;
    const crowded = crowdedOut(base, this.#previous, parallelism);
    this.#previous = base;
    if (crowded !== null && this.#mayComeDownTo(crowded)) {
      this.#known = base;
      return this.#change(crowded, now);
    }
    const used = Math.min(base.concurrency, this.#limit);
    const binds = this.#queued > 0 || base.bound >= BINDING_RATIO;
    const direction = this.#schedule.choose({
      up: binds && this.#limit < Infinity,
      down: used > parallelism * LEAST_CONTRAST && !this.#work.waits,
    }, now);
    if (direction === null) return this.#rest(now);
    this.#cap = direction === "up"
      ? bounded(2 * this.#limit)
      : Math.max(parallelism, Math.floor(used / 2));
    const trial = new LatencySample(now, this.#cap, this.#work.spread);
    const deadline = now + patienceMs(base, now);
    const size = direction === "up" ? sizeUp(base, this.#cap) : base.count;
    this.#phase = { type: "trial", base, trial, direction, size, deadline };
  }

  /** Whether a limit is a lower one, and workers compute: who waits in them would only wait before them. */
  #mayComeDownTo(limit: number): boolean {
    return limit * LEAST_CHANGE < this.#limit && !this.#work.waits;
  }

  /** Whether the work seems to be heavier by far than it was: what comes of that is for the surge to say, once. */
  #mayBeStalled(base: LatencySample): boolean {
    const expectedMs = this.#work.expectedMs(this.#limit);
    const heavier = expectedMs > 0 && this.#queued > 0 &&
      this.#limit < Infinity && base.meanMs > STALL_FACTOR * expectedMs;
    const first = heavier && !this.#suspected;
    this.#suspected = first;
    return first;
  }

  #endTrial(phase: Trial, now: number): void {
    const deadline = now + patienceMs(phase.base, phase.trial.startedAt);
    // Those that waited meanwhile would all be at workers before it is known
    // whether they should.
    const goesOn = this.#hasty && phase.direction === "down";
    if (!goesOn) this.#cap = this.#limit;
    this.#phase = { ...phase, type: "verdict", deadline };
  }

  /** Draws the conclusion from a trial. */
  #judge(phase: Trial, now: number): void {
    const { base, trial, direction } = phase;
    const pace = this.#schedule[direction];
    const outcome = outcomeOf(phase);
    this.#schedule.next = opposite(direction);
    this.#cap = this.#limit;
    if (outcome === null) {
      // Nobody is left that would show more: all have been let in.
      if (direction === "up" && trial.taken === 0 && this.#limit >= ABSORBING) {
        return this.#change(Math.ceil(LEAST_CONTRAST * this.#limit), now);
      }
      if (this.#mayFlood(phase)) return this.#change(experienced(phase), now);
      pace.repeat(now);
      return this.#rest(now);
    }
    this.#known = base;
    const elasticity = this.#verdicts.include(direction, outcome);
    const limit = direction === "up"
      ? raised(this.#limit, elasticity, trial)
      : lowered(this.#limit, elasticity, {
        ...phase,
        least: this.#work.parallelism,
      });
    // Coming down, it is not there yet.
    this.#hasty &&= limit < this.#limit && limit > 1;
    const change = Math.max(limit / this.#limit, this.#limit / limit);
    // Those that were held back meanwhile would have had the CPU.
    const needless = limit < this.#limit &&
      (this.#work.waits || this.#queued > 0 && this.#work.spare);
    if (change > LEAST_CHANGE && !needless) {
      this.#schedule.next = direction;
      this.#change(limit, now);
      return this.#work.expect(
        trial.meanMs * (limit / trial.cap) ** elasticity.value,
      );
    }
    if (direction === "up" && this.#queued > 0) this.#saturation.note(now);
    if (this.#mayFlood(phase)) return this.#change(experienced(phase), now);
    // Requests that wait would only wait for each other, too.
    if (isInVain(phase) || this.#takesTurns(phase)) pace.retire(now);
    else pace.wait(now);
    this.#rest(now);
  }

  /** Whether what was given to workers beside others has waited for them, as they compute all the time, one request after the other. */
  #takesTurns({ direction, trial }: Trial): boolean {
    return direction === "up" && trial.inTurn && this.#work.busyThreads === 1;
  }

  /** Whether a trial has others wait who would all be at workers if nothing came of it, which were never seen to have so many. */
  #mayFlood(phase: Trial): boolean {
    return phase.direction === "down" && this.#queued > 0 &&
      experienced(phase) < this.#limit && !isInVain(phase);
  }

  /** Sets another limit, which is to be tried out at once. */
  #change(limit: number, now: number): void {
    if (limit > this.#limit) {
      this.#saturation.forget();
      // That fewer are better is as unlikely as before.
      this.#schedule.up.reset(now);
    } else {
      if (this.#queued > 0) this.#saturation.note(now);
      this.#schedule.hurry(now);
    }
    this.#limit = bounded(limit);
    this.#previous = null;
    this.#verdicts.reset();
    this.#crowding.reset();
    this.#cap = this.#limit;
    this.#work.expect(0);
    this.#surge.reset();
    this.#look(now);
  }

  #rest(now: number): void {
    const next = Math.min(this.#schedule.nextAt, now + LOOK_INTERVAL_MS);
    this.#phase = { type: "rest", until: Math.max(next, now + FIRST_PAUSE_MS) };
  }
}
