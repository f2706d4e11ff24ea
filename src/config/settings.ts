/**
 * Every setting, once: from this table come the environment variables, the
 * flags, the help and the library's options.
 *
 * What follows from several settings together (derived defaults, rules across
 * settings) is in `settings_draft.ts`.
 *
 * @module
 */

import { POLICIES, type PolicyName } from "../upstream/policy/mod.ts";
import {
  choice,
  cidrList,
  command,
  decimal,
  filePath,
  host,
  hostOrSocket,
  integer,
  integerOrAuto,
  type Kind,
  requestPath,
  toggle,
  token,
} from "./kinds.ts";

/** One setting. */
export interface Setting<T, D extends T | null = T | null> {
  /** Heading it stands under in the help. */
  readonly group: string;
  readonly kind: Kind<T>;
  /** Its default; `null` where there is none, or one that is derived. */
  readonly default: D;
  /** How the default is derived, in the words of the help. */
  readonly derived?: string;
  /** A shorter flag it also has. */
  readonly shortFlag?: string;
  /** Whether its value must never be shown. */
  readonly secret?: boolean;
  /** One line that says what it is. */
  readonly help: string;
}

/** Greatest TCP port number. */
export const MAX_PORT = 65_535;

/** More processes than that on one machine are a slip of the finger. */
const MAX_POOL_SIZE = 1024;

/** The longest delay a timer can hold; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Bound of what is counted (connections, requests): far above any real value. */
const MAX_COUNT = 1_000_000;

/** Below this, ordinary requests of browsers with cookies are turned away. */
const LEAST_HEAD_BYTES = 1024;

/** Each connection may hold a buffer of this size. */
const GREATEST_HEAD_BYTES = 1024 * 1024;

const port = integer({ min: 0, max: MAX_PORT }, "PORT");
const workers = integer({ min: 1, max: MAX_POOL_SIZE });
const count = integer({ min: 0, max: MAX_COUNT });
const countFromOne = integer({ min: 1, max: MAX_COUNT });
const delayMs = integer({ min: 0, max: MAX_DELAY_MS }, "MS");
const timeoutMs = integer({ min: 1, max: MAX_DELAY_MS }, "MS");
const rate = decimal({ min: 0, max: MAX_COUNT });

/** Every setting by its name in {@linkcode "./config.ts".Config}, in the order of the help. */
export const SETTINGS = {
  port: setting({
    group: "Clients",
    kind: port,
    default: 8080,
    help: "port clients connect to; 0 takes any free one",
  }),
  host: setting({
    group: "Clients",
    kind: hostOrSocket,
    default: "0.0.0.0",
    help: "address clients connect to, or unix:/path",
  }),
  serverCertPath: setting({
    group: "Clients",
    shortFlag: "cert",
    kind: filePath,
    default: null,
    help: "PEM certificate: TLS on PORT; read anew on SIGHUP",
  }),
  serverKeyPath: setting({
    group: "Clients",
    shortFlag: "key",
    kind: filePath,
    default: null,
    help: "PEM private key of that certificate",
  }),
  proxyProtocol: setting({
    group: "Clients",
    kind: toggle,
    default: false,
    help: "each connection begins with a PROXY header, version 1 or 2",
  }),
  maxConnections: setting({
    group: "Clients",
    kind: countFromOne,
    default: 10_000,
    help: "client connections at once",
  }),
  maxHeadBytes: setting({
    group: "Clients",
    kind: integer({ min: LEAST_HEAD_BYTES, max: GREATEST_HEAD_BYTES }),
    default: 16_384,
    help: "largest request or response head",
  }),
  maxBodyBytes: setting({
    group: "Clients",
    kind: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    default: 0,
    help: "largest request body; 0 is no limit",
  }),
  headTimeoutMs: setting({
    group: "Clients",
    kind: timeoutMs,
    default: 10_000,
    help: "longest wait for a whole request head",
  }),
  idleTimeoutMs: setting({
    group: "Clients",
    kind: timeoutMs,
    default: 75_000,
    help: "how long a connection may idle between requests",
  }),
  bodyTimeoutMs: setting({
    group: "Clients",
    kind: timeoutMs,
    default: 60_000,
    help: "how long a body may stall, in either direction",
  }),
  trustedProxies: setting({
    group: "Clients",
    kind: cidrList,
    default: [],
    help: "networks whose forwarding fields are believed",
  }),

  poolSize: setting({
    group: "Workers",
    kind: integerOrAuto({ min: 1, max: MAX_POOL_SIZE }),
    default: 4,
    help: "workers started at first; auto is one for each CPU available",
  }),
  minWorkers: setting({
    group: "Workers",
    kind: workers,
    default: null,
    derived: "POOL_SIZE",
    help: "fewest workers scaling leaves",
  }),
  maxWorkers: setting({
    group: "Workers",
    kind: workers,
    default: null,
    derived: "max(16, POOL_SIZE)",
    help: "most workers scaling makes",
  }),
  workerPort: setting({
    group: "Workers",
    kind: port,
    default: null,
    derived: "PORT + 1",
    help: "first worker port; 0 takes a free stretch anywhere",
  }),
  workerCommand: setting({
    group: "Workers",
    kind: command,
    default: null,
    help: "the worker's command line, instead of the words after --",
  }),
  zigttpBin: setting({
    group: "Workers",
    kind: filePath,
    default: null,
    help: "zigttp's program: the command is then ZIGTTP_BIN -p {port}",
  }),
  handlerPath: setting({
    group: "Workers",
    kind: filePath,
    default: null,
    help: "the handler zigttp is given",
  }),
  startupTimeoutMs: setting({
    group: "Workers",
    kind: timeoutMs,
    default: 30_000,
    help: "a worker not ready by then is killed: a failed start",
  }),
  drainTimeoutMs: setting({
    group: "Workers",
    kind: delayMs,
    default: 30_000,
    help: "how long requests in flight may take on a stop",
  }),
  drainDelayMs: setting({
    group: "Workers",
    kind: delayMs,
    default: 0,
    help: "how long to serve on after SIGTERM, while not ready",
  }),

  policy: setting({
    group: "Requests",
    kind: choice(Object.keys(POLICIES) as PolicyName[]),
    default: "round-robin",
    help: `how a worker is chosen: ${Object.keys(POLICIES).join(", ")}`,
  }),
  workerConcurrency: setting({
    group: "Requests",
    kind: count,
    default: 0,
    help: "requests in flight per worker; 0 is no cap",
  }),
  maxQueue: setting({
    group: "Requests",
    kind: count,
    default: 1024,
    help: "requests that may wait for a worker; beyond, 503",
  }),
  queueTimeoutMs: setting({
    group: "Requests",
    kind: timeoutMs,
    default: 10_000,
    help: "longest wait for a worker; beyond, 503",
  }),
  requestTimeoutMs: setting({
    group: "Requests",
    kind: timeoutMs,
    default: 60_000,
    help: "longest wait for a response head; beyond, 504",
  }),

  healthPath: setting({
    group: "Health",
    kind: requestPath,
    default: "/api/health",
    help: "path that is probed; unset, any answer below 500 is " +
      "healthy, set, 2xx and 3xx",
  }),
  healthIntervalMs: setting({
    group: "Health",
    kind: timeoutMs,
    default: 2000,
    help: "time between two probes of a worker",
  }),
  healthTimeoutMs: setting({
    group: "Health",
    kind: timeoutMs,
    default: 2000,
    help: "longest wait for a probe's answer",
  }),
  healthFall: setting({
    group: "Health",
    kind: countFromOne,
    default: 3,
    help: "failures in a row that make a worker unhealthy",
  }),
  healthRise: setting({
    group: "Health",
    kind: countFromOne,
    default: 1,
    help: "successes in a row that make it healthy again",
  }),

  scaleUpRate: setting({
    group: "Scaling",
    kind: rate,
    default: 100,
    help: "requests per second per ready worker above which to grow",
  }),
  scaleDownRate: setting({
    group: "Scaling",
    kind: rate,
    default: 10,
    help: "requests per second per ready worker below which to shrink",
  }),
  scaleIntervalMs: setting({
    group: "Scaling",
    kind: timeoutMs,
    default: 5000,
    help: "time between two decisions",
  }),
  scaleDownDelayMs: setting({
    group: "Scaling",
    kind: delayMs,
    default: 30_000,
    help: "how long the rate must have been low before shrinking",
  }),

  adminPort: setting({
    group: "Administration",
    kind: port,
    default: null,
    help: "port of a listener of its own for the admin pages; unset, they " +
      "are on PORT",
  }),
  adminHost: setting({
    group: "Administration",
    kind: host,
    default: "127.0.0.1",
    help: "address of that listener",
  }),
  adminToken: setting({
    group: "Administration",
    kind: token,
    default: null,
    secret: true,
    help: "bearer token that opens the admin pages from anywhere",
  }),
  adminAllow: setting({
    group: "Administration",
    kind: cidrList,
    default: [],
    help: "networks that may read the admin pages",
  }),

  logLevel: setting({
    group: "Log",
    kind: choice(["debug", "info", "warning", "error"]),
    default: "info",
    help: "least important level shown: debug, info, warning, error",
  }),
  logFormat: setting({
    group: "Log",
    kind: choice(["text", "json"]),
    default: "text",
    help: "text, or json for a JSON object a line",
  }),
  accessLog: setting({
    group: "Log",
    kind: toggle,
    default: false,
    help: "log each request",
  }),
} as const;

/** The name of a setting, in camel case. */
export type SettingName = keyof typeof SETTINGS;

/** The value each setting can have. */
export type SettingValues = {
  readonly [K in SettingName]: (typeof SETTINGS)[K] extends
    Setting<infer T, infer D> ? T | D : never;
};

/** The names of all settings, in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The environment variable of a setting: `POOL_SIZE` for `poolSize`. */
export function variableOf(name: SettingName): string {
  return name.replace(/[A-Z]/g, "_$&").toUpperCase();
}

/** The flag of a setting, without its dashes: `pool-size` for `poolSize`. */
export function flagOf(name: SettingName): string {
  return name.replace(/[A-Z]/g, "-$&").toLowerCase();
}

/** All flags of a setting, without their dashes. */
export function flagsOf(name: SettingName): readonly string[] {
  const { shortFlag }: Setting<unknown> = SETTINGS[name];
  return shortFlag === undefined ? [flagOf(name)] : [flagOf(name), shortFlag];
}

// Infers the type of the value from the kind, and of the default from itself.
function setting<T, const D extends T | null>(
  setting: Setting<T, D>,
): Setting<T, D> {
  return setting;
}
