/**
 * How requests get to the admin pages: on the public port the data plane
 * hands them over, on a port of their own `Deno.serve` does.
 *
 * @module
 */

import type { Hono } from "npm:hono@^4.13.19";
import type { AdminRequest, AdminSite } from "../plane/contract.ts";
import {
  type AccessOptions,
  AdminAccess,
  type Caller,
  isRebound,
} from "./access.ts";
import { DASHBOARD_PATHS } from "./dashboard/dashboard.ts";

/** What may be done with a page, and by whom. */
interface Page {
  readonly methods: readonly string[];
  /** Whether it responds to everyone, with nothing but the status. */
  readonly public: boolean;
}

const READABLE: Page = { methods: ["GET", "HEAD"], public: false };

/** The pages. What is spelled in any other way is the application's. */
const PAGES: ReadonlyMap<string, Page> = new Map([
  ["/_health", { ...READABLE, public: true }],
  ["/_ready", { ...READABLE, public: true }],
  ["/_metrics", READABLE],
  ["/_metrics/history", READABLE],
  // Without HEAD: a stream would be begun for nobody.
  ["/_events", { methods: ["GET"], public: false }],
  ...DASHBOARD_PATHS.map((path) => [path, READABLE] as const),
  ["/_admin/instance", READABLE],
  ["/_admin/stop", { methods: ["POST"], public: false }],
  ["/_admin/reload", { methods: ["POST"], public: false }],
  ["/_admin/scale", { methods: ["POST"], public: false }],
]);

/** The pages on the public port, for those who may see them. */
export function adminSite(app: Hono, access: AccessOptions): AdminSite {
  return {
    gate: {
      pages: [...PAGES].map(([path, page]) => ({ path, public: page.public })),
      access,
    },
    respond: async (request, body) =>
      refuseMethod(PAGES.get(pathOf(request.target))!, request.method) ??
        await app.fetch(asRequest(request, body)),
  };
}

/** Serves the pages on a port of their own, to those who may see them. */
export function serveAdmin(
  app: Hono,
  options: AccessOptions & {
    readonly adminHost: string;
    readonly adminPort: number;
  },
): Deno.HttpServer<Deno.NetAddr> {
  // Whoever chose a host for these pages has chosen who can reach them;
  // a token or a list of addresses narrows that down.
  const restricted = options.adminToken !== null ||
    options.adminAllow.length > 0;
  // Nobody puts a PROXY header in front of a request to this port.
  const access = new AdminAccess({ ...options, proxyProtocol: false });
  return Deno.serve(
    {
      hostname: options.adminHost,
      port: options.adminPort,
      onListen: () => {},
    },
    (request, info) => {
      const page = PAGES.get(new URL(request.url).pathname);
      const caller: Caller = {
        clientAddress: info.remoteAddr.hostname,
        headers: [...request.headers],
      };
      if (!page?.public) {
        if (restricted && !access.permits(caller)) return unauthorized();
        if (!restricted && isRebound(caller)) return misdirected();
      }
      return (page && refuseMethod(page, request.method)) ??
        app.fetch(request);
    },
  );
}

function pathOf(target: string): string {
  const [path = ""] = target.split("?", 1);
  return path;
}

function asRequest(
  { method, target, headers }: AdminRequest,
  body: Uint8Array<ArrayBuffer>,
): Request {
  // The host is ours: what a client says in Host chooses nothing here.
  return new Request(new URL(`http://admin.invalid${target}`), {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    ...(body.length > 0 && method === "POST" ? { body } : {}),
  });
}

function refuseMethod(page: Page, method: string): Response | null {
  if (page.methods.includes(method)) return null;
  return new Response("405 Method Not Allowed\n", {
    status: 405,
    headers: { Allow: page.methods.join(", ") },
  });
}

function unauthorized(): Response {
  return new Response("401 Unauthorized\n", {
    status: 401,
    headers: { "WWW-Authenticate": "Bearer" },
  });
}

function misdirected(): Response {
  return new Response(
    "421 Misdirected Request: ask for an address or localhost, or set ADMIN_TOKEN\n",
    { status: 421 },
  );
}
