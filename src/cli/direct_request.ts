/**
 * Requests to a pool on this machine: over a connection of our own, which no
 * proxy of the environment is asked for, and whose certificate may be any.
 *
 * It is our own pool, on an address that only this machine has: a certificate
 * for the name that clients use proves nothing here, and an HTTP_PROXY would
 * be handed the token.
 *
 * @module
 */

import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { AdminEndpoint } from "../registry/pool_record.ts";

/** One request. */
export interface DirectRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** PROXY protocol, version 2, command LOCAL: the connection is the sender's own (§2.2). */
const LOCAL_HEADER = new Uint8Array([
  ...new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n"),
  0x20,
  0x00,
  0x00,
  0x00,
]);

const LOOPBACK = /^(127\.|::1$|localhost$)/i;

/** What stands for every address, and where that is asked: both, where IPv6 is on. */
const ANY_ADDRESS: Readonly<Record<string, readonly string[]>> = {
  "0.0.0.0": ["127.0.0.1"],
  "::": ["::1", "127.0.0.1"],
};

/** Statuses whose responses have no content (RFC 9110 §15). */
const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);

/** One way to open a connection. */
interface Route {
  readonly host: string;
  /** Our own address; `undefined` is what the kernel chooses. */
  readonly localAddress?: string;
}

/** Sends a request, and resolves to the response as it begins. @throws {Error} When none comes. */
export async function requestDirectly(
  endpoint: AdminEndpoint,
  request: DirectRequest,
): Promise<Response> {
  const { signal } = request;
  const socket = await open(endpoint, signal);
  try {
    if (endpoint.proxyProtocol) socket.write(LOCAL_HEADER);
    const stream = endpoint.tls ? await secure(socket, signal) : socket;
    return await exchange(stream, request);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Tries the routes there are; the first error is the one that says something. */
async function open(
  endpoint: AdminEndpoint,
  signal?: AbortSignal,
): Promise<Socket> {
  if (endpoint.transport === "unix") {
    return await connected(connectSocket({ path: endpoint.path }), signal);
  }
  const { host, port } = endpoint;
  let first: unknown;
  for (const route of routesTo(host)) {
    try {
      return await connected(connectSocket({ ...route, port }), signal);
    } catch (error) {
      first ??= error;
      if (signal?.aborted) break;
    }
  }
  throw first;
}

/**
 * From the loopback address, an address of this machine is reached as well,
 * and the pool sees that we are here. Not so one of another machine.
 */
function routesTo(host: string): readonly Route[] {
  const hosts = ANY_ADDRESS[host] ?? [host];
  return hosts.flatMap((host): readonly Route[] =>
    isIP(host) === 0 || LOOPBACK.test(host) ? [{ host }] : [
      { host, localAddress: host.includes(":") ? "::1" : "127.0.0.1" },
      { host },
    ]
  );
}

function connected<S extends Socket>(
  socket: S,
  signal?: AbortSignal,
  event: "connect" | "secureConnect" = "connect",
): Promise<S> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", settle);
      socket.off("close", onClose);
      socket.off(event, onConnect);
      if (error === undefined) return resolve(socket);
      socket.on("error", ignore);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => settle(signal!.reason);
    const onClose = (): void => settle(new Error("the connection was closed"));
    const onConnect = (): void => settle();
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort);
    socket.once("error", settle);
    socket.once("close", onClose);
    socket.once(event, onConnect);
  });
}

function secure(socket: Socket, signal?: AbortSignal): Promise<Socket> {
  const stream = connectTls({ socket, rejectUnauthorized: false });
  return connected(stream, signal, "secureConnect");
}

function exchange(
  socket: Socket,
  { method, path, headers, body, signal }: DirectRequest,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      method,
      path,
      headers: {
        ...headers,
        // A name that nobody can give away, whatever address was asked.
        Host: "localhost",
        Connection: "close",
        ...body === undefined ? {} : {
          "Content-Length": String(new TextEncoder().encode(body).length),
        },
      },
      createConnection: () => socket,
      ...signal === undefined ? {} : { signal },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      // What goes wrong from now on is an error of the body.
      outgoing.on("error", ignore);
      socket.on("error", ignore);
      incoming.once("close", () => socket.destroy());
      try {
        resolve(responseOf(incoming));
      } catch (error) {
        // A status or a field that no pool sends.
        reject(error);
      }
    });
    outgoing.end(body);
  });
}

function responseOf(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, String(value));
  }
  const status = incoming.statusCode ?? 0;
  const body = NO_CONTENT.has(status)
    ? null
    : Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  return new Response(body, { status, headers });
}

/** Whoever waits has been told already, by the end of what he reads. */
function ignore(): void {}

/** Whether a host in a URL can only be this machine. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return LOOPBACK.test(host) || host.endsWith(".localhost");
}
