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
  /** Openers that are to fail, and how. */
  readonly #failures: Map<string, number[]>;
  /** What the call that has just failed did so with, if it was made to. */
  readonly #forced: { errno: number };

  constructor() {
    const open = new Set<number>();
    const counts = new Map<string, number>();
    const failures = new Map<string, number[]>();
    const forced = { errno: 0 };
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
        forced.errno = failures.get(name)?.shift() ?? 0;
        if (forced.errno !== 0) return -1;
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
    this.#failures = failures;
    this.#forced = forced;
  }

  /** Has the next call of a function fail. */
  failNext(name: (typeof OPENERS)[number], errno: number): void {
    const failures = this.#failures.get(name) ?? [];
    failures.push(errno);
    this.#failures.set(name, failures);
  }

  override errno(): number {
    const { errno } = this.#forced;
    this.#forced.errno = 0;
    return errno === 0 ? super.errno() : errno;
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
