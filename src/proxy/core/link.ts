/**
 * What the state machines of the data plane ask of the world: connections,
 * somebody who opens them, a clock and a timer. The transports provide them.
 *
 * Nothing here waits. What takes time is begun by a call and reported by a
 * call back, never during the call that began it.
 *
 * @module
 */

import type { InputBuffer } from "./input_buffer.ts";

/**
 * What became of a write.
 *
 * - `written`: all of it is with the kernel; the octets are the caller's again.
 * - `pending`: {@linkcode LinkHandler.onWritten} will say so. Until then the
 *   octets must stay as they are, and nothing else may be written.
 * - `failed`: the peer takes no more.
 */
export type WriteResult = "written" | "pending" | "failed";

/** Content that was received and is to be written without anybody having seen it, in a pipe of the kernel's. */
export interface PipedContent {
  /** Octets. */
  readonly length: number;
  /** Drops it: nobody is to write it. */
  release(): void;
}

/** A connection whose content can go on to another of its kind in the kernel (splice(2)). */
export interface SplicingLink {
  /** How many of the octets that come next are content that need not be seen: they may be left out of the input. 0 to see all, and once some have come. */
  unseen: number;
  /** Takes what has come unseen, if anything: the caller hands it on or releases it. */
  takePiped(): PipedContent | null;
  /** Writes all of `content`, which is the link's from now on; as {@linkcode Link.write}. */
  writePiped(content: PipedContent): WriteResult;
}

/** Bytes both ways, in order: a connection, or TLS on one. */
export interface Link {
  /** What was received and not yet consumed. */
  readonly input: InputBuffer;
  /** Whoever is told of what happens. Whoever takes the link over puts itself here. */
  handler: LinkHandler;
  /** How content goes on unseen; `null` where it cannot. */
  readonly splicing: SplicingLink | null;
  /** Whether nothing more will come: the peer has ended, the connection broke, or it was closed. */
  readonly ended: boolean;
  /** Whether the connection broke, instead of being ended in order. */
  readonly failed: boolean;
  /** Whether we have closed it. */
  readonly closed: boolean;

  /**
   * Wants more: what comes is appended to {@linkcode input} and reported with
   * `onData`, again and again until {@linkcode pause}. What is in the input
   * already is not reported.
   *
   * @param inTurn Whether others go first that have waited for longer, where
   * more clients are busy than the loop gets round to.
   */
  resume(inTurn: boolean): void;
  /** Wants no more for now. What is in the input stays where it is. */
  pause(): void;
  /**
   * Wants to be told of the end alone. At most one read's worth of octets is
   * taken in meanwhile, without a report: look at the input before `resume`.
   *
   * @param brief Whether it is probably not for long, so that watching is not
   * worth a system call of its own until some time has passed.
   */
  watch(brief: boolean): void;

  /**
   * Writes the first octets of `bytes`. One write at a time.
   *
   * @param owned The pooled buffer that `bytes` is in, where that is handed
   * over: the link gives it back when it is written, or when nobody will.
   * @param length How many. @default {all}
   */
  write(
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
    length?: number,
  ): WriteResult;
  /**
   * Octets of all that was written that the peer has taken, as far as can be
   * seen: more of them show that it moves. May cost a system call.
   */
  taken(): number;
  /**
   * Tells the peer at once what has come of it, which the kernel puts off for
   * some 40 ms in the hope of octets to send with it: many peers send the
   * rest only then (Nagle's algorithm). Costs a system call; where the
   * transport cannot, nothing happens.
   */
  acknowledge(): void;
  /** Ends our side once what is pending has been written. The peer may go on. */
  endWrite(): void;
  /** Ends both sides in order, so that what was written arrives, and closes. */
  finish(): void;
  /** Closes at once, in both directions. The handler is not called any more. */
  close(): void;
  /** As {@linkcode close}, but so that the peer does not take it for an end in order, where the transport can. */
  cut(): void;
}

/** Is told what happens to a link. A call may do anything to the link, closing it included. */
export interface LinkHandler {
  /** There is more in the input. */
  onData(link: Link): void;
  /** Nothing more will come; `link.failed` says whether it broke. Once, and after all data; also while paused, where the transport sees it. */
  onEnd(link: Link): void;
  /** The pending write is over; not `written` when the peer takes no more. */
  onWritten(link: Link, written: boolean): void;
}

/** Handles nothing: until somebody takes a link over, and once it is closed. */
export const NOBODY: LinkHandler = Object.freeze({
  onData: () => {},
  onEnd: () => {},
  onWritten: () => {},
});

/** Where a worker listens. */
export interface Destination {
  /** A literal IP address. */
  readonly hostname: string;
  readonly port: number;
}

/** Why a connection could not be had. */
export interface ConnectFailure {
  /** `exhausted`: the process has no descriptors left; `out-of-ports`: the machine has no port left to connect there from. */
  readonly reason: "refused" | "exhausted" | "out-of-ports" | "other";
  /** As a sentence part, for the log. */
  readonly detail: string;
}

/** Opens connections to workers. */
export interface Connector {
  /** Begins to connect. Of the handler's two functions one is called, once, and not after `cancel`. */
  connect(to: Destination, handler: ConnectHandler): Cancellable;
}

/** Is told what became of an attempt to connect. */
export interface ConnectHandler {
  /** Connected: the link is the handler's, paused, with nothing read. */
  onConnected(link: Link): void;
  onConnectFailed(failure: ConnectFailure): void;
}

/** Something under way that can be called off. */
export interface Cancellable {
  /** Calls it off: nobody is called back any more. Harmless when it is over. */
  cancel(): void;
}

/** Time, which only the driver looks at. */
export interface Clock {
  /**
   * Monotonic time in milliseconds, without that in which nobody ran; may be
   * the same throughout a turn of the loop.
   */
  now(): number;
  /** The same, as it is at this moment: later than `now` in a turn that takes long. */
  exactNow(): number;
  /** Milliseconds since 1970. */
  wallTime(): number;
}

/** Calls back once, later. */
export interface Timers {
  /** Calls `callback` after `delayMs`. */
  after(delayMs: number, callback: () => void): Cancellable;
}
