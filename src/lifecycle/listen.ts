/**
 * Opening the socket that clients connect to: a TCP port, or a unix socket.
 *
 * @module
 */

import { listenError, unixListenError } from "./start_error.ts";

/** What HOST begins with when it names a unix socket. */
export const UNIX_PREFIX = "unix:";

/** Connections the kernel holds for us until they are accepted. */
const BACKLOG = 4096;

/** Where clients connect. */
export interface ListenOptions {
  /** An address, or `unix:/path`. */
  readonly host: string;
  /** A port; not used with a unix socket. */
  readonly port: number;
}

/** A socket that takes connections, and where. */
export interface OpenListener {
  readonly listener: Deno.Listener;
  /** The address, or `unix:/path`. */
  readonly hostname: string;
  /** The port; 0 with a unix socket. */
  readonly port: number;
}

/** Opens the socket. @throws {StartError} When that cannot be done. */
export async function listen(options: ListenOptions): Promise<OpenListener> {
  const { host, port } = options;
  if (host.startsWith(UNIX_PREFIX)) {
    try {
      const path = host.slice(UNIX_PREFIX.length);
      return { listener: await listenUnix(path), hostname: host, port: 0 };
    } catch (error) {
      throw unixListenError(host, error);
    }
  }
  try {
    const listener = Deno.listen({
      hostname: host,
      port,
      tcpBacklog: BACKLOG,
    });
    const { hostname, port: bound } = listener.addr;
    return { listener, hostname, port: bound };
  } catch (error) {
    const settings = { hostSetting: "HOST", portSetting: "PORT" };
    throw await listenError({ host, port, ...settings }, error);
  }
}

/**
 * The address of a listener as a URL, without a slash at the end. `0.0.0.0`
 * and `::` are written as the loopback address, so that it can be opened.
 */
export function urlOf(
  scheme: string,
  { hostname, port }: OpenListener,
): string {
  if (hostname.startsWith(UNIX_PREFIX)) return hostname;
  const host = hostname === "0.0.0.0"
    ? "127.0.0.1"
    : hostname === "::"
    ? "[::1]"
    : hostname.includes(":")
    ? `[${hostname}]`
    : hostname;
  return `${scheme}://${host}:${port}`;
}

/** Takes the file of a unix socket away that is not listened on any more. */
export function removeSocketFile({ hostname }: OpenListener): void {
  if (!hostname.startsWith(UNIX_PREFIX)) return;
  try {
    Deno.removeSync(hostname.slice(UNIX_PREFIX.length));
  } catch (error) {
    // Somebody else has taken it away, which is all that was wanted.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Binds a unix socket; the file that a dead program has left behind is replaced. */
async function listenUnix(path: string): Promise<Deno.Listener> {
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    if (!await isAbandoned(path)) throw error;
    await Deno.remove(path);
    return Deno.listen({ transport: "unix", path });
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  // Connecting to any other file is refused too.
  if (!(await Deno.lstat(path)).isSocket) return false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}
