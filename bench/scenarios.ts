/**
 * What is asked of every peer.
 *
 * @module
 */

import { UPLOAD_PATH } from "./support/origin_bodies.ts";

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

const GET = {
  connections: CONNECTIONS,
  headers: [],
  uploadBytes: 0,
} as const;

/** Every scenario, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...GET,
    name: "small",
    description: "GET, 12-byte body",
    path: "/small",
  },
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
  {
    ...GET,
    name: "latency",
    description: "GET, 12-byte body",
    path: "/small",
    connections: 1,
  },
];
