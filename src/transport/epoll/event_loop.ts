/**
 * A loop that waits for descriptors and for time, and blocks its thread while
 * it does: it has one to itself.
 *
 * Interest is level-triggered: what is not taken care of is reported again.
 * Knows nothing of sockets.
 *
 * @module
 */

import type { Cancellable, Clock, Timers } from "../../proxy/core/link.ts";
import {
  EPOLL,
  EPOLL_CLOEXEC,
  EPOLL_CTL,
  epollEventLayout,
  ERRNO,
  PR_SET_TIMERSLACK,
} from "./abi.ts";
import { runningClock } from "../../shared/running_clock.ts";
import { ENOUGH_EVENTS, Gathering, GATHERING_US } from "./gathering.ts";
import { type Libc, SystemCallError } from "./libc.ts";
import { TimerQueue } from "./timer_queue.ts";

/** Events taken over at a time: more wait in the kernel, and timers are looked at in between. */
const BATCH_EVENTS = 256;

/** Longest wait: whoever looks whether the loop is alive sees it turn so often. */
const MAX_WAIT_MS = 1000;

const LAYOUT = epollEventLayout(Deno.build.arch);

/** Whoever is told that a descriptor is ready. */
export interface Source {
  /** The descriptor is ready for some of `events`, or broken. May close it. */
  onReady(events: number): void;
  /** {@linkcode onReady} has thrown: closes the descriptor, and calls nobody. */
  abort(): void;
}

/** Is told of the descriptors that the loop has sources for, and of its own. */
export interface DescriptorLog {
  /** One has been opened. */
  opened(fd: number): void;
  /** One is about to be closed. */
  closed(fd: number): void;
}

/** What a loop needs. */
export interface EventLoopOptions {
  readonly libc: Libc;
  /** Is told what a callback has thrown. Must not throw. */
  readonly onError: (error: unknown) => void;
  /** Monotonic time in milliseconds. @default {that in which this process runs} */
  readonly clock?: () => number;
  /** Takes note of descriptors, for when the loop is gone. */
  readonly descriptors?: DescriptorLog;
  /** The eventfd that wakes the loop; it stays its owner's. */
  readonly wakeFd?: number;
  /** Called in the loop when another thread has woken it: once for any number of wakes. */
  readonly onWake?: () => void;
}

/** Waits for descriptors, and calls their sources. */
export class EventLoop implements Clock, Timers {
  readonly #libc: Libc;
  readonly #onError: (error: unknown) => void;
  readonly #epollFd: number;
  readonly #descriptors: DescriptorLog | undefined;
  readonly #timers = new TimerQueue();
  #tasks: (() => void)[] = [];
  readonly #clock: () => number;
  readonly #gathering = new Gathering();
  #now: number;
  #stopped = false;
  #turns = 0;

  /** By descriptor. */
  readonly #sources: (Source | null)[] = [];
  /**
   * By descriptor: how many sources it has had. Stands beside the descriptor
   * in each event, since numbers are used again at once.
   */
  readonly #generations: number[] = [];

  readonly #event = new Uint32Array(LAYOUT.words);
  readonly #events = new Uint32Array(LAYOUT.words * BATCH_EVENTS);

  /** Opens an epoll descriptor. */
  constructor(options: EventLoopOptions) {
    const { libc, onError, descriptors, wakeFd, onWake } = options;
    this.#libc = libc;
    this.#onError = onError;
    this.#epollFd = libc.check(
      libc.call.epoll_create1(EPOLL_CLOEXEC),
      "create an epoll descriptor",
    );
    this.#descriptors = descriptors;
    this.#clock = options.clock ?? runningClock();
    this.#now = this.#clock();
    descriptors?.opened(this.#epollFd);
    if (wakeFd !== undefined) this.#listenForWakes(wakeFd, onWake);
  }

  /** Turns so far, read from anywhere to see whether the loop is alive. */
  get turns(): number {
    return this.#turns;
  }

  /** Monotonic time in milliseconds, as it was when this turn began. */
  now(): number {
    return this.#now;
  }

  /** Monotonic time in milliseconds, as it is at this moment. */
  exactNow(): number {
    return this.#clock();
  }

  /** Milliseconds since 1970. */
  wallTime(): number {
    return Date.now();
  }

  /** Calls back in a later turn, `delayMs` after this one began or a little later. */
  after(delayMs: number, callback: () => void): Cancellable {
    return this.#timers.add(this.#now + delayMs, callback);
  }

  /** Calls `task` when the events of this turn have been seen to. */
  atTurnEnd(task: () => void): void {
    this.#tasks.push(task);
  }

  /**
   * Turns until {@linkcode stop} is called, from a callback. Can be called
   * again.
   *
   * @throws {SystemCallError} When the kernel no longer lets it wait.
   */
  run(): void {
    // Or each pause would be longer by half.
    this.#libc.call.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    this.#stopped = false;
    while (!this.#stopped) this.turn(MAX_WAIT_MS);
  }

  /** Ends {@linkcode run} when this turn is over. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Turns once: waits `maxWaitMs` at most for events, then calls sources,
   * timers that are due, and tasks.
   */
  turn(maxWaitMs: number): void {
    const waitMs = this.#waitMs(maxWaitMs);
    const count = waitMs > 0 && this.#gathering.worthwhile
      ? this.#gather(waitMs)
      : this.#wait(waitMs);
    this.#now = this.#clock();
    this.#gathering.note(count, this.#now);
    this.#turns++;
    for (let i = 0; i < count; i++) this.#dispatch(i * LAYOUT.words);
    if (this.#timers.nextAt <= this.#now) {
      for (const callback of this.#timers.due(this.#now)) this.guard(callback);
    }
    this.#runTasks();
  }

  /**
   * Calls back; what is thrown is reported, and goes no further.
   *
   * @returns Whether nothing was thrown.
   */
  guard(callback: () => void): boolean {
    try {
      callback();
      return true;
    } catch (error) {
      this.#onError(error);
      return false;
    }
  }

  /** Ends all sources, without calling them, and closes what is its own. */
  close(): void {
    this.#stopped = true;
    for (const source of this.#sources) source?.abort();
    this.#descriptors?.closed(this.#epollFd);
    this.#libc.call.close(this.#epollFd);
  }

  /** Takes a source in: it hears of what it has the descriptor watched for, and is ended with the loop. */
  attach(fd: number, source: Source): void {
    while (this.#sources.length <= fd) {
      this.#sources.push(null);
      this.#generations.push(0);
    }
    this.#sources[fd] = source;
    this.#descriptors?.opened(fd);
    this.#generations[fd] = (this.#generations[fd]! + 1) >>> 0;
  }

  /** Puts another source in the place of one, with all that the descriptor is watched for. */
  replace(fd: number, source: Source): void {
    this.#sources[fd] = source;
  }

  /**
   * Lets a source go; its descriptor is no longer watched when that is closed,
   * right after. A process that is being started may have a copy of it until
   * its exec: what is reported of that is nobody's, by its generation.
   */
  detach(fd: number): void {
    this.#sources[fd] = null;
    this.#descriptors?.closed(fd);
  }

  /**
   * Begins to watch a descriptor for `events`, broken connections included.
   *
   * @returns Whether the kernel has room to take note of it.
   */
  watch(fd: number, events: number): boolean {
    return this.#control(EPOLL_CTL.ADD, fd, events) >= 0;
  }

  /** Watches a descriptor for other events. */
  modify(fd: number, events: number): void {
    if (this.#control(EPOLL_CTL.MOD, fd, events) < 0) {
      throw new SystemCallError("watch a descriptor", this.#libc.errno());
    }
  }

  /** Watches a descriptor no more. */
  unwatch(fd: number): void {
    this.#control(EPOLL_CTL.DEL, fd, 0);
  }

  #control(operation: number, fd: number, events: number): number {
    const event = this.#event;
    event[0] = events;
    event[LAYOUT.data] = fd;
    event[LAYOUT.data + 1] = this.#generations[fd]!;
    return this.#libc.call.epoll_ctl(this.#epollFd, operation, fd, event);
  }

  /** How long nothing needs to be done but what events ask for. */
  #waitMs(maxWaitMs: number): number {
    if (this.#tasks.length > 0) return 0;
    const { nextAt } = this.#timers;
    if (nextAt === Infinity) return maxWaitMs;
    return Math.min(maxWaitMs, Math.max(0, Math.ceil(nextAt - this.#now)));
  }

  #wait(timeoutMs: number): number {
    const { call } = this.#libc;
    const count = call.epoll_wait(
      this.#epollFd,
      this.#events,
      BATCH_EVENTS,
      timeoutMs,
    );
    if (count >= 0) return count;
    const errno = this.#libc.errno();
    if (errno === ERRNO.EINTR) return 0;
    throw new SystemCallError("wait for events", errno);
  }

  /** Lets events come before it waits for them, unless there are enough. */
  #gather(timeoutMs: number): number {
    const waiting = this.#wait(0);
    if (waiting >= ENOUGH_EVENTS) return waiting;
    this.#libc.call.usleep(GATHERING_US);
    const count = this.#wait(timeoutMs);
    this.#gathering.noteGathered(count);
    return count;
  }

  #dispatch(at: number): void {
    const fd = this.#events[at + LAYOUT.data]!;
    this.#gathering.noteEvent(fd);
    const source = this.#sources[fd];
    // Closed meanwhile, and perhaps opened again.
    if (source === null || source === undefined) return;
    if (this.#generations[fd] !== this.#events[at + LAYOUT.data + 1]) return;
    try {
      source.onReady(this.#events[at]!);
    } catch (error) {
      source.abort();
      this.#onError(error);
    }
  }

  #runTasks(): void {
    if (this.#tasks.length === 0) return;
    // Those that are set meanwhile are the next turn's.
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) this.guard(task);
  }

  #listenForWakes(fd: number, onWake: (() => void) | undefined): void {
    const count = new BigUint64Array(1);
    const source: Source = {
      onReady: () => {
        this.#libc.call.read(fd, count, count.byteLength);
        if (onWake !== undefined) this.guard(onWake);
      },
      abort: () => this.unwatch(fd),
    };
    this.attach(fd, source);
    if (!this.watch(fd, EPOLL.IN)) {
      throw new SystemCallError("listen for wakes", this.#libc.errno());
    }
  }
}
