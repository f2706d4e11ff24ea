/**
 * What happens to a worker, as typed values: the part of the events that is
 * about one worker.
 *
 * @module
 */

import type {
  StartupFindings,
  SuspectRequest,
  WorkerFindings,
} from "./worker_findings.ts";

/** How a worker process ended: by itself with a code, or by a signal. */
export interface ExitStatus {
  /** Exit code, 0-255. With a signal, 128 + its number. */
  readonly code: number;
  /** Signal that ended the process (for example `"SIGKILL"`), else `null`. */
  readonly signal: string | null;
}

/**
 * Who killed a process that nobody of ours did: the kernel, for want of memory;
 * somebody else; or one of the two, where the kernel's count cannot be read.
 */
export type Killer = "out-of-memory" | "outside" | "unknown";

/** What is said of it, after how the process ended. */
export const KILLER_TEXT: Readonly<Record<Killer, string>> = {
  "out-of-memory": "out of memory: the kernel killed it",
  "outside": "killed from outside, not for want of memory",
  "unknown": "probably out of memory, or killed from outside",
};

/** Why a worker takes the place of another. */
export type ReplacementReason =
  /** The other one ended, unasked. */
  | "exit"
  /** The kernel killed the other one for want of memory. */
  | "out-of-memory"
  /** The other one never became ready. */
  | "failed-start"
  /** The other one fails its probes. */
  | "unhealthy"
  /** The other one fails the requests it is given, where the others do not. */
  | "failing"
  /** The other one is of another generation. */
  | "reload"
  /** The other one has responded to MAX_REQUESTS requests. */
  | "max-requests"
  /** The other one is MAX_WORKER_AGE_S seconds old. */
  | "max-age"
  /** The other one uses more memory than MAX_WORKER_MEMORY_MB. */
  | "max-memory";

/** Why a worker is being taken out of service. */
export type DrainReason =
  | "scale-down"
  | "stop"
  | Exclude<ReplacementReason, "exit" | "out-of-memory" | "failed-start">;

/** The worker an event is about. */
export interface WorkerRef {
  /** Slot of the worker, from 0; a replacement keeps its predecessor's. */
  readonly workerId: number;
  /** Port the worker listens on. */
  readonly port: number;
  /** Process id. */
  readonly pid: number;
  /** Which (re)load started it, from 1. */
  readonly generation: number;
}

/** A worker process was started and is being waited for. */
export interface WorkerSpawnedEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-spawned";
  /** Program and arguments, placeholders filled in. */
  readonly command: readonly string[];
}

/** A worker responded well to its readiness probe and may be given work. */
export interface WorkerReadyEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-ready";
  /** Address at which it is reached. @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** Milliseconds from spawn to the first good response. */
  readonly startupMs: number;
  /** What it makes good; `null` for the first worker of a slot. */
  readonly replaces: Replacement | null;
}

/** A worker is not ready after a time in which most are; what keeps it from it. */
export interface WorkerStartDelayedEvent extends WorkerRef, StartupFindings {
  /** Which event this is. */
  readonly type: "worker-start-delayed";
  /** Milliseconds since it was started. */
  readonly waitedMs: number;
  /** Longest wait for it, in milliseconds: STARTUP_TIMEOUT_MS. */
  readonly startupTimeoutMs: number;
}

/** A worker is started again with its HTTP server moved to its port, or no longer moved. */
export interface WorkerMovedEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-moved";
  /** Whether the workers of its generation are moved from now on. */
  readonly moved: boolean;
  /** What was seen, as a sentence part. */
  readonly reason: string;
}

/** The place of a worker that another one takes. */
export interface Replacement {
  /** Why it is taken. */
  readonly reason: ReplacementReason;
  /** Milliseconds for which the place was without a healthy worker; 0 where the successor came first, or a spare stands in. */
  readonly downMs: number;
}

/** A worker leaves its place, and serves on for the clients that AFFINITY or SKEW_PROTECTION ties to it. */
export interface WorkerKeptEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-kept";
  /** Why it leaves its place. */
  readonly reason: DrainReason;
  /** For how long at most, in milliseconds. */
  readonly graceMs: number;
}

/** A worker that was held back, or kept for its clients, is given work from now on. */
export interface WorkerPromotedEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-promoted";
  /** What it was: a spare, or kept for its clients since it had left its place. */
  readonly from: "spare" | "kept";
  /** The place it takes; `null` when the pool has grown. */
  readonly replaces: Replacement | null;
}

/**
 * A ready worker failed its probes and gets no work until they pass again.
 * What was found out about it is told before anything is done about it.
 */
export interface WorkerUnhealthyEvent extends WorkerRef, WorkerFindings {
  /** Which event this is. */
  readonly type: "worker-unhealthy";
}

/** An unhealthy worker passed its probes and may be given work again. */
export interface WorkerRecoveredEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-recovered";
}

/** What came of requests. */
export interface RequestOutcomes {
  /** Requests finished. */
  readonly requests: number;
  /** Those of them that failed on the worker's side, or got 5xx. */
  readonly errors: number;
}

/**
 * A worker that passes its probes fails the requests it is given, where others
 * do not, and gets none any more. It is replaced, unless they fail with the
 * others, too, that get them instead.
 */
export interface WorkerFailingEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-failing";
  /** What came of its last requests. */
  readonly own: RequestOutcomes;
  /** What came of those that the others had meanwhile. */
  readonly peers: RequestOutcomes;
}

/** A worker that failed the requests it was given is not to blame for that, and gets them again. */
export interface WorkerAcquittedEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-acquitted";
  /** What the others have made of its requests; `null` when that could not be seen. */
  readonly peers: RequestOutcomes | null;
}

/** A worker gets no new work; its requests in flight are being finished. */
export interface WorkerDrainingEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-draining";
  /** Why, as a sentence part. */
  readonly reason: DrainReason;
  /** Requests it still has to respond to. */
  readonly inFlight: number;
  /** Those of them that are streams, which it ends itself when it is asked to end. */
  readonly streams: number;
}

/** A worker was asked to end (STOP_SIGNAL) or made to (SIGKILL). */
export interface WorkerSignalledEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-signalled";
  /** The signal that was sent. */
  readonly signal: Deno.Signal;
  /** Why, as a sentence part: `"drained"`, `"did not end within 10000 ms of SIGTERM"`. */
  readonly reason: string;
}

/** A process that a worker has left behind. */
export interface LeftProcess {
  /** Its process id. */
  readonly pid: number;
  /** Program and arguments, cut short. */
  readonly command: string;
  /** Whether it had left the worker's process group, as daemons do. */
  readonly detached: boolean;
}

/** A worker is gone, and processes that it had started are not. They have until STOP_TIMEOUT_MS to end. */
export interface WorkerLeftProcessesEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-left-processes";
  /** Whether the worker was asked to end: its children may have something to finish then. Otherwise they are asked to end. */
  readonly asked: boolean;
  /** Whether it has ended in order and unasked, as a program does that puts itself into the background. */
  readonly daemonised: boolean;
  /** Which; `null` where that cannot be seen. */
  readonly processes: readonly LeftProcess[] | null;
}

/** A worker that had been ready is gone. */
export interface WorkerExitedEvent extends WorkerRef {
  /** Which event this is. */
  readonly type: "worker-exited";
  /** How it ended. */
  readonly status: ExitStatus;
  /** Who killed it, where it was killed and not by the pool; else `null`. */
  readonly killer: Killer | null;
  /** `true` when the pool had asked for it. */
  readonly expected: boolean;
  /** Milliseconds from spawn to exit. */
  readonly uptimeMs: number;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
  /**
   * Requests that may have ended it, without a response yet and newest first,
   * a few at most: those in flight when it ended by itself, or the only one when it was
   * killed by a signal from outside.
   */
  readonly suspects: readonly SuspectRequest[];
  /** How many there were. */
  readonly suspectCount: number;
}

/** A worker never became ready: it could not be run, ended, or was too slow. */
export interface WorkerStartFailedEvent {
  /** Which event this is. */
  readonly type: "worker-start-failed";
  /** Slot of the worker, from 0. */
  readonly workerId: number;
  /** Process id, or `null` when no process could be started. */
  readonly pid: number | null;
  /** Port it was to listen on, or `null` when no process could be started. */
  readonly port: number | null;
  /** Which (re)load it belongs to, from 1. */
  readonly generation: number;
  /** Program and arguments, placeholders filled in. */
  readonly command: readonly string[];
  /** What happened, as a sentence part: `"exited with code 1"`. */
  readonly reason: string;
  /** Exit status, or `null` when no process could be started. */
  readonly status: ExitStatus | null;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
  /** Milliseconds until the next attempt. */
  readonly retryInMs: number;
}

/** One line a worker wrote. */
export interface WorkerOutputEvent {
  /** Which event this is. */
  readonly type: "worker-output";
  /** Slot of the worker, from 0. */
  readonly workerId: number;
  /** Process id of the worker: a slot may have two at a time. */
  readonly pid: number;
  /** Where it was written. */
  readonly stream: "stdout" | "stderr";
  /** The line, without its end. */
  readonly line: string;
}

/**
 * A worker has begun to write more than WORKER_LOG_RATE and WORKER_LOG_BYTES
 * allow, so that lines of it are dropped; or that is over.
 */
export interface WorkerOutputDroppedEvent {
  /** Which event this is. */
  readonly type: "worker-output-dropped";
  /** Slot of the worker, from 0. */
  readonly workerId: number;
  /** Process id of the worker. */
  readonly pid: number;
  /** Whether dropping begins or is over. */
  readonly phase: "began" | "ended";
  /** Lines dropped in the meantime; 0 when it begins. */
  readonly lines: number;
  /** Their bytes. */
  readonly bytes: number;
  /** From the first of them to the last, in milliseconds. */
  readonly durationMs: number;
}

/** Anything that happens to a worker. */
export type WorkerEvent =
  | WorkerSpawnedEvent
  | WorkerReadyEvent
  | WorkerStartDelayedEvent
  | WorkerMovedEvent
  | WorkerKeptEvent
  | WorkerPromotedEvent
  | WorkerUnhealthyEvent
  | WorkerRecoveredEvent
  | WorkerFailingEvent
  | WorkerAcquittedEvent
  | WorkerDrainingEvent
  | WorkerSignalledEvent
  | WorkerLeftProcessesEvent
  | WorkerExitedEvent
  | WorkerStartFailedEvent
  | WorkerOutputEvent
  | WorkerOutputDroppedEvent;
