/**
 * What drives the data plane in the runtime's own event loop.
 *
 * @module
 */

import { BufferPool, TINY_BUFFER_BYTES } from "../../proxy/core/buffer_pool.ts";
import type { Driver } from "../../proxy/core/context.ts";
import {
  DEADLINE_INTERVAL_MS,
  type Deadlines,
} from "../../proxy/core/deadlines.ts";
import type { Cancellable, Clock, Timers } from "../../proxy/core/link.ts";
import { isEnding } from "../../shared/stat_line.ts";
import { BriefWatches } from "./brief_watches.ts";
import { DenoConnector } from "./connector.ts";
import {
  type DenoConnection,
  DenoLink,
  type LinkSurroundings,
} from "./link.ts";
import { type Load, ReadScheduler } from "./read_scheduler.ts";
import { Turn } from "./turn.ts";

/** Drives the data plane. */
export class DenoDriver implements Driver {
  readonly buffers: BufferPool = new BufferPool();
  readonly clock: Clock;
  readonly timers: Timers = { after };
  readonly connector: DenoConnector;
  readonly isEnding: (pid: number) => boolean = isEndingProcess;
  readonly reportFault: (error: unknown) => void = reportError;

  readonly #surroundings: LinkSurroundings;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Creates the driver; `load` tells at any time what there is to do, `now` how late it is. */
  constructor(load: Load, now: () => number) {
    this.clock = { now, exactNow: now, wallTime: () => Date.now() };
    const { buffers } = this;
    const scheduler = new ReadScheduler(load);
    const watches = new BriefWatches();
    const turn = new Turn(now);
    this.#surroundings = { buffers, scheduler, watches, turn };
    this.connector = new DenoConnector(this.#surroundings);
  }

  /** Begins to look at `deadlines`. */
  start(deadlines: Deadlines): void {
    this.#timer ??= setInterval(() => {
      deadlines.enforce(this.clock.now());
      this.#surroundings.watches.begin();
    }, DEADLINE_INTERVAL_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#surroundings.turn.stop();
  }

  /** The link of a client: it waits with a small buffer. */
  link(connection: DenoConnection): DenoLink {
    return new DenoLink(connection, this.#surroundings, TINY_BUFFER_BYTES);
  }
}

function after(delayMs: number, callback: () => void): Cancellable {
  const timer = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(timer) };
}

/** Files of `/proc` may be read with all permissions only. */
function isEndingProcess(pid: number): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return isEnding(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return code === "ENOENT" || code === "ESRCH";
  }
}
