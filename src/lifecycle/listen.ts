/**
 * Opening the socket that clients connect to: a TCP port, or a unix socket.
 *
 * @module
 */

import { reachableAuthority } from "../shared/authority.ts";
import { closeQuietly } from "../shared/close_quietly.ts";
import { listenError, unixListenError } from "./start_error.ts";
import { type Acceptor, UnixListener } from "./unix_listener.ts";

/** What HOST begins with when it names a unix socket. */
export const UNIX_PREFIX = "unix:";

/** Connections the kernel holds for us until they are accepted. */
export const BACKLOG = 4096;

/** Where clients connect. */
export interface ListenOptions {
  /** An address, or `unix:/path`. */
  readonly host: string;
  /** A port; not used with a unix socket. */
  readonly port: number;
}

/** A socket that takes connections, and where. */
export interface OpenListener {
  /** Accepts connections; `null` where their descriptor is handed on. */
  readonly listener: Acceptor | null;
  /** The descriptor, where it is known. */
  readonly fd: number | null;
  /** The address, or `unix:/path`. */
  readonly hostname: string;
  /** The port; 0 with a unix socket. */
  readonly port: number;
  /** Takes the file of a unix socket away, while it is listened on; nothing else is done. */
  readonly removeFile: () => void;
  /** Closes it, when nobody accepts there any more. Harmless when that has been. */
  readonly close: () => void;
}

/** Opens the socket. @throws {StartError} When that cannot be done. */
export async function listen(options: ListenOptions): Promise<OpenListener> {
  const { host, port } = options;
  if (host.startsWith(UNIX_PREFIX)) {
    try {
      const path = host.slice(UNIX_PREFIX.length);
      const listener = await UnixListener.listen(path);
      const removeFile = (): void => listener.removeFile();
      const close = (): void => listener.close();
      return {
        listener,
        fd: null,
        hostname: host,
        port: 0,
        removeFile,
        close,
      };
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
    // The accept loop may have closed it.
    const close = (): void => closeQuietly(listener);
    const removeFile = (): void => {};
    return { listener, fd: null, hostname, port: bound, removeFile, close };
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
  { hostname, port }: Pick<OpenListener, "hostname" | "port">,
): string {
  if (hostname.startsWith(UNIX_PREFIX)) return hostname;
  return `${scheme}://${reachableAuthority({ hostname, port })}`;
}
