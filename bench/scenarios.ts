/**
 * What is asked of every peer.
 *
 * @module
 */

import { UPLOAD_PATH } from "./support/origin_bodies.ts";

/**
 * What stands behind the balancers: `usual` workers as many as the command
 * line says, or light ones, 4 or `many`, with which the balancer is the limit.
 */
export type StandName = "usual" | "light" | "many";

/** How many workers there are on the stand `light`. */
export const LIGHT_WORKERS = 4;

/** How many workers there are on the stand `many`. */
export const MANY_WORKERS = 64;

/** One kind of traffic. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  /** Clients at once, each with one request at a time. */
  readonly connections: number;
  /** Request fields beyond Host. */
  readonly headers: readonly string[];
  /** Length of the request's body; 0 is a GET. */
  readonly uploadBytes: number;
  readonly stand: StandName;
  /** How long clients connect, and the load settles, before a round begins. */
  readonly settleSeconds: number;
  /** The scenario it differs from in one respect, measured in turns with it; or `null`. */
  readonly variantOf: string | null;
}

/** What a current browser sends with a navigation: about 700 bytes with the cookie. */
const BROWSER_HEADERS = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Cache-Control: max-age=0",
  'Sec-CH-UA: "Chromium";v="131", "Not_A Brand";v="24"',
  "Sec-CH-UA-Mobile: ?0",
  'Sec-CH-UA-Platform: "Linux"',
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "Upgrade-Insecure-Requests: 1",
  "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark",
];

/** Large bodies: enough to keep the balancer busy, few enough for small buffers to matter. */
const LARGE_BODY_CONNECTIONS = 8;

/** The number of clients that the figures of this field are usually given for. */
const CONNECTIONS = 32;

/** The clients of a busy site, each with a connection of its own. */
const MANY_CONNECTIONS = 5000;

/** Enough for all to connect, those included whose first attempt found the backlog full. */
const MANY_CONNECTIONS_SETTLE_SECONDS = 4;

const GET = {
  connections: CONNECTIONS,
  headers: [],
  uploadBytes: 0,
  stand: "usual",
  settleSeconds: 0,
  variantOf: null,
} as const;

const SMALL = {
  ...GET,
  description: "GET, 12-byte body",
  path: "/small",
} as const;

/** Every scenario, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  { ...SMALL, name: "small" },
  {
    ...GET,
    name: "browser",
    description: "GET with a browser's fields, 1 KiB body",
    path: "/1k",
    headers: BROWSER_HEADERS,
  },
  { ...GET, name: "10k", description: "GET, 10 KiB body", path: "/10k" },
  {
    ...GET,
    name: "chunked",
    description: "GET, 10 KiB body in chunks of 4 KiB",
    path: "/chunked",
  },
  {
    ...GET,
    name: "1m",
    description: "GET, 1 MiB body",
    path: "/1m",
    connections: LARGE_BODY_CONNECTIONS,
  },
  {
    ...GET,
    name: "upload",
    description: "POST, 1 MiB body",
    path: UPLOAD_PATH,
    connections: LARGE_BODY_CONNECTIONS,
    uploadBytes: 1_048_576,
  },
  {
    ...GET,
    name: "connect",
    description: "GET, 12-byte body, a new connection for each request",
    path: "/small",
    headers: ["Connection: close"],
  },
  { ...SMALL, name: "latency", connections: 1 },
  {
    ...SMALL,
    name: "saturation",
    description: `${SMALL.description}, ${LIGHT_WORKERS} light workers`,
    stand: "light",
  },
  {
    ...SMALL,
    name: "workers",
    description: `${SMALL.description}, ${MANY_WORKERS} light workers`,
    stand: "many",
    variantOf: "saturation",
  },
  {
    ...SMALL,
    name: "clients",
    description: `${SMALL.description}, ${LIGHT_WORKERS} light workers`,
    stand: "light",
    connections: MANY_CONNECTIONS,
    settleSeconds: MANY_CONNECTIONS_SETTLE_SECONDS,
    variantOf: "saturation",
  },
];

/**
 * The scenarios in groups that are measured in turns: each with its variants.
 * A variant brings along what it is a variant of.
 */
export function scenarioGroups(
  chosen: readonly Scenario[],
): readonly (readonly Scenario[])[] {
  return SCENARIOS
    .filter(({ variantOf }) => variantOf === null)
    .map((scenario) => [
      scenario,
      ...chosen.filter(({ variantOf }) => variantOf === scenario.name),
    ])
    .filter((group) =>
      group.length > 1 || group.some((scenario) => chosen.includes(scenario))
    );
}
