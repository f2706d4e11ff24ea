/**
 * What an event says to a person, and how important it is.
 *
 * Pure. Knows neither the logger nor how a line looks.
 *
 * @module
 */

import type {
  AccessEvent,
  Diagnosis,
  ExchangeFailedEvent,
  ExitStatus,
  ListeningEvent,
  PoolEvent,
  ReloadFinishedEvent,
  Replacement,
  ScalingGrounds,
  StopWaitingEvent,
  SuspectRequest,
  WaitingRequest,
  WorkerExitedEvent,
  WorkerLeftProcessesEvent,
  WorkerMovedEvent,
  WorkerOutputDroppedEvent,
  WorkerReadyEvent,
  WorkerStartDelayedEvent,
  WorkerStartFailedEvent,
  WorkerUnhealthyEvent,
} from "../events/mod.ts";
import { KILLER_TEXT } from "../events/mod.ts";
import { accessDetails } from "./access_line.ts";

/** What is said of a worker that keeps silent. Of others the reason says it. */
const SILENCE: Partial<Record<Diagnosis, string>> = {
  blocked: "its event loop is blocked",
  stopped: "it has been stopped",
  stuck: "it sleeps: a deadlock, or a wait that does not end",
  unknown: "what it does cannot be seen",
};

/** Suspects named in one line; the event has more of them. */
const MAX_SUSPECTS_IN_LINE = 3;

/** Longest part of a target that is shown, in characters. */
const MAX_TARGET_LENGTH = 200;

/** How important a message is. */
export type MessageLevel = "debug" | "info" | "warning" | "error";

/** What an event says. */
export interface EventMessage {
  readonly level: MessageLevel;
  /** One line. */
  readonly text: string;
  /** Further lines, for those who have no access to the event's fields. */
  readonly details: readonly string[];
}

/** What there is to know beside an event. */
export interface MessageContext {
  /** Whether the pool is being stopped: what ends then was to end. @default {false} */
  readonly stopping?: boolean;
}

/** Returns what `event` says. */
export function eventMessage(
  event: PoolEvent,
  { stopping = false }: MessageContext = {},
): EventMessage {
  return plainMessage(stopping ? asPartOfStopping(event) : event, stopping);
}

/** While the pool is stopped, whoever ends was to end, whoever has told it so. */
function asPartOfStopping(event: PoolEvent): PoolEvent {
  return event.type === "worker-exited" ? { ...event, expected: true } : event;
}

function plainMessage(event: PoolEvent, stopping: boolean): EventMessage {
  switch (event.type) {
    case "worker-spawned":
      return say("debug", `${worker(event)} started on port ${event.port}`);
    case "worker-ready":
      return say(
        "info",
        `worker ${event.workerId} ready on ${workerAddress(event)} ` +
          `(pid ${event.pid}) in ${duration(event.startupMs)}` +
          replacing(event.replaces),
      );
    case "worker-start-delayed":
      return startDelayed(event);
    case "worker-moved":
      return workerMoved(event);
    case "worker-promoted":
      return say(
        "info",
        `${worker(event)} promoted from spare${replacing(event.replaces)}`,
      );
    case "worker-unhealthy":
      return say("warning", workerUnhealthy(event));
    case "worker-recovered":
      return say("info", `${worker(event)} healthy again`);
    case "worker-draining":
      return say(
        "info",
        `${worker(event)} draining (${event.reason}), ` +
          `${event.inFlight} in flight` +
          (event.streams === 0 ? "" : `, ${event.streams} of them streams`),
      );
    case "worker-signalled":
      return say(
        event.signal === "SIGKILL" ? "warning" : "debug",
        `${worker(event)} sent ${event.signal}: ${event.reason}`,
      );
    case "worker-left-processes":
      return leftProcesses(event);
    case "worker-exited":
      return workerExited(event);
    case "worker-start-failed":
      return workerStartFailed(event, stopping ? "info" : "error");
    case "worker-output":
      return say("info", `[worker ${event.workerId}] ${event.line}`);
    case "worker-output-dropped":
      return outputDropped(event);
    case "port-skipped":
      return say(
        "warning",
        `port ${event.port} passed over: held by ` +
          (event.holder ?? "another program"),
      );
    case "pool-scaled":
      return say(
        "info",
        `scaling from ${event.from} to ${event.to} workers ${grounds(event)}`,
      );
    case "scaling-held":
      return say(
        "debug",
        `${event.workers} workers stay, ${event.needed} wanted ` +
          grounds(event),
      );
    case "reload-started":
      return say(
        "info",
        `reloading: generation ${event.generation} takes over from ` +
          `${event.fromGeneration}`,
      );
    case "reload-finished":
      return reloadFinished(event, stopping ? "info" : "error");
    case "generation-kept":
      return say(
        "info",
        `generation ${event.generation} is kept for its clients, for ` +
          `${duration(event.graceMs)} at most`,
      );
    case "generation-ended":
      return say(
        "info",
        `generation ${event.generation} is kept no more (${event.reason})`,
      );
    case "panic-entered":
      return say(
        "warning",
        `panic: ${event.failing} of ${event.workers} workers fail their ` +
          `probes together (${event.reason}): all stay in rotation, none is ` +
          "replaced for it; see to what HEALTH_PATH depends on",
      );
    case "panic-left":
      return say(
        event.failing === 0 ? "info" : "warning",
        `panic over after ${duration(event.durationMs)}: ${event.failing} of ` +
          `${event.workers} workers fail their probes`,
      );
    case "state-changed":
      return say(
        event.to === "serving" ? "debug" : "info",
        `pool ${event.to}`,
      );
    case "stop-waiting":
      return say("info", stopWaiting(event));
    case "listening":
      return say("info", listening(event));
    case "accept-paused":
      return say(
        "warning",
        `no more connections accepted for now: ${limit(event.reason)} reached`,
      );
    case "accept-resumed":
      return say("info", "connections accepted again");
    case "exchange-failed":
      return exchangeFailed(event);
    case "request-slow":
      return say(
        "warning",
        `slow request: ${request(event)}, waits for worker ` +
          `${event.workerId}, which answers its probes`,
      );
    case "access":
      return say("info", access(event));
    case "notice":
      return say(event.level, event.message);
  }
}

function say(
  level: MessageLevel,
  text: string,
  details: readonly string[] = [],
): EventMessage {
  return { level, text, details };
}

function worker({ workerId, pid }: { workerId: number; pid: number }): string {
  return `worker ${workerId} (pid ${pid})`;
}

function workerAddress(
  { hostname = "127.0.0.1", port }: WorkerReadyEvent,
): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function startDelayed(event: WorkerStartDelayedEvent): EventMessage {
  const { computing, obstacle, reason, waitedMs, startupTimeoutMs } = event;
  const remedy = event.remedy === null ? "" : `: ${event.remedy}`;
  // One that does not listen yet, or keeps silent, may only need its time.
  const patient = obstacle === "silent" || obstacle === "not-listening";
  const busy = computing && patient
    ? `; it computes${cpu(event.cpuRatio)}`
    : "";
  return say(
    patient && computing ? "info" : "warning",
    `${worker(event)} is not ready after ${duration(waitedMs)}: ` +
      `${reason}${remedy}${busy}; STARTUP_TIMEOUT_MS allows ` +
      duration(startupTimeoutMs),
  );
}

function workerMoved(event: WorkerMovedEvent): EventMessage {
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

function workerUnhealthy(event: WorkerUnhealthyEvent): string {
  const { failures, oldestRequest } = event;
  const times = failures === 1 ? "once" : `${failures} times`;
  // Whose the port is takes one look.
  const parts = event.diagnosis === "displaced"
    ? [event.reason]
    : [`${event.reason}, ${times}`];
  const silence = SILENCE[event.diagnosis];
  if (silence !== undefined) parts.push(silence + cpu(event.cpuRatio));
  if (oldestRequest !== null) parts.push(`suspect ${request(oldestRequest)}`);
  return `worker ${event.workerId} (pid ${event.pid}, port ${event.port}) ` +
    `is unhealthy: ${parts.join("; ")}`;
}

function cpu(ratio: number | null): string {
  return ratio === null ? "" : ` (CPU ${Math.round(ratio * 100)} %)`;
}

function request(waiting: WaitingRequest): string {
  return `${waiting.method} ${waiting.path}, ${duration(waiting.ageMs)} old, ` +
    `request ${waiting.requestId}`;
}

function leftProcesses(event: WorkerLeftProcessesEvent): EventMessage {
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

function workerExited(event: WorkerExitedEvent): EventMessage {
  const killer = event.killer === null ? "" : ` (${KILLER_TEXT[event.killer]})`;
  const text = `${worker(event)} ${exit(event.status)}${killer} after ` +
    duration(event.uptimeMs);
  const suspicion = suspects(event);
  return event.expected
    ? say(suspicion === "" ? "info" : "warning", text + suspicion)
    : say("error", `${text}, unasked${suspicion}`, event.lastOutput);
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

function shortened(target: string): string {
  return target.length <= MAX_TARGET_LENGTH
    ? target
    : `${target.slice(0, MAX_TARGET_LENGTH)}...`;
}

function workerStartFailed(
  event: WorkerStartFailedEvent,
  level: MessageLevel,
): EventMessage {
  const status = event.status === null ? "" : exit(event.status);
  // The reason may say no more than the status does.
  const cause = status === "" || event.reason.includes(status)
    ? event.reason
    : `${event.reason} (${status})`;
  const retry = event.retryInMs > 0
    ? `; next attempt in ${duration(event.retryInMs)}`
    : "";
  return say(
    level,
    `worker ${event.workerId} could not be started: ${cause}${retry}`,
    [`command: ${event.command.join(" ")}`, ...event.lastOutput],
  );
}

function outputDropped(event: WorkerOutputDroppedEvent): EventMessage {
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
        duration(durationMs),
    );
}

function replacing(replaces: Replacement | null): string {
  if (replaces === null) return "";
  const { reason, downMs } = replaces;
  const after = downMs === 0 ? "" : `, after ${duration(downMs)}`;
  return ` (${reason}${after})`;
}

function reloadFinished(
  { report }: ReloadFinishedEvent,
  failureLevel: MessageLevel,
): EventMessage {
  const took = duration(report.durationMs);
  return report.ok
    ? say("info", `reloaded in ${took}: generation ${report.generation} serves`)
    : say(
      failureLevel,
      `reload failed after ${took}, generation ${report.fromGeneration} ` +
        `serves on: ${report.reason}`,
      report.workers.map(({ workerId, verdict, reason }) =>
        `worker ${workerId}: ${verdict}${reason === null ? "" : `, ${reason}`}`
      ),
    );
}

function exchangeFailed(event: ExchangeFailedEvent): EventMessage {
  const outcome = event.status === 0
    ? "response cut"
    : `answered ${event.status}`;
  const who = event.workerId === null ? "" : `, worker ${event.workerId}`;
  const note = event.note === null ? "" : `: ${event.note}`;
  const times = event.attempts > 1 ? `; sent ${event.attempts} times` : "";
  const remedy = event.setting === null ? "" : `; change ${event.setting}`;
  const text = `request ${event.requestId}, ${event.method} ` +
    `${shortened(event.target)}${who}: ${event.message}${note}${times}` +
    `${remedy} (${outcome})`;
  switch (event.source) {
    case "downstream":
      // Clients that go away or send nonsense are everyday life.
      return say("debug", text);
    case "upstream":
      return say("warning", text);
    case "internal":
      return say("error", text);
  }
}

function stopWaiting(event: StopWaitingEvent): string {
  const { requests, streams, workers } = event;
  const parts = [
    counted(requests, "request"),
    counted(streams, "stream"),
    counted(workers, "worker"),
  ];
  const what = parts.filter((part) => part !== "").join(", ");
  return `waiting for ${what}; again to end now`;
}

/** `3 requests`; nothing for 0. */
function counted(count: number, noun: string): string {
  return count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function listening(event: ListeningEvent): string {
  const url = listeningUrl(event);
  return event.role === "admin"
    ? `admin pages on ${url}/_metrics`
    : `listening on ${url}`;
}

function listeningUrl({ hostname, port, tls }: ListeningEvent): string {
  if (hostname.startsWith("unix:")) return hostname;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${tls ? "https" : "http"}://${host}:${port}`;
}

function access(event: AccessEvent): string {
  const by = event.workerId === null ? "balancer" : `worker ${event.workerId}`;
  return `${event.clientAddress} ${event.method} ${event.target} ` +
    `${event.status} ${event.bytesOut} B ${event.durationMs.toFixed(1)} ms ` +
    `${by} ${accessDetails(event)} ${event.requestId}`;
}

function grounds({ reason, limitedBy }: ScalingGrounds): string {
  return limitedBy === null
    ? `(${reason})`
    : `(${reason}, limited by ${limitedBy})`;
}

function exit({ code, signal }: ExitStatus): string {
  return signal === null ? `exited with code ${code}` : `ended by ${signal}`;
}

function limit(reason: "descriptors" | "max-connections"): string {
  return reason === "descriptors"
    ? "the limit of open files"
    : "MAX_CONNECTIONS";
}

/** `48 ms`, `3.2 s`, `5 min`, `2.5 h`: two figures that matter are enough. */
function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  return minutes < 120
    ? `${Math.round(minutes)} min`
    : `${(minutes / 60).toFixed(1)} h`;
}
