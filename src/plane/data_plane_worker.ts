/**
 * One thread of the data plane as the control plane has it: begun, talked to,
 * watched, and ended.
 *
 * @module
 */

import { EventLoopLag } from "../shared/event_loop_lag.ts";
import { runningClock } from "../shared/running_clock.ts";
import type { Libc } from "../transport/epoll/libc.ts";
import { threadUse } from "../transport/epoll/thread_use.ts";
import { Waker } from "../transport/epoll/waker.ts";
import { Board } from "./board.ts";
import {
  HangWatch,
  HUNG_MS,
  LOOK_INTERVAL_MS,
  type Sight,
} from "./hang_watch.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread_messages.ts";

/** How long a thread may take to begin, in time that this process has run: much longer than where it has a tenth of a core, and all is compiled first. */
const START_TIMEOUT_MS = 60_000;

/** How long a thread that was ended may still be in a call of the kernel's: its descriptors are not closed before. */
const LAST_CALL_MS = 300;

/** What a thread is begun with, but for what is made for it here. */
export type StartOptions = Omit<
  ThreadStart,
  "type" | "wakeFd" | "board" | "messages"
>;

/** What it needs. */
export interface DataPlaneWorkerOptions {
  readonly libc: Libc;
  /** URL of the module that the thread runs. */
  readonly module: string;
  readonly start: StartOptions;
  readonly onMessage: (message: FromThread) => void;
  /** It has died, or hangs and was ended; `reason` completes "The thread ...". Not after {@linkcode DataPlaneWorker.end}. */
  readonly onGone: (reason: string) => void;
  /** It wants to run, and gets no CPU; at each look that shows it. */
  readonly onStarved: () => void;
}

/** A thread of the data plane. */
export class DataPlaneWorker {
  /** Resolves when clients are served; rejects when it comes to nothing. */
  readonly serving: Promise<void>;
  /** Resolves when it has ended, and all that it had open is closed. */
  readonly closed: Promise<void>;

  readonly #options: DataPlaneWorkerOptions;
  readonly #worker: Worker;
  readonly #messages: MessagePort;
  readonly #waker: Waker;
  readonly #board = new Board();
  readonly #serving = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #clock = runningClock();
  readonly #lag = new EventLoopLag(LOOK_INTERVAL_MS, performance.now());
  readonly #createdAt: number = this.#clock();
  #threadId: number | null = null;
  /** `null` until it has begun. */
  #watch: HangWatch | null = null;
  #over = false;

  /** Begins a thread. */
  constructor(options: DataPlaneWorkerOptions) {
    this.#options = options;
    this.serving = this.#serving.promise;
    this.closed = this.#closed.promise;
    this.#waker = new Waker(options.libc);
    const { port1, port2 } = new MessageChannel();
    this.#messages = port1;
    port1.onmessage = ({ data }) => this.#receive(data);
    const worker = this.#worker = new Worker(options.module, {
      type: "module",
      name: "data-plane",
    });
    worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(`has died: ${event.message}`);
    };
    const start: ThreadStart = {
      type: "start",
      ...options.start,
      wakeFd: this.#waker.fd,
      board: this.#board.memory,
      messages: port2,
    };
    worker.postMessage(start, [port2]);
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  /** By how much the loop that looks after it has been late of late, at worst, in milliseconds. */
  get lagMs(): number {
    return this.#lag.worstMs;
  }

  /** Carries a message to it. */
  post(message: ToThread): void {
    if (this.#over) return;
    this.#messages.postMessage(message);
    this.#waker.wake();
  }

  /** Resolves when it has ended: by itself, as it does when it was told to stop, or by force. */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.end(), LAST_CALL_MS);
    await this.closed;
    clearTimeout(timer);
  }

  /** Ends it, and closes what it has open. */
  end(): void {
    if (this.#over) return;
    this.#release();
    setTimeout(() => this.#closeDescriptors(), LAST_CALL_MS);
  }

  #release(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#worker.terminate();
    this.#messages.close();
    // Changes nothing that has been; whoever still waits is told.
    this.#serving.promise.catch(() => {});
    this.#serving.reject(new Error("The thread of the data plane was ended"));
  }

  #receive(message: FromThread): void {
    if (this.#over) return;
    switch (message.type) {
      case "serving":
        this.#threadId = message.threadId;
        this.#watch = new HangWatch(this.#see());
        return this.#serving.resolve();
      case "died":
        return this.#lose(`has died: ${message.reason}`);
      case "ended":
        // In no call of the kernel's any more.
        this.#release();
        return this.#closeDescriptors();
      default:
        this.#options.onMessage(message);
    }
  }

  #look(): void {
    const sight = this.#see();
    this.#lag.tick(sight.at);
    if (this.#watch === null) {
      if (this.#clock() - this.#createdAt < START_TIMEOUT_MS) return;
      return this.#lose(`has not begun within ${START_TIMEOUT_MS} ms`);
    }
    switch (this.#watch.look(sight)) {
      case "hung":
        return this.#lose(`has shown no sign of life for ${HUNG_MS} ms`);
      case "starved":
        this.#options.onStarved();
    }
  }

  #see(): Sight {
    const id = this.#threadId;
    return {
      heartbeat: this.#board.heartbeat,
      at: performance.now(),
      use: id === null ? null : threadUse(this.#options.libc, id),
    };
  }

  #lose(reason: string): void {
    if (this.#over) return;
    const message = `The thread of the data plane ${reason}`;
    this.#serving.reject(new Error(message));
    this.end();
    this.#options.onGone(reason);
  }

  #closeDescriptors(): void {
    const { libc, start } = this.#options;
    for (const fd of this.#board.openDescriptors()) {
      if (fd !== start.listeningFd && fd !== this.#waker.fd) {
        libc.call.close(fd);
      }
    }
    this.#waker.close();
    this.#closed.resolve();
  }
}
