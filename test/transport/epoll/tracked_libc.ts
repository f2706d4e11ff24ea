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
  "splice",
  "ioctl",
  "shutdown",
  "read",
  "write",
  "epoll_ctl",
  "epoll_wait",
] as const;

/** Calls that return a new descriptor. */
const OPENERS = ["socket", "accept4", "eventfd", "epoll_create1"] as const;

/** One that opens two, and returns neither. */
const PIPE_OPENER = "pipe2";

/** A call of the C library whose first argument is a descriptor. */
export type UserCall = (typeof USERS)[number];

/** One that returns a new descriptor. */
export type OpenerCall = (typeof OPENERS)[number] | typeof PIPE_OPENER;

type Call = (...args: unknown[]) => number;

/**
 * Has a look at the arguments of a call before it is made, and may change
 * them; a number other than 0 is what the call fails with instead.
 */
export type Interference = (name: UserCall, args: unknown[]) => number;

/** Once: to Deno, a library that is opened in a test and not closed is a leak. */
const original = openLibc().call;

/** Opens the C library as the transport does, and watches over descriptors. */
export class TrackedLibc extends Libc {
  /** Those that are open. */
  readonly open: Set<number>;
  /** What happens to calls before they are made. */
  interference: Interference = () => 0;
  readonly #counts = new Map<UserCall, number>();
  /** Openers that are to fail, and how. */
  readonly #failures = new Map<OpenerCall, number[]>();
  /** What the last call has failed with, if it was made to. */
  #forced = 0;

  constructor() {
    const open = new Set<number>();
    const call: Record<string, unknown> = { ...original };
    const state: { self: TrackedLibc | null } = { self: null };
    for (const name of USERS) {
      call[name] = (...args: unknown[]): number => {
        const fd = args[0] as number;
        assert.ok(open.has(fd), `${name}(${fd}): not open`);
        return state.self!.#use(name, args);
      };
    }
    for (const name of OPENERS) {
      const opener = call[name] as Call;
      call[name] = (...args: unknown[]): number => {
        const fd = state.self!.#fails(name) ? -1 : opener(...args);
        if (fd >= 0) open.add(fd);
        return fd;
      };
    }
    call[PIPE_OPENER] = (ends: Int32Array, flags: number): number => {
      if (state.self!.#fails(PIPE_OPENER)) return -1;
      const result = original.pipe2(ends as Int32Array<ArrayBuffer>, flags);
      if (result === 0) { for (const end of ends) open.add(end); }
      return result;
    };
    call["close"] = (fd: number): number => {
      assert.ok(open.delete(fd), `close(${fd}): not open`);
      return original.close(fd);
    };
    super({ symbols: call as LibcFunctions, close: () => {} });
    this.open = open;
    state.self = this;
  }

  /** Has the next call of a function fail. */
  failNext(name: OpenerCall, errno: number): void {
    const failures = this.#failures.get(name) ?? [];
    failures.push(errno);
    this.#failures.set(name, failures);
  }

  /** How often a function was called that takes a descriptor. */
  count(name: UserCall): number {
    return this.#counts.get(name) ?? 0;
  }

  override errno(): number {
    return this.#forced === 0 ? super.errno() : this.#forced;
  }

  #fails(name: OpenerCall): boolean {
    this.#forced = this.#failures.get(name)?.shift() ?? 0;
    return this.#forced !== 0;
  }

  #use(name: UserCall, args: unknown[]): number {
    this.#counts.set(name, 1 + this.count(name));
    this.#forced = this.interference(name, args);
    return this.#forced === 0 ? (original[name] as Call)(...args) : -1;
  }
}
