/**
 * The admin pages: `/_health`, `/_ready` and `/_metrics`.
 *
 * Knows nothing of how requests reach it: on the public port the data plane
 * hands them over, on a port of their own `Deno.serve` does.
 *
 * @module
 */

import { Hono } from "hono";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import type { AdminHandler, AdminRequest } from "../proxy/context.ts";
import {
  type AccessOptions,
  AdminAccess,
  type Caller,
  isRebound,
} from "./access.ts";

/** What the pages show. */
export interface AdminSources {
  /** Whether requests are accepted and a worker is ready. */
  readonly ready: () => boolean;
  readonly metrics: () => MetricsSnapshot;
}

/** The pages that answer everyone, with nothing but the status. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set(["/_health", "/_ready"]);

/** The pages that answer only those who may see them. */
const PROTECTED_PATHS: ReadonlySet<string> = new Set(["/_metrics"]);

/** The pages are there to be read: nothing is changed by them. */
const READ_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Makes the pages. */
export function createAdmin(sources: AdminSources): Hono {
  const app = new Hono();
  app.get("/_health", (c) => c.text("ok\n"));
  app.get(
    "/_ready",
    (c) => sources.ready() ? c.text("ready\n") : c.text("not ready\n", 503),
  );
  app.get("/_metrics", (c) => {
    c.header("Cache-Control", "no-store");
    return c.json(sources.metrics());
  });
  return app;
}

/** Answers for the pages on the public port, to those who may see them. */
export function adminHandler(app: Hono, options: AccessOptions): AdminHandler {
  const access = new AdminAccess(options);
  return (request) => {
    if (!isServed(request, access)) return null;
    const { method, target, headers } = request;
    if (!READ_METHODS.has(method)) {
      return () => Promise.resolve(methodNotAllowed());
    }
    // The host is ours: what a client says in Host chooses nothing here.
    const url = new URL(`http://admin.invalid${target}`);
    return async () =>
      await app.fetch(
        new Request(url, { method, headers: headers.map(([n, v]) => [n, v]) }),
      );
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
      const { pathname } = new URL(request.url);
      const caller: Caller = {
        clientAddress: info.remoteAddr.hostname,
        headers: [...request.headers],
      };
      if (PUBLIC_PATHS.has(pathname)) return app.fetch(request);
      if (restricted && !access.permits(caller)) return unauthorized();
      if (!restricted && isRebound(caller)) return misdirected();
      return app.fetch(request);
    },
  );
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

function methodNotAllowed(): Response {
  return new Response("405 Method Not Allowed\n", {
    status: 405,
    headers: { Allow: "GET, HEAD" },
  });
}

/** Compares the path octet for octet: what is spelled in any other way is the application's. */
function isServed(request: AdminRequest, access: AdminAccess): boolean {
  const [path = ""] = request.target.split("?", 1);
  if (PUBLIC_PATHS.has(path)) return true;
  return PROTECTED_PATHS.has(path) && access.permits(request);
}
