/**
 * What happens to the generations of workers, as typed values: the part of the
 * events that is about reloads.
 *
 * @module
 */

import type { ReloadReport } from "./reload_report.ts";

/** A new generation of workers begins to take over from the old one. */
export interface ReloadStartedEvent {
  /** Which event this is. */
  readonly type: "reload-started";
  /** The generation in service. */
  readonly fromGeneration: number;
  /** The generation that is to take over. */
  readonly generation: number;
}

/** A new generation has taken over, or given way to the old one again. */
export interface ReloadFinishedEvent {
  /** Which event this is. */
  readonly type: "reload-finished";
  /** What came of it. */
  readonly report: ReloadReport;
}

/** A generation is superseded, and some of its workers serve on for the clients they have. */
export interface GenerationKeptEvent {
  /** Which event this is. */
  readonly type: "generation-kept";
  /** The generation. */
  readonly generation: number;
  /** For how long at most, in milliseconds. */
  readonly graceMs: number;
}

/** Why a generation is not kept any more. */
export type GenerationEndReason =
  /** SKEW_GRACE_MS has passed. */
  | "grace"
  /** It has had no request for a while. */
  | "unused"
  /** Newer ones are kept in its place. */
  | "reload"
  /** The reload has failed, and it serves everybody again. */
  | "rolled-back"
  /** None of its workers is left. */
  | "lost"
  /** The pool has shrunk, or stops. */
  | "scale-down"
  | "stop";

/** A generation that was kept for its clients is not any more. Those it has left are moved to the present one. */
export interface GenerationEndedEvent {
  /** Which event this is. */
  readonly type: "generation-ended";
  /** The generation. */
  readonly generation: number;
  /** Why. */
  readonly reason: GenerationEndReason;
}

/** Anything that happens to a generation. */
export type ReloadEvent =
  | ReloadStartedEvent
  | ReloadFinishedEvent
  | GenerationKeptEvent
  | GenerationEndedEvent;
