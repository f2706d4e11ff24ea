/**
 * The C library, with a book of the descriptors it has opened: none may be
 * left at the end, none closed twice, none used that is not open.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  Libc,
  type LibcFunctions,
  openLibc,
} from "../../../src/transport/epoll/libc.ts";

/** Calls whose first argument is a descriptor. */
const USERS = [
  "bind",
  "listen",
  "accept4",
  "connect",
  "getsockname",
  "getsockopt",
  "setsockopt",
  "recv",
  "send",
  "shutdown",
  "read",
  "write",
  "epoll_ctl",
  "epoll_wait",
] as const;

/** Calls that return a new descriptor. */
const OPENERS = ["socket", "accept4", "eventfd", "epoll_create1"] as const;

/** Once: to Deno, a library that is opened in a test and not closed is a leak. */
const original = openLibc().call;

type Call = (...args: unknown[]) => number;

/** Opens the C library as the transport does, and watches over descriptors. */
export class TrackedLibc extends Libc {
  /** Those that are open. */
  readonly open: Set<number>;
  readonly #counts: Map<string, number>;

  constructor() {
    const open = new Set<number>();
    const counts = new Map<string, number>();
    const call: Record<string, unknown> = { ...original };
    for (const name of USERS) {
      call[name] = checked(original[name] as Call, (fd) => {
        counts.set(name, 1 + (counts.get(name) ?? 0));
        assert.ok(open.has(fd), `${name}(${fd}): not open`);
      });
    }
    for (const name of OPENERS) {
      const opener = call[name] as Call;
      call[name] = (...args: unknown[]): number => {
        const fd = opener(...args);
        if (fd >= 0) open.add(fd);
        return fd;
      };
    }
    call["close"] = checked(original.close as Call, (fd) => {
      assert.ok(open.delete(fd), `close(${fd}): not open`);
    });
    super(call as LibcFunctions);
    this.open = open;
    this.#counts = counts;
  }

  /** How often a function was called that takes a descriptor. */
  count(name: (typeof USERS)[number]): number {
    return this.#counts.get(name) ?? 0;
  }
}

/** The same call, after a look at its descriptor. */
function checked(call: Call, check: (fd: number) => void): Call {
  return (...args) => {
    check(args[0] as number);
    return call(...args);
  };
}
