/**
 * What an event says to a person, and how important it is.
 *
 * Pure. Knows neither the logger nor how a line looks.
 *
 * @module
 */

import type {
  ExchangeFailedEvent,
  ListeningEvent,
  PoolEvent,
  PortSkippedEvent,
  ReloadFinishedEvent,
  ScalingGrounds,
  StopWaitingEvent,
} from "../events/mod.ts";
import { authorityOf, socketPathOf } from "../shared/authority.ts";
import { roundedDuration } from "../shared/duration.ts";
import { accessText } from "./access_line.ts";
import {
  type EventMessage,
  type MessageLevel,
  request,
  say,
  shortened,
} from "./message.ts";
import {
  leftProcesses,
  outputDropped,
  replacing,
  startDelayed,
  worker,
  workerAcquitted,
  workerAddress,
  workerExited,
  workerFailing,
  workerMoved,
  workerStartFailed,
  workerUnhealthy,
} from "./worker_message.ts";

export type { EventMessage, MessageLevel } from "./message.ts";

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

/** What has become of a worker that is promoted. */
const PROMOTED: Readonly<Record<"spare" | "kept", string>> = {
  spare: "promoted from spare",
  kept: "is given work by everybody again",
};

function plainMessage(event: PoolEvent, stopping: boolean): EventMessage {
  switch (event.type) {
    case "worker-spawned":
      return say("debug", `${worker(event)} started on port ${event.port}`);
    case "worker-ready":
      return say(
        "info",
        `worker ${event.workerId} ready on ${workerAddress(event)} ` +
          `(pid ${event.pid}) in ${roundedDuration(event.startupMs)}` +
          replacing(event.replaces),
      );
    case "worker-start-delayed":
      return startDelayed(event);
    case "worker-moved":
      return workerMoved(event);
    case "worker-promoted":
      return say(
        "info",
        `${worker(event)} ${PROMOTED[event.from]}${replacing(event.replaces)}`,
      );
    case "worker-kept":
      return say(
        "info",
        `${worker(event)} is kept for its clients (${event.reason}), for ` +
          `${roundedDuration(event.graceMs)} at most`,
      );
    case "worker-unhealthy":
      return say("warning", workerUnhealthy(event));
    case "worker-recovered":
      return say("info", `${worker(event)} healthy again`);
    case "worker-failing":
      return say("warning", workerFailing(event));
    case "worker-acquitted":
      return say("info", workerAcquitted(event));
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
        `${ports(event)} passed over: held by ` +
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
          `${roundedDuration(event.graceMs)} at most`,
      );
    case "generation-ended":
      return say(
        "info",
        `generation ${event.generation} is no longer kept (${event.reason})`,
      );
    case "panic-entered":
      return say(
        "warning",
        `panic: ${event.failing} of ${event.workers} workers fail their ` +
          `probes together (${event.reason}): all stay in rotation, none is ` +
          "replaced for it; check what HEALTH_PATH depends on",
      );
    case "panic-left":
      return say(
        event.failing === 0 ? "info" : "warning",
        `panic over after ${
          roundedDuration(event.durationMs)
        }: ${event.failing} of ` +
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
          `${event.workerId}, which responds to its probes`,
      );
    case "access":
      return say("info", accessText(event));
    case "notice":
      return say(event.level, event.message);
  }
}

function ports({ port, lastPort }: PortSkippedEvent): string {
  return port === lastPort ? `port ${port}` : `ports ${port} to ${lastPort}`;
}

function reloadFinished(
  { report }: ReloadFinishedEvent,
  failureLevel: MessageLevel,
): EventMessage {
  const took = roundedDuration(report.durationMs);
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
    : `responded with ${event.status}`;
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
    : `listening on ${url} (${event.transport})`;
}

function listeningUrl({ hostname, port, tls }: ListeningEvent): string {
  if (socketPathOf(hostname) !== null) return hostname;
  return `${tls ? "https" : "http"}://${authorityOf({ hostname, port })}`;
}

function grounds({ reason, limitedBy }: ScalingGrounds): string {
  return limitedBy === null
    ? `(${reason})`
    : `(${reason}, limited by ${limitedBy})`;
}

function limit(reason: "descriptors" | "max-connections"): string {
  return reason === "descriptors"
    ? "the limit of open files"
    : "MAX_CONNECTIONS";
}
