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
  WaitingRequest,
  WorkerExitedEvent,
  WorkerStartFailedEvent,
  WorkerUnhealthyEvent,
} from "../events.ts";
import { KILLER_TEXT } from "../events.ts";

/** What is said of a worker that keeps silent. Of others the reason says it. */
const SILENCE: Partial<Record<Diagnosis, string>> = {
  blocked: "its event loop is blocked",
  stopped: "it has been stopped",
  stuck: "it sleeps: a deadlock, or a wait that does not end",
  unknown: "what it does cannot be seen",
};

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

/** Returns what `event` says. */
export function eventMessage(event: PoolEvent): EventMessage {
  switch (event.type) {
    case "worker-spawned":
      return say("debug", `${worker(event)} started on port ${event.port}`);
    case "worker-ready":
      return say(
        "info",
        `worker ${event.workerId} ready on 127.0.0.1:${event.port} ` +
          `(pid ${event.pid}) in ${duration(event.startupMs)}` +
          replacing(event.replaces),
      );
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
          `${event.inFlight} in flight`,
      );
    case "worker-signalled":
      return say(
        event.signal === "SIGKILL" ? "warning" : "debug",
        `${worker(event)} sent ${event.signal}: ${event.reason}`,
      );
    case "worker-exited":
      return workerExited(event);
    case "worker-start-failed":
      return workerStartFailed(event);
    case "worker-output":
      return say("info", `[worker ${event.workerId}] ${event.line}`);
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
      return reloadFinished(event);
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

function workerUnhealthy(event: WorkerUnhealthyEvent): string {
  const { failures, oldestRequest } = event;
  const times = failures === 1 ? "once" : `${failures} times`;
  const parts = [`${event.reason}, ${times}`];
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

function workerExited(event: WorkerExitedEvent): EventMessage {
  const killer = event.killer === null ? "" : ` (${KILLER_TEXT[event.killer]})`;
  const text = `${worker(event)} ${exit(event.status)}${killer} after ` +
    duration(event.uptimeMs);
  return event.expected
    ? say("info", text)
    : say("error", `${text}, unasked`, event.lastOutput);
}

function workerStartFailed(event: WorkerStartFailedEvent): EventMessage {
  const status = event.status === null ? "" : exit(event.status);
  // The reason may say no more than the status does.
  const cause = status === "" || event.reason.includes(status)
    ? event.reason
    : `${event.reason} (${status})`;
  const retry = event.retryInMs > 0
    ? `; next attempt in ${duration(event.retryInMs)}`
    : "";
  return say(
    "error",
    `worker ${event.workerId} could not be started: ${cause}${retry}`,
    [`command: ${event.command.join(" ")}`, ...event.lastOutput],
  );
}

function replacing(replaces: Replacement | null): string {
  if (replaces === null) return "";
  const { reason, downMs } = replaces;
  const after = downMs === 0 ? "" : `, after ${duration(downMs)}`;
  return ` (${reason}${after})`;
}

function reloadFinished({ report }: ReloadFinishedEvent): EventMessage {
  const took = duration(report.durationMs);
  return report.ok
    ? say("info", `reloaded in ${took}: generation ${report.generation} serves`)
    : say(
      "error",
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
  const text =
    `request ${event.requestId}${who}: ${event.message} (${outcome})`;
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
    `${by} ${event.requestId}`;
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
