/**
 * One thread of the data plane as the control plane has it: begun, talked to,
 * watched, and ended.
 *
 * @module
 */

import { EventLoopLag } from "../shared/event_loop_lag.ts";
import type { Libc } from "../transport/epoll/libc.ts";
import { Waker } from "../transport/epoll/waker.ts";
import { Board } from "./board.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread_messages.ts";

/** How often is looked for signs of life, in milliseconds. */
const LOOK_INTERVAL_MS = 250;

/**
 * Looks without one after which the thread hangs. A look that is late itself
 * shows that the process, or the machine, had a pause: then the thread had one,
 * too.
 */
const LOOKS_UNTIL_HUNG = 6;

/** Later than this, in milliseconds, a look shows a pause. */
const PAUSE_MS = 2 * LOOK_INTERVAL_MS;

/** How long a thread may take to begin: much longer than where it has a tenth of a core, and all is compiled first. */
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
  readonly #startTimer: ReturnType<typeof setTimeout>;
  readonly #lag = new EventLoopLag(LOOK_INTERVAL_MS, performance.now());
  #heartbeat = 0;
  #looks = 0;
  #lookedAt = performance.now();
  #begun = false;
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
    this.#startTimer = setTimeout(
      () => this.#lose(`has not begun within ${START_TIMEOUT_MS} ms`),
      START_TIMEOUT_MS,
    );
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
    clearTimeout(this.#startTimer);
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
        this.#begun = true;
        clearTimeout(this.#startTimer);
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
    const { heartbeat } = this.#board;
    const now = performance.now();
    const paused = now - this.#lookedAt > PAUSE_MS;
    this.#lookedAt = now;
    this.#lag.tick(now);
    if (!this.#begun || paused || heartbeat !== this.#heartbeat) {
      this.#heartbeat = heartbeat;
      this.#looks = 0;
    } else if (++this.#looks >= LOOKS_UNTIL_HUNG) {
      const ms = LOOKS_UNTIL_HUNG * LOOK_INTERVAL_MS;
      this.#lose(`has shown no sign of life for ${ms} ms`);
    }
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
