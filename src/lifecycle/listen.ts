/**
 * Opening the socket that clients connect to: a TCP port, or a unix socket.
 *
 * @module
 */

import { socketPathOf } from "../shared/authority.ts";
import { closeQuietly } from "../shared/close_quietly.ts";
import { listenError, unixListenError } from "./start_error.ts";
import { type Acceptor, UnixListener } from "./unix_listener.ts";

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
  const path = socketPathOf(host);
  if (path !== null) {
    try {
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
