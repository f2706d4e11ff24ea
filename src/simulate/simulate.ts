/**
 * Lets a rule decide over a load, and counts what comes of it. Pure: no clock,
 * no chance, the same result each time.
 *
 * @module
 */

import type { ScalingOptions } from "../autoscaler/algorithm.ts";
import type { Rule, RuleDecision } from "./rules.ts";
import type { Trace } from "./trace.ts";
import {
  type ModelTotals,
  WorkerModel,
  type WorkerModelOptions,
} from "./worker_model.ts";

/** What is simulated beside the load. */
export interface SimulationOptions extends WorkerModelOptions, ScalingOptions {
  /** Workers at the begin. */
  readonly poolSize: number;
  /**
   * Requests in flight per worker; 0 is no cap, and then no queue can be seen.
   * `auto` is none for scaling, as in a pool.
   */
  readonly workerConcurrency: number | "auto";
}

/** One change of the number of workers. */
export interface SimulatedDecision extends RuleDecision {
  /** Seconds since the begin. */
  readonly atS: number;
  readonly from: number;
}

/** One moment. */
export interface SimulatedMoment {
  /** Seconds since the begin. */
  readonly atS: number;
  /** Requests per second. */
  readonly rate: number;
  /** Workers that serve. */
  readonly ready: number;
  /** Workers wanted. */
  readonly desired: number;
  /** Requests that wait. */
  readonly waiting: number;
}

/** What came of it. */
export interface Simulation extends ModelTotals {
  /** In the order of time. */
  readonly decisions: readonly SimulatedDecision[];
  /** Changes that were taken back within a minute. */
  readonly flaps: number;
  /** Most workers at a time. */
  readonly mostWorkers: number;
  /** The course, some moments a minute or second, as the length allows. */
  readonly course: readonly SimulatedMoment[];
}

/** The finest step, in milliseconds: no wait that matters is shorter. */
const TICK_MS = 100;

/** Moments of the course: more than a picture is wide. */
const MAX_MOMENTS = 2_000;

/** A change that is taken back within this time was one too many. */
const FLAP_S = 60;

/** Runs `rule` over `trace`. */
export function simulate(
  trace: Trace,
  rule: Rule,
  options: SimulationOptions,
): Simulation {
  const tickMs = Math.min(TICK_MS, rule.periodMs);
  const ticks = Math.ceil(trace.durationS * 1_000 / tickMs);
  const momentTicks = Math.max(1, Math.ceil(ticks / MAX_MOMENTS));
  const model = new WorkerModel(options.poolSize, tickMs, options);
  const decisions: SimulatedDecision[] = [];
  const course: SimulatedMoment[] = [];
  let desired = options.poolSize;
  let point = 0;
  let nextLookMs = 0;
  let [busy, busyTicks] = [0, 0];
  for (let tick = 0; tick < ticks; tick++) {
    const atMs = tick * tickMs;
    while ((trace.points[point + 1]?.atS ?? Infinity) * 1_000 <= atMs) point++;
    const { rate } = trace.points[point]!;
    if (atMs >= nextLookMs) {
      const utilisation = busyTicks === 0 ? 0 : busy / busyTicks;
      const decision = rule.look({
        at: atMs,
        ...figuresOf(model, options),
        desired,
        utilisation,
      });
      if (decision !== null) {
        decisions.push({ atS: atMs / 1_000, from: desired, ...decision });
        desired = decision.to;
        model.scaleTo(desired);
      }
      nextLookMs += rule.periodMs;
      busy = busyTicks = 0;
    }
    model.advance(rate);
    busy += model.utilisation;
    busyTicks++;
    if (tick % momentTicks === 0) {
      const { ready, backlog } = model;
      course.push({
        atS: atMs / 1_000,
        rate,
        ready,
        desired,
        waiting: Math.round(backlog),
      });
    }
  }
  return {
    ...model.totals(),
    decisions,
    flaps: countFlaps(decisions),
    mostWorkers: decisions.reduce(
      (most, { to }) => Math.max(most, to),
      options.poolSize,
    ),
    course,
  };
}

/** What the dispatcher would show: without a cap all requests are at workers. */
function figuresOf(
  model: WorkerModel,
  { workerConcurrency }: SimulationOptions,
): Readonly<
  Record<"requests" | "ready" | "inFlight" | "queued" | "full", number>
> {
  const { ready, backlog, requests } = model;
  const cap = workerConcurrency === "auto" ? 0 : workerConcurrency;
  const present = Math.floor(backlog + model.utilisation * ready);
  const room = cap === 0 ? Infinity : ready * cap;
  const inFlight = Math.min(present, room);
  return {
    requests,
    ready,
    inFlight,
    queued: present - inFlight,
    full: inFlight === room ? ready : 0,
  };
}

function countFlaps(decisions: readonly SimulatedDecision[]): number {
  return decisions.filter(({ atS, from, to }, index) => {
    const previous = decisions[index - 1];
    return previous !== undefined && atS - previous.atS < FLAP_S &&
      Math.sign(to - from) !== Math.sign(previous.to - previous.from);
  }).length;
}
