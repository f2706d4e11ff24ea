/**
 * Puts workers into and out of service as their probes have it, and as it turns
 * out with their requests.
 *
 * That alone never takes the last one out, nor, in a panic, those that respond:
 * a sick worker is better than none.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { Goal, StaffingOptions } from "./goal.ts";
import { OutlierDetector } from "./outlier_detector.ts";
import { failsByResponse, Panic, type PlacedWorker } from "./panic.ts";
import type { Roster } from "./roster.ts";
import type { Worker } from "./worker.ts";

/** Judges the workers of one pool. */
export class HealthJudge {
  readonly panic = new Panic();
  readonly #outliers = new OutlierDetector();
  readonly #roster: Roster;
  readonly #events: EventEmitter;

  /** Creates a judge of the workers in `roster`. */
  constructor(roster: Roster, events: EventEmitter) {
    this.#roster = roster;
    this.#events = events;
  }

  /** Looks at what the probes have shown, and marks on the workers what follows. */
  judge(goal: Goal, now: number): void {
    this.#noteWell(now);
    this.#assessPanic(goal, now);
    this.#retain(goal);
    this.#noteFailing(now);
    this.#judgeOutliers(goal, now);
    this.#withhold(now);
  }

  /** When to look again at the latest. */
  nextCheckAt({ options }: Goal, now: number): number {
    const comparable = detects(options) && this.#roster.slots.length > 1;
    return Math.min(
      this.panic.nextCheckAt(now),
      comparable ? this.#outliers.nextCheckAt(now) : Infinity,
    );
  }

  #noteWell(now: number): void {
    for (const slot of this.#roster.slots) {
      for (const worker of slot.workers) {
        const { type } = worker.state;
        if (worker.health?.healthy !== true) continue;
        if (type !== "starting" && type !== "unhealthy") continue;
        worker.probePassed(now, slot.noteReady(worker, now));
      }
    }
    for (const worker of this.#roster.kept) {
      const kept = worker.state.type === "unhealthy";
      if (kept && worker.health?.healthy === true) {
        worker.probePassed(now, null);
      }
    }
  }

  #assessPanic({ workers, provenGeneration }: Goal, now: number): void {
    if (workers === 0) return this.panic.end();
    const placed: PlacedWorker[] = [];
    for (const slot of this.#roster.slots) {
      const { worker } = slot;
      if (worker !== null && hasProved(worker, provenGeneration)) {
        placed.push({ slot, worker });
      }
    }
    const change = this.panic.assess(placed, now);
    if (change !== null) this.#events.emit(change);
  }

  /** Keeps in rotation, or puts back, those that fail and are better than none. */
  #retain({ provenGeneration }: Goal): void {
    const { slots, kept } = this.#roster;
    const workers = slots.flatMap((slot) => slot.workers);
    const reason = this.panic.active
      ? "panic"
      : workers.some(isWell)
      ? null
      : "last";
    for (const worker of workers) {
      worker.retained = hasProved(worker, provenGeneration) &&
          failsByResponse(worker)
        ? reason
        : null;
    }
    for (const worker of kept) {
      const panics = reason === "panic" && failsByResponse(worker);
      worker.retained = panics ? reason : null;
    }
  }

  #noteFailing(now: number): void {
    for (const slot of this.#roster.slots) {
      for (const worker of slot.workers) {
        if (worker.health?.healthy !== false) continue;
        // In a panic nothing is lost: what it had before, it has still.
        if (worker.retained === "panic") slot.noteRetained("unhealthy");
        else slot.noteLoss("unhealthy", now);
        // A sick worker is better than none, but not another program in its place.
        const spared = !worker.displaced && !this.#othersServe(worker);
        if (worker.state.type === "ready" && !spared) {
          worker.failed(now);
        }
      }
    }
  }

  /** Compares the workers of the generation in service by their requests. */
  #judgeOutliers(goal: Goal, now: number): void {
    const { generation, provenGeneration, options, workers } = goal;
    const all = this.#roster.slots.flatMap((slot) => slot.workers);
    // A reload has a judge of its own, and in a panic all fail alike.
    const comparable = detects(options) && workers > 0 &&
      !this.panic.active && generation.number === provenGeneration;
    const suspect = this.#outliers.onTrial;
    const present = suspect !== null && all.includes(suspect) &&
      suspect.state.type === "ready" && suspect.health?.healthy === true;
    if (!comparable || !present || !this.#othersServe(suspect)) {
      if (present) suspect.acquit(null);
      if (!comparable || suspect !== null) this.#outliers.reset();
    }
    // One at a time.
    if (!comparable || all.some(({ failing }) => failing)) return;
    const verdict = this.#outliers.assess({
      serving: this.#roster.slots
        .filter((slot) => slot.member)
        .flatMap((slot) => slot.serviceable)
        .filter((worker) => worker.generation === generation.number),
      tied: options.policy === "ip-hash",
      now,
    });
    switch (verdict?.type) {
      case "suspected":
        return verdict.worker.suspectOf(verdict.comparison);
      case "condemned":
        verdict.worker.failing = true;
        return;
      case "acquitted":
        return verdict.worker.acquit(verdict.peers);
    }
  }

  /** Keeps out of rotation whoever fails what it is given, where others serve. */
  #withhold(now: number): void {
    for (const slot of this.#roster.slots) {
      for (const worker of slot.workers) {
        // Where most fail together, another one would fail, too.
        if (this.panic.active && worker.failing) {
          worker.failing = false;
          worker.acquit(null);
        }
        const suspected = worker === this.#outliers.onTrial;
        worker.withheld = (suspected || worker.failing) &&
          this.#othersServe(worker);
        if (worker.withheld) slot.noteLoss("failing", now);
        else if (worker.serviceable) slot.noteRetained("failing");
      }
    }
  }

  #othersServe(worker: Worker): boolean {
    return this.#roster.slots.some((slot) =>
      slot.serviceable.some((other) => other !== worker)
    );
  }
}

/** Whether workers are compared: where one keeps something for its clients, out of rotation it would lose that. */
function detects({ outlierDetection, affinity }: StaffingOptions): boolean {
  return outlierDetection && affinity === null;
}

/** Whether a worker has been ready, and its code has been taken for good: that of a reload that goes on has not. */
function hasProved(worker: Worker, provenGeneration: number): boolean {
  return worker.startupMs !== null && worker.goneAt === null &&
    worker.generation <= provenGeneration;
}

function isWell(worker: Worker): boolean {
  return worker.state.type === "ready" && worker.serviceable &&
    worker.health?.healthy === true;
}
