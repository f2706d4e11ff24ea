/**
 * What the events of a single worker say to a person. Pure.
 *
 * @module
 */

import type {
  Diagnosis,
  ExitStatus,
  Replacement,
  RequestOutcomes,
  SuspectRequest,
  WorkerAcquittedEvent,
  WorkerExitedEvent,
  WorkerFailingEvent,
  WorkerLeftProcessesEvent,
  WorkerMovedEvent,
  WorkerOutputDroppedEvent,
  WorkerReadyEvent,
  WorkerStartDelayedEvent,
  WorkerStartFailedEvent,
  WorkerUnhealthyEvent,
} from "../events/mod.ts";
import { KILLER_TEXT } from "../events/mod.ts";
import { authorityOf } from "../shared/authority.ts";
import { roundedDuration } from "../shared/duration.ts";
import {
  type EventMessage,
  type MessageLevel,
  request,
  say,
  shortened,
} from "./message.ts";

/** What is said of a worker that keeps silent. Of others the reason says it. */
const SILENCE: Partial<Record<Diagnosis, string>> = {
  blocked: "its event loop is blocked",
  stopped: "it has been stopped",
  stuck: "it sleeps: a deadlock, or a wait that does not end",
  unknown: "what it does cannot be seen",
};

/** Suspects named in one line; the event has more of them. */
const MAX_SUSPECTS_IN_LINE = 3;

/** `worker 2 (pid 4711)`. */
export function worker(
  { workerId, pid }: { workerId: number; pid: number },
): string {
  return `worker ${workerId} (pid ${pid})`;
}

/** Where a worker listens. */
export function workerAddress(
  { hostname = "127.0.0.1", port }: WorkerReadyEvent,
): string {
  return authorityOf({ hostname, port });
}

/** Whom a worker makes good for, in parentheses; nothing for nobody. */
export function replacing(replaces: Replacement | null): string {
  if (replaces === null) return "";
  const { reason, downMs } = replaces;
  const after = downMs === 0 ? "" : `, after ${roundedDuration(downMs)}`;
  return ` (${reason}${after})`;
}

/** A start takes long: what it waits for, and what helps. */
export function startDelayed(event: WorkerStartDelayedEvent): EventMessage {
  const { computing, obstacle, reason, waitedMs, startupTimeoutMs } = event;
  const remedy = event.remedy === null ? "" : `: ${event.remedy}`;
  // One that does not listen yet, or keeps silent, may only need its time.
  const patient = obstacle === "silent" || obstacle === "not-listening";
  const busy = computing && patient
    ? `; it computes${cpu(event.cpuRatio)}`
    : "";
  return say(
    patient && computing ? "info" : "warning",
    `${worker(event)} is not ready after ${roundedDuration(waitedMs)}: ` +
      `${reason}${remedy}${busy}; STARTUP_TIMEOUT_MS allows ` +
      roundedDuration(startupTimeoutMs),
  );
}

/** A worker was moved to its port, or should not have been. */
export function workerMoved(event: WorkerMovedEvent): EventMessage {
  const { moved, port, reason } = event;
  return moved
    ? say(
      "warning",
      `${
        worker(event)
      } is started again with DENO_SERVE_ADDRESS, which moves ` +
        `its HTTP server to 127.0.0.1:${port}, as all of its generation are: ` +
        `${reason}. Better: Number(Deno.env.get("PORT")) in the program; ` +
        "WORKER_SERVE_ADDRESS=on moves workers from the first start on",
    )
    : say(
      "warning",
      `${worker(event)} was moved to its port by DENO_SERVE_ADDRESS, which ` +
        `was wrong: ${reason}. Workers of its generation are not moved any ` +
        "more; have the program listen on PORT",
    );
}

/** A worker fails its probes: why, and what it may hang on. */
export function workerUnhealthy(event: WorkerUnhealthyEvent): string {
  const { failures, oldestRequest } = event;
  const times = failures === 1 ? "once" : `${failures} times`;
  // Whose the port is takes one look.
  const parts = event.diagnosis === "displaced"
    ? [event.reason]
    : [`${event.reason}, ${times}`];
  const silence = SILENCE[event.diagnosis];
  if (silence !== undefined) {
    parts.push(silence + cpu(event.cpuRatio));
    // Whoever responds, however badly, does not hang on a request.
    if (oldestRequest !== null) parts.push(`suspect ${request(oldestRequest)}`);
  }
  return `worker ${event.workerId} (pid ${event.pid}, port ${event.port}) ` +
    `is unhealthy: ${parts.join("; ")}`;
}

/** A worker passes its probes and fails its requests, where the others do not. */
export function workerFailing(event: WorkerFailingEvent): string {
  return `${worker(event)} failed ${failedOf(event.own)} of its last ` +
    `${event.own.requests} requests, where the others fail ` +
    `${failedOf(event.peers)}: it gets no more, and is replaced unless they ` +
    "fail these, too";
}

/** They fail without it, too. */
export function workerAcquitted(event: WorkerAcquittedEvent): string {
  const why = event.peers === null
    ? "what it failed cannot be compared any more"
    : `without it the others fail ${failedOf(event.peers)}, so that it is ` +
      "the requests";
  return `${worker(event)} gets requests again: ${why}`;
}

/** `96 %`; `0.4 %` of few. */
function failedOf({ requests, errors }: RequestOutcomes): string {
  const percentage = errors / Math.max(requests, 1) * 100;
  return `${Number(percentage.toFixed(percentage < 10 ? 1 : 0))} %`;
}

function cpu(ratio: number | null): string {
  return ratio === null ? "" : ` (CPU ${Math.round(ratio * 100)} %)`;
}

/** A worker has ended, and others that it started have not. */
export function leftProcesses(event: WorkerLeftProcessesEvent): EventMessage {
  const { processes, asked, daemonised } = event;
  const which = processes === null
    ? "processes"
    : processes.map(({ pid, command, detached }) =>
      `pid ${pid} (${command}${detached ? ", detached" : ""})`
    ).join(", ");
  const detached = processes?.some((process) => process.detached) ?? false;
  const outcome = asked && !detached
    ? "it may finish until STOP_TIMEOUT_MS"
    : "asked to end, killed after STOP_TIMEOUT_MS";
  return say(
    asked && !detached ? "info" : "warning",
    `${worker(event)} has ended and left ${which} behind: ${outcome}` +
      (daemonised
        ? "; a worker must not put itself into the background: have it run " +
          "in the foreground"
        : ""),
  );
}

/** A worker has ended: as it was to, or unexpectedly. */
export function workerExited(event: WorkerExitedEvent): EventMessage {
  const killer = event.killer === null ? "" : ` (${KILLER_TEXT[event.killer]})`;
  const text = `${worker(event)} ${exit(event.status)}${killer} after ` +
    roundedDuration(event.uptimeMs);
  const suspicion = suspects(event);
  return event.expected
    ? say(suspicion === "" ? "info" : "warning", text + suspicion)
    : say("error", `${text}, unexpectedly${suspicion}`, event.lastOutput);
}

function suspects(
  { suspects, suspectCount }: WorkerExitedEvent,
): string {
  if (suspectCount === 0) return "";
  const named = suspects.slice(0, MAX_SUSPECTS_IN_LINE);
  const others = suspectCount - named.length;
  return `; ${suspectCount === 1 ? "suspect" : "suspects"} ` +
    named.map(suspect).join(", ") + (others > 0 ? ` and ${others} more` : "");
}

function suspect(
  { method, target, requestId, losses }: SuspectRequest,
): string {
  const again = losses > 1 ? ", not for the first time" : "";
  return `${method} ${shortened(target)} (request ${requestId}${again})`;
}

/** A worker could not be started. */
export function workerStartFailed(
  event: WorkerStartFailedEvent,
  level: MessageLevel,
): EventMessage {
  const status = event.status === null ? "" : exit(event.status);
  // The reason may say no more than the status does.
  const cause = status === "" || event.reason.includes(status)
    ? event.reason
    : `${event.reason} (${status})`;
  const retry = event.retryInMs > 0
    ? `; next attempt in ${roundedDuration(event.retryInMs)}`
    : "";
  return say(
    level,
    `worker ${event.workerId} could not be started: ${cause}${retry}`,
    [`command: ${event.command.join(" ")}`, ...event.lastOutput],
  );
}

function exit({ code, signal }: ExitStatus): string {
  return signal === null ? `exited with code ${code}` : `ended by ${signal}`;
}

/** A flood of output begins, or is over. */
export function outputDropped(event: WorkerOutputDroppedEvent): EventMessage {
  const { lines, bytes, durationMs } = event;
  return event.phase === "began"
    ? say(
      "warning",
      `${worker(event)} writes more than WORKER_LOG_RATE or ` +
        "WORKER_LOG_BYTES allow: what is beyond is dropped",
    )
    : say(
      "info",
      `${worker(event)} keeps to WORKER_LOG_RATE and WORKER_LOG_BYTES ` +
        `again: ${lines} lines (${bytes} B) were dropped in ` +
        roundedDuration(durationMs),
    );
}
