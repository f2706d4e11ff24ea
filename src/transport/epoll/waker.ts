/**
 * Waking a loop that waits, from another thread.
 *
 * @module
 */

import { EFD, ERRNO } from "./abi.ts";
import type { Libc } from "./libc.ts";

/** An eventfd is added to in steps of 64 bits. */
const ONE = new BigUint64Array([1n]);

/** Owns the eventfd that a loop listens to. It outlives the loop, or somebody else's descriptor would be written to. */
export class Waker {
  /** The number of the descriptor: what the loop is given, and other threads. */
  readonly fd: number;
  readonly #libc: Libc;

  /** Opens it. */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.fd = libc.check(
      libc.call.eventfd(0, EFD.NONBLOCK | EFD.CLOEXEC),
      "create an eventfd",
    );
  }

  /** Wakes the loop, or has it turn once more. */
  wake(): void {
    wake(this.#libc, this.fd);
  }

  /** Closes it, when nobody uses the number any more. */
  close(): void {
    this.#libc.call.close(this.fd);
  }
}

/** Wakes the loop that listens to an eventfd; from any thread, with its own C library. */
export function wake(libc: Libc, fd: number): void {
  const written = libc.call.write(fd, ONE, ONE.byteLength);
  // A counter that is full has woken the loop long since.
  if (written < 0 && libc.errno() !== ERRNO.EAGAIN) {
    libc.check(written, "wake the loop");
  }
}
