/**
 * What Linux and its C libraries agree on with programs, as data: constants,
 * layouts, and where the libraries are. Calls nothing.
 *
 * The constants are the same on x86-64 and arm64, with glibc and musl.
 *
 * @module
 */

/** Address families. */
export const AF = { UNIX: 1, INET: 2, INET6: 10 } as const;

/** Kinds of sockets, and flags that go with them. */
export const SOCK = {
  STREAM: 1,
  NONBLOCK: 0x800,
  CLOEXEC: 0x80000,
} as const;

/** Levels and names of socket options. */
export const SO = {
  SOL_SOCKET: 1,
  REUSEADDR: 2,
  ERROR: 4,
  LINGER: 13,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  TCP_QUICKACK: 12,
} as const;

/** Flags of `recv` and `send`. */
export const MSG = { PEEK: 0x2, DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

/** Flags of `splice`. */
export const SPLICE = { MOVE: 0x1, NONBLOCK: 0x2 } as const;

/** Flags of `pipe2`: `O_NONBLOCK` and `O_CLOEXEC`. */
export const PIPE_FLAGS = 0x80800;

/** Flags of `open`: `O_RDONLY` and `O_CLOEXEC`. */
export const OPEN_FLAGS = 0x80000;

/** Advice of `madvise`: the pages are not needed. */
export const MADV_DONTNEED = 4;

/** The clock of the CPU time that all threads of a process have used, of whoever it is: what `clock_getcpuclockid` says. */
export function processClock(pid: number): number {
  return (~pid << 3) | 2;
}

/** Command of `fcntl` that sets the size of a pipe. */
export const F_SETPIPE_SZ = 1031;

/** Request of `ioctl`: how many octets a socket has that its peer has not acknowledged. */
export const SIOCOUTQ = 0x5411;

/** Option of `prctl`: by how much timers of the calling thread may be late, in nanoseconds. */
export const PR_SET_TIMERSLACK = 29;

/** What `shutdown` ends. */
export const SHUT_WR = 1;

/** Events of `epoll`. `ERR` and `HUP` are always reported. */
export const EPOLL = { IN: 0x1, OUT: 0x4, ERR: 0x8, HUP: 0x10 } as const;

/** Operations of `epoll_ctl`. */
export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;

/** `EPOLL_CLOEXEC`. */
export const EPOLL_CLOEXEC = 0x80000;

/** Flags of `eventfd`. */
export const EFD = { NONBLOCK: 0x800, CLOEXEC: 0x80000 } as const;

/** Error numbers that somebody here decides by, or is likely to read. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ENOTSOCK: 88,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
} as const;

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([name, number]) => [number, name]),
);

/** The name of an error number, such as `EMFILE`. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

/** Whether the process, or the machine, has no descriptors or socket memory left: it passes. */
export function isExhaustion(errno: number): boolean {
  return errno === ERRNO.EMFILE || errno === ERRNO.ENFILE ||
    errno === ERRNO.ENOBUFS || errno === ERRNO.ENOMEM;
}

/** Whether it is a connection that has broken, and not a call that cannot be made. */
export function isBroken(errno: number): boolean {
  switch (errno) {
    case ERRNO.EPIPE:
    case ERRNO.ENETDOWN:
    case ERRNO.ENETUNREACH:
    case ERRNO.ECONNABORTED:
    case ERRNO.ECONNRESET:
    case ERRNO.ETIMEDOUT:
    case ERRNO.EHOSTUNREACH:
      return true;
    default:
      return false;
  }
}

/** Where the fields of `struct epoll_event` are, in words of 32 bits; `events` is the first. */
export interface EpollEventLayout {
  /** Length of the structure. */
  readonly words: number;
  /** First of the two words of `data`. */
  readonly data: number;
}

/** `struct epoll_event`: packed on x86-64, and aligned everywhere else. */
export function epollEventLayout(arch: string): EpollEventLayout {
  return arch === "x86_64" ? { words: 3, data: 1 } : { words: 4, data: 2 };
}

/** Where the C library is, by C library and architecture, in the order of trial. */
const LIBRARY_PATHS: Readonly<Record<string, readonly string[]>> = {
  "gnu x86_64": [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ],
  "gnu aarch64": [
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ],
  "musl x86_64": ["/lib/ld-musl-x86_64.so.1"],
  "musl aarch64": ["/lib/ld-musl-aarch64.so.1"],
};

/** A platform, as `Deno.build` has it. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** The C library: `gnu` or `musl`. */
  readonly env?: string | undefined;
}

/** Where the C library of a platform may be; empty where this transport does not run. */
export function libraryPaths({ os, arch, env }: Platform): readonly string[] {
  if (os !== "linux") return [];
  return LIBRARY_PATHS[`${env ?? "gnu"} ${arch}`] ?? [];
}
