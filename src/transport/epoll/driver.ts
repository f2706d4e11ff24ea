/**
 * What drives the data plane on epoll, in a thread of its own.
 *
 * @module
 */

import {
  BufferPool,
  MEDIUM_BUFFER_BYTES,
} from "../../proxy/core/buffer_pool.ts";
import type { Driver } from "../../proxy/core/context.ts";
import {
  DEADLINE_INTERVAL_MS,
  type Deadlines,
} from "../../proxy/core/deadlines.ts";
import type { Clock, Timers } from "../../proxy/core/link.ts";
import { isEnding } from "../../shared/stat_line.ts";
import { EpollConnector } from "./connector.ts";
import { CpuTimes } from "./cpu_times.ts";
import { EventLoop, type EventLoopOptions } from "./event_loop.ts";
import type { LinkContext } from "./link.ts";
import { PipePool } from "./pipe.ts";
import { readFile } from "./read_file.ts";

/** More than a line of `/proc/PID/stat` has, in octets. */
const STAT_BYTES = 1_024;

/** Drives the data plane. */
export class EpollDriver implements Driver, LinkContext {
  readonly buffers: BufferPool;
  readonly pipes: PipePool;
  readonly loop: EventLoop;
  readonly libc: LinkContext["libc"];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly connector: EpollConnector;
  readonly reportFault: (error: unknown) => void;

  readonly isEnding = (pid: number): boolean => {
    const line = readFile(this.libc, `/proc/${pid}/stat`, STAT_BYTES);
    // Gone, or there was no descriptor to be had.
    return line === "" ? this.cpuMsOf(pid) === null : isEnding(line);
  };
  readonly #cpuTimes: CpuTimes;

  /** Opens a loop. */
  constructor(options: EventLoopOptions) {
    const { libc, onError } = options;
    this.libc = libc;
    this.#cpuTimes = new CpuTimes(libc);
    this.reportFault = onError;
    const loop = this.loop = new EventLoop(options);
    this.clock = loop;
    this.timers = loop;
    const buffers = this.buffers = new BufferPool();
    const pipes = this.pipes = new PipePool({ libc, loop });
    this.connector = new EpollConnector({
      libc,
      loop,
      buffers,
      pipes,
      inputBytes: MEDIUM_BUFFER_BYTES,
    });
  }

  /** The CPU time that a process has used, in milliseconds; `null` where it is gone. */
  cpuMsOf(pid: number): number | null {
    return this.#cpuTimes.of(pid);
  }

  /** Has `deadlines` looked at regularly, from now on. */
  start(deadlines: Deadlines): void {
    const look = (): void => {
      this.loop.after(DEADLINE_INTERVAL_MS, look);
      const now = this.loop.now();
      deadlines.enforce(now);
      this.pipes.sweep(now);
    };
    this.loop.after(DEADLINE_INTERVAL_MS, look);
  }
}
