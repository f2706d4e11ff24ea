/**
 * Agrees with other pools on the same machine which port is whose, from before
 * a worker is started until it is gone: between these, nobody listens there,
 * and each pool would find it free.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";

/** A port that is locked. */
export interface PortLock {
  /** Unlocks it. */
  close(): void;
}

/** Locks a port: {@linkcode lockPort}, or a stand-in. */
export type LockPort = (port: number) => PortLock | "locked" | null;

/**
 * Locks `port` for this process.
 *
 * The lock is a socket in Linux' abstract namespace: it takes no port, no file
 * and no permission of a file, is seen by every user of the machine and by
 * nobody in another network namespace, which has other ports, and the kernel
 * lets go of it when this process ends, however that happens. Workers do not
 * inherit it.
 *
 * @returns `"locked"` when another pool has it; `null` where there are no such
 * locks, or without the permission to use the whole network.
 */
export function lockPort(port: number): PortLock | "locked" | null {
  if (Deno.build.os !== "linux" || !isGranted({ name: "net" })) return null;
  try {
    return Deno.listen({
      transport: "unix",
      path: `\0prefork-pool/port/${port}`,
    });
  } catch (error) {
    // No descriptor to lock with, no permission after all, or no sockets of
    // this kind (`RestrictAddressFamilies=`): a port without a lock is better
    // than none.
    return error instanceof Deno.errors.AddrInUse ? "locked" : null;
  }
}
