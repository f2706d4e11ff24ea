/**
 * The whole configuration of a pool: one flat, validated, frozen object.
 *
 * Every component declares the part it needs as an options interface of its
 * own, and this object satisfies it by its shape; no component imports this
 * module. Only the outermost layer (the command line, the supervisor) does.
 *
 * @module
 */

import type { WorkerCommand } from "../pool/worker_command.ts";
import type { RateRule } from "../net/rate_limit.ts";
import type { PolicyName } from "../upstream/policy/mod.ts";

/** Every setting, checked. Names are those of the settings in camel case. */
export interface Config {
  /** Port clients connect to; 0 is any free one. @default {8080} */
  readonly port: number;
  /** Address clients connect to, or `unix:/path` for a unix socket. @default {"0.0.0.0"} */
  readonly host: string;
  /** PEM file with the certificate for TLS on `port`; `null` serves plain HTTP. @default {null} */
  readonly serverCertPath: string | null;
  /** PEM file with its private key. @default {null} */
  readonly serverKeyPath: string | null;
  /** Whether each connection begins with a PROXY header, version 1 or 2. @default {false} */
  readonly proxyProtocol: boolean;
  /** Workers started at first. @default {4} */
  readonly poolSize: number;
  /** Fewest workers scaling leaves. @default {poolSize} */
  readonly minWorkers: number;
  /** Most workers scaling makes. @default {max(16, poolSize)} */
  readonly maxWorkers: number;
  /** `true` when MAX_WORKERS is `auto`: `maxWorkers` follows from the CPUs then, and memory limits it too. */
  readonly maxWorkersAuto: boolean;
  /** First worker port; 0 takes a free stretch anywhere. @default {port + 1} */
  readonly workerPort: number;
  /** Ready workers that are held back, beyond those, and stand in at once. @default {0} */
  readonly spareWorkers: number;
  /** The program to run. @default {the embedded demo application} */
  readonly workerCommand: WorkerCommand;
  /** Whether the HTTP server of a program on Deno is moved to the worker's port: `"auto"` where it listens on one other port and not on its own. @default {"auto"} */
  readonly workerServeAddress: "auto" | "on" | "off";
  /** File of `NAME=value` lines, for settings and for the workers' environment. @default {null} */
  readonly envFile: string | null;
  /** What the workers' environment has beyond the balancer's. @default {{}} */
  readonly workerEnvironment: Readonly<Record<string, string>>;

  /** Workers of a new generation that are started at once in a reload, beside the old ones. @default {1} */
  readonly reloadSurge: number;
  /** Requests that each of them must answer well before its predecessor goes; 0 takes it at its word. @default {5} */
  readonly reloadCanaryRequests: number;
  /** Whether clients stay with the generation of workers that has served them. @default {false} */
  readonly skewProtection: boolean;
  /** How long a generation is kept for its clients after a reload, in milliseconds. @default {300000} */
  readonly skewGraceMs: number;
  /** Requests a worker answers before it is replaced; 0 is no limit. @default {0} */
  readonly maxRequests: number;
  /** Share of `maxRequests` by which it is less, by chance. @default {0.1} */
  readonly maxRequestsJitter: number;
  /** Seconds a worker runs before it is replaced; 0 is no limit. @default {0} */
  readonly maxWorkerAgeS: number;
  /** Megabytes of memory above which a worker is replaced, and above 1.5 times of which it is killed; 0 is no limit. @default {0} */
  readonly maxWorkerMemoryMb: number;

  /** How a worker is chosen. @default {"round-robin"} */
  readonly policy: PolicyName;
  /** How long the share of a worker that has just become ready grows from a tenth to a full one, in milliseconds. @default {0} */
  readonly slowStartMs: number;
  /** Requests in flight per worker; 0 is no cap, `"auto"` finds one. @default {0} */
  readonly workerConcurrency: number | "auto";
  /** Requests that may wait for a worker. @default {1024} */
  readonly maxQueue: number;
  /** Longest wait for a worker, in milliseconds. @default {10000} */
  readonly queueTimeoutMs: number;

  /** Path that is probed. @default {"/api/health"} */
  readonly healthPath: string;
  /** `true` when HEALTH_PATH was set: only 2xx and 3xx are healthy then, else anything below 500. */
  readonly healthStrict: boolean;
  /** Host field of the probes; `null` is `127.0.0.1:PORT` of the worker. @default {null} */
  readonly healthHost: string | null;
  /** Milliseconds between two probes of a worker. @default {2000} */
  readonly healthIntervalMs: number;
  /** Longest wait for a probe's answer, in milliseconds. @default {2000} */
  readonly healthTimeoutMs: number;
  /** Failures in a row that make a worker unhealthy. @default {3} */
  readonly healthFall: number;
  /** Successes in a row that make it healthy again. @default {1} */
  readonly healthRise: number;
  /** Longest wait for a new worker's first good answer, in milliseconds. @default {30000} */
  readonly startupTimeoutMs: number;
  /** Longest wait for one that keeps a CPU busy all the while, in milliseconds: four times that by default, and no longer where STARTUP_TIMEOUT_MS was set. */
  readonly startupLimitMs: number;

  /** How long requests in flight may take when a worker or the pool stops, in milliseconds. @default {30000} */
  readonly drainTimeoutMs: number;
  /** How long to go on serving, while not ready, after SIGTERM, in milliseconds. @default {0} */
  readonly drainDelayMs: number;
  /** Longest wait for a worker's response head, in milliseconds. @default {60000} */
  readonly requestTimeoutMs: number;
  /** How long a request waits before that is told, in milliseconds; 0 is never. @default {requestTimeoutMs / 2} */
  readonly slowRequestMs: number;
  /** Longest wait for a client's whole request head, in milliseconds. @default {10000} */
  readonly headTimeoutMs: number;
  /** How long a client's connection may idle between requests, in milliseconds. @default {75000} */
  readonly idleTimeoutMs: number;
  /** How long a body may stall, in milliseconds, in either direction. @default {60000} */
  readonly bodyTimeoutMs: number;

  /** Largest request or response head, in bytes. @default {16384} */
  readonly maxHeadBytes: number;
  /** Largest request body, in bytes; 0 is no limit. @default {0} */
  readonly maxBodyBytes: number;
  /** Client connections at once. @default {10000} */
  readonly maxConnections: number;
  /** CIDRs whose forwarding fields are believed. @default {[]} */
  readonly trustedProxies: readonly string[];
  /** Requests that each client address may make, with a token bucket; `null` is no limit. @default {null} */
  readonly rateLimit: RateRule | null;

  /** Requests per second per ready worker above which the pool grows. @default {100} */
  readonly scaleUpRate: number;
  /** Requests per second per ready worker below which it shrinks. @default {10} */
  readonly scaleDownRate: number;
  /** Milliseconds between two decisions. @default {5000} */
  readonly scaleIntervalMs: number;
  /** How long the rate must have been low before the pool shrinks, in milliseconds. @default {30000} */
  readonly scaleDownDelayMs: number;

  /** Port of a listener of its own for the admin pages; `null` serves them on `port`. @default {null} */
  readonly adminPort: number | null;
  /** Address of that listener. @default {"127.0.0.1"} */
  readonly adminHost: string;
  /** Bearer token that opens the admin pages from anywhere. @default {null} */
  readonly adminToken: string | null;
  /** CIDRs that may read the admin pages. @default {[]} */
  readonly adminAllow: readonly string[];

  /** Least important level that is logged. @default {"info"} */
  readonly logLevel: "debug" | "info" | "warning" | "error";
  /** How a log line looks. @default {"text"} */
  readonly logFormat: "text" | "json";
  /** Whether each request is logged. @default {false} */
  readonly accessLog: boolean;
}
