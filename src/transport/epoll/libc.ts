/**
 * The C library, opened: system calls as functions, and how the last one
 * failed. A call costs some 5 ns beside what the kernel does.
 *
 * Parameters are of 32 bits or buffers alone, where requests wait for the call:
 * others are slower. Lengths are those of buffers, and pointers that are
 * numbers none at all, so that their upper half is always zero.
 *
 * @module
 */

import { isGranted } from "../../shared/is_granted.ts";
import { errnoName, libraryPaths, type Platform } from "./abi.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  splice: {
    parameters: ["i32", "u32", "i32", "u32", "u32", "u32"],
    result: "i32",
  },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u32", "u32", "u32", "u32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  memcpy: { parameters: ["buffer", "pointer", "u32"], result: "pointer" },
  // Asked for rarely: it may be slow.
  madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
  // Of glibc alone: others give memory back by themselves.
  malloc_trim: { parameters: ["u32"], result: "i32", optional: true },
} as const;

/** The functions of the C library that are used here, under their own names. */
export type LibcFunctions = OpenLibrary["symbols"];

/** The library as Deno has it. */
export type OpenLibrary = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Why the C library cannot be had. */
export type UnavailableReason =
  /** This is no Linux on x86-64 or arm64. */
  | "platform"
  /** Deno was not started with the permission. */
  | "permission"
  /** It is not where it should be. */
  | "library";

/** System calls cannot be made from here. */
export class NativeUnavailableError extends Error {
  override readonly name = "NativeUnavailableError";
  readonly reason: UnavailableReason;
  /** What to do about it, as a sentence. */
  readonly remedy: string;

  /** Says why, and what to do about it. */
  constructor(reason: UnavailableReason, what: string, remedy: string) {
    super(`Cannot make system calls: ${what}. ${remedy}`);
    this.reason = reason;
    this.remedy = remedy;
  }
}

/** A system call has failed that must not. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  /** The name of the error number, such as `EADDRINUSE`. */
  readonly code: string;

  /** `action` completes the sentence "Cannot ...". */
  constructor(action: string, errno: number) {
    super(`Cannot ${action}: ${errnoName(errno)}`);
    this.code = errnoName(errno);
  }
}

/** The C library in the thread that has opened it. */
export class Libc {
  /** The functions. */
  readonly call: LibcFunctions;
  readonly #library: OpenLibrary;
  readonly #errnoAt: Deno.PointerValue;
  readonly #errno = new Int32Array(1);

  /** @param library What {@linkcode openLibc} opens. */
  constructor(library: OpenLibrary) {
    this.#library = library;
    this.call = library.symbols;
    // Each thread has one of its own.
    this.#errnoAt = this.call.__errno_location();
  }

  /** Gives it back: no call is made any more. */
  close(): void {
    this.#library.close();
  }

  /**
   * Why the last call failed. Right after it: whatever the runtime does in
   * between may change it.
   */
  errno(): number {
    // A copy, since a permission for one library does not include to look at
    // memory without its help.
    this.call.memcpy(this.#errno, this.#errnoAt, 4);
    return this.#errno[0]!;
  }

  /** Gives back to the kernel what the allocator keeps of memory that has been freed, by whichever thread. */
  trim(): void {
    this.call.malloc_trim?.(0);
  }

  /** Passes on the result of a call that must not fail. */
  check(result: number, action: string): number {
    if (result < 0) throw new SystemCallError(action, this.errno());
    return result;
  }
}

/**
 * Opens the C library: by a path of its own where Deno permits it, and so
 * with no wider permission than `--allow-ffi=PATH`.
 *
 * @throws {NativeUnavailableError} When it cannot be had.
 */
export function openLibc(platform: Platform = Deno.build): Libc {
  const paths = libraryPaths(platform);
  if (paths.length === 0) {
    throw new NativeUnavailableError(
      "platform",
      `this is ${platform.os} on ${platform.arch}`,
      "It takes Linux on x86-64 or arm64.",
    );
  }
  const permitted = paths.filter((path) => isPermitted(path));
  for (const path of permitted) {
    const libc = openAt(path);
    if (libc !== null) return libc;
  }
  // What the process itself has loaded, wherever that is.
  const libc = isPermitted() ? openAt("") : null;
  if (libc !== null) return libc;
  throw permitted.length < paths.length
    ? new NativeUnavailableError(
      "permission",
      "Deno does not permit to load the C library",
      `Start it with ${ffiFlag(platform)}.`,
    )
    : new NativeUnavailableError(
      "library",
      `the C library is not at ${paths.join(", ")}`,
      "Start Deno with --allow-ffi, so that the one it runs on is used.",
    );
}

/** The permission that {@linkcode openLibc} takes, as a flag of Deno's. */
export function ffiFlag(platform: Platform = Deno.build): string {
  const paths = libraryPaths(platform);
  return `--allow-ffi=${paths.find(exists) ?? paths[0]}`;
}

function openAt(path: string): Libc | null {
  try {
    return new Libc(Deno.dlopen(path, SYMBOLS));
  } catch {
    // Not there, or not this: another path may be.
    return null;
  }
}

function isPermitted(path?: string): boolean {
  const descriptor: Deno.FfiPermissionDescriptor = path === undefined
    ? { name: "ffi" }
    : { name: "ffi", path };
  return isGranted(descriptor);
}

/** Whether a file is there, as far as may be seen without asking for it. */
function exists(path: string): boolean {
  if (!isGranted({ name: "read", path })) return false;
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
