/**
 * What keeps a worker that has never been ready from it, and what to do about
 * it.
 *
 * Pure: it is handed what others have seen.
 *
 * @module
 */

import type {
  StartupFindings,
  StartupObstacle,
} from "../events/worker_findings.ts";
import { authorityOf } from "../shared/authority.ts";
import { COMPUTING_RATIO } from "./diagnosis.ts";
import { describeProbe, type ProbeResult } from "./probe.ts";

/**
 * How long an obstacle must stand before it is reported, in milliseconds.
 * Within two seconds most programs listen that are going to; one that computes
 * or waits may just be slow to start.
 */
const REPORTED_AFTER_MS: Readonly<Record<StartupObstacle, number>> = {
  elsewhere: 2_000,
  status: 2_000,
  protocol: 2_000,
  silent: 10_000,
  "not-listening": 10_000,
};

/** Statuses with which servers turn away requests for a Host they do not serve. */
const HOST_STATUSES: readonly number[] = [400, 403, 421];

/** What was seen of a worker that is starting. */
export interface StartupObservations {
  /** What the last probe saw; it did not pass. */
  readonly result: ProbeResult;
  /** Where it is expected. */
  readonly target: { readonly hostname: string; readonly port: number };
  /** Path that is probed. */
  readonly healthPath: string;
  /** What the Host field says; `null` is where it is sent to. */
  readonly healthHost?: string | null;
  /** Where it listens instead. */
  readonly elsewhere: StartupFindings["elsewhere"];
  /** Whether the program that listens there takes a port from its environment. */
  readonly readsPort: boolean;
  /** CPU time its processes used, per time that passed; `null` when it is not known. */
  readonly cpuRatio: number | null;
}

/** Which obstacle there is. */
export function obstacleOf(
  { result, elsewhere }: Pick<StartupObservations, "result" | "elsewhere">,
): StartupObstacle {
  switch (result.type) {
    case "responded":
      return "status";
    case "tls":
    case "malformed":
      return "protocol";
    case "timeout":
      return "silent";
    case "refused":
    case "foreign":
    case "not-made":
    case "aborted":
      return elsewhere.length > 0 ? "elsewhere" : "not-listening";
  }
}

/** Returns what follows from what was seen; `standingMs` is how long the same obstacle has stood. */
export function diagnoseStartup(
  seen: StartupObservations,
  standingMs: number,
): StartupFindings {
  const { elsewhere, readsPort, cpuRatio } = seen;
  const obstacle = obstacleOf(seen);
  return {
    obstacle,
    standingMs,
    reported: standingMs >= REPORTED_AFTER_MS[obstacle],
    ...describeObstacle(obstacle, seen),
    elsewhere,
    readsPort,
    computing: cpuRatio !== null && cpuRatio >= COMPUTING_RATIO,
    cpuRatio,
  };
}

/** What was seen, and what to do about it. */
type Description = Pick<StartupFindings, "reason" | "remedy">;

function describeObstacle(
  obstacle: StartupObstacle,
  seen: StartupObservations,
): Description {
  const { result, target, healthPath } = seen;
  const expected = authorityOf(target);
  const asked = `GET ${healthPath}`;
  switch (obstacle) {
    case "elsewhere":
      return describeElsewhere(seen);
    case "status":
      return describeStatus(seen);
    case "protocol":
      return result.type === "tls" ? describeTls(expected) : {
        reason: `${describeProbe(result)}, where an HTTP/1.1 response to ` +
          `${asked} is expected from ${expected}`,
        remedy: null,
      };
    case "silent":
      return { reason: `${describeProbe(result)} to ${asked}`, remedy: null };
    case "not-listening":
      return {
        reason: `${describeProbe(result)}: it does not listen on ${expected}`,
        remedy: null,
      };
  }
}

function describeTls(expected: string): Description {
  return {
    reason: `it speaks TLS on ${expected}, where plain HTTP is expected`,
    remedy: "have it listen without TLS; clients get TLS from the pool " +
      "(SERVER_CERT_PATH and SERVER_KEY_PATH)",
  };
}

function describeElsewhere(
  { elsewhere, target }: StartupObservations,
): Description {
  const where = elsewhere
    .map(({ address, port }) => authorityOf({ hostname: address, port }));
  const samePort = elsewhere.some(({ port }) => port === target.port);
  return {
    reason: `it listens on ${where.join(", ")}, and not on ` +
      authorityOf(target),
    remedy: samePort
      ? `have it listen on ${target.hostname} (HOST, or {host} in the ` +
        "command) or on all addresses"
      : "have it read PORT, or write {port} in the command",
  };
}

function describeStatus(seen: StartupObservations): Description {
  const { result, healthHost, target, healthPath } = seen;
  const status = result.type === "responded" ? result.status : 0;
  const reason = describeProbe(result, healthPath);
  if (status === 404) {
    const remedy =
      "set HEALTH_PATH to a path that it responds to with 2xx or 3xx";
    return { reason, remedy };
  }
  if (status === 401) {
    const remedy = "set HEALTH_PATH to a path that needs no credentials";
    return { reason, remedy };
  }
  if (HOST_STATUSES.includes(status)) {
    return {
      reason: `${reason} with Host ${healthHost ?? authorityOf(target)}`,
      remedy: "if it goes by Host, set HEALTH_HOST to a name that it serves",
    };
  }
  return { reason, remedy: null };
}
