/**
 * Opening a socket that listens. Whoever opens it owns it: loops are given its
 * number, and may come and go without a client being refused.
 *
 * @module
 */

import { SO, SOCK } from "./abi.ts";
import type { Libc } from "./libc.ts";
import {
  internetAddress,
  MAX_SOCKET_ADDRESS_BYTES,
  readInternetAddress,
  unixAddress,
} from "./socket_address.ts";

/** Connections that wait in the kernel: as Deno has it. */
const BACKLOG = 511;

/** Where to listen. */
export type ListenAddress =
  /** A literal IP address; port 0 for any that is free. */
  | { readonly hostname: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string };

/** How to listen. */
export interface ListenOptions {
  /** Connections that may wait to be accepted. @default 511 */
  readonly backlog?: number;
}

/** A socket that listens. */
export interface ListeningSocket {
  readonly fd: number;
  /** The port; 0 for a Unix socket. */
  readonly port: number;
}

const ONE = new Int32Array([1]);

/**
 * Opens a socket that listens. What it accepts sends without delay.
 *
 * @throws {SystemCallError} When that cannot be, such as for a port that is taken.
 */
export function listen(
  libc: Libc,
  where: ListenAddress,
  { backlog = BACKLOG }: ListenOptions = {},
): ListeningSocket {
  const { call } = libc;
  const isUnix = "path" in where;
  const { family, bytes } = isUnix
    ? unixAddress(where.path)
    : internetAddress(where);
  const name = isUnix ? where.path : `${where.hostname}:${where.port}`;
  const type = SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const fd = libc.check(call.socket(family, type, 0), "open a socket");
  try {
    if (!isUnix) setInternetOptions(libc, fd);
    libc.check(call.bind(fd, bytes, bytes.length), `listen at ${name}`);
    libc.check(call.listen(fd, backlog), `listen at ${name}`);
    return { fd, port: isUnix ? 0 : portOf(libc, fd) };
  } catch (error) {
    call.close(fd);
    throw error;
  }
}

/** Options that accepted connections inherit, so that they need no calls of their own. */
function setInternetOptions(libc: Libc, fd: number): void {
  const set = (level: number, option: number): void => {
    const result = libc.call.setsockopt(fd, level, option, ONE, 4);
    libc.check(result, "set an option of a listening socket");
  };
  set(SO.SOL_SOCKET, SO.REUSEADDR);
  set(SO.IPPROTO_TCP, SO.TCP_NODELAY);
}

function portOf(libc: Libc, fd: number): number {
  const bytes = new Uint8Array(MAX_SOCKET_ADDRESS_BYTES);
  const length = new Uint32Array([bytes.length]);
  libc.check(
    libc.call.getsockname(fd, bytes, length),
    "read the address of a socket",
  );
  return readInternetAddress(bytes)!.port;
}
