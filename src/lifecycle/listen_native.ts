/**
 * Opening a listening socket whose descriptor is known: threads are given its
 * number, and may come and go without a client being refused.
 *
 * @module
 */

import type { Libc } from "../transport/epoll/libc.ts";
import { listen as listenAt } from "../transport/epoll/listening_socket.ts";
import {
  BACKLOG,
  listen,
  type ListenOptions,
  type OpenListener,
} from "./listen.ts";

/** Opens the socket. @throws {StartError} When that cannot be done. */
export async function listenNative(
  libc: Libc,
  options: ListenOptions,
): Promise<OpenListener> {
  const hostname = await literalAddress(options);
  try {
    const where = { hostname, port: options.port };
    const { fd, port } = listenAt(libc, where, { backlog: BACKLOG });
    return {
      listener: null,
      fd,
      hostname,
      port,
      removeFile: () => {},
      close: () => libc.call.close(fd),
    };
  } catch (error) {
    // The runtime fails in the same way, and says it in the words that are
    // known elsewhere.
    const opened = await listen(options);
    opened.close();
    throw error;
  }
}

/** What a host's name stands for, as the runtime has it. @throws {StartError} When it cannot be listened on. */
async function literalAddress(options: ListenOptions): Promise<string> {
  const { host } = options;
  if (/^[\d.]+$|:/.test(host)) return host;
  // A port that is taken is no hindrance here; where the name is one, the
  // error names the port that was asked for.
  const opened = await listen({ host, port: 0 }).catch(() => listen(options));
  opened.close();
  return opened.hostname;
}
