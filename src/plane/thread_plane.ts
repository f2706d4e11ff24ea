/**
 * The data plane in a thread of its own: what crosses is carried by messages,
 * and figures are as they were a moment ago.
 *
 * A thread that has died or hangs is replaced. The listening socket and the
 * set of upstreams are kept here, so that nobody is refused meanwhile; what
 * the thread had in flight is lost.
 *
 * @module
 */

import type { Libc } from "../transport/epoll/libc.ts";
import { unmapProgram } from "../transport/epoll/program_pages.ts";
import type {
  AdminSite,
  Call,
  Command,
  DataPlane,
  DataPlaneFigures,
  Fact,
  Replies,
  UpstreamFigures,
} from "./contract.ts";
import { NO_FIGURES } from "./contract.ts";
import { addFigures, emptyFigures, ofThePast } from "./add_figures.ts";
import { collectGarbage } from "./collect_garbage.ts";
import { DataPlaneWorker } from "./data_plane_worker.ts";
import { Listeners } from "./listeners.ts";
import { BALANCER_ID_OCTETS, randomName } from "../shared/random_name.ts";
import type { DataPlaneSettings } from "./plane_host.ts";
import { PageMaker } from "./remote_pages.ts";
import type { FromThread, ToThread } from "./thread_messages.ts";

/** How long a reply may take that needs no time of its own, in milliseconds. */
const REPLY_TIMEOUT_MS = 1_000;

/** What a thread is begun with: a module that must be readable. */
export const THREAD_MODULE: string =
  new URL("./data_plane_thread.ts", import.meta.url).href;

/** A thread that has lived for less was ended by what the next one will meet, too. */
const BRIEF_LIFE_MS = 5_000;

/** How long is waited then before the next one is begun. */
const RESTART_DELAY_MS = 1_000;

/** What it serves clients with. */
export interface ThreadServeParts {
  /** A listening socket, which stays the caller's. */
  readonly listeningFd: number;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** Our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminSite | null;
}

/** Carries the contract by messages. */
export class ThreadPlane implements DataPlane {
  readonly #settings: DataPlaneSettings;
  readonly #libc: Libc;
  readonly #module: string;
  readonly #listeners = new Listeners();
  /** Calls that have no reply yet. */
  readonly #calls = new Map<number, (reply: unknown) => void>();
  #nextCallId = 0;
  #worker: DataPlaneWorker | null = null;
  #pages: PageMaker | null = null;
  #parts: ThreadServeParts | null = null;
  /** What a thread that comes later has to know, too. */
  #published: Command | null = null;
  #reportsAccess = false;
  #revision = 0;
  #figures: DataPlaneFigures;
  /** What threads have counted that are gone. */
  #base: DataPlaneFigures;
  /** Threads that are gone, until what they had open is closed. */
  readonly #closing = new Set<Promise<void>>();
  /** Resolved by the next figures; `null` when nobody waits for any. */
  #pulse: PromiseWithResolvers<void> | null = null;
  /** When the present thread was begun. */
  #begunAt = 0;
  /** Whether it has been said of the present thread that it gets no CPU. */
  #starved = false;
  #restart: ReturnType<typeof setTimeout> | undefined;
  /** Whether no more clients are accepted. */
  #ending = false;
  #stopped = false;
  /** Whether a thread has ever served. */
  #served = false;

  /**
   * Creates a data plane that does not serve yet.
   *
   * @param options For tests, another module to begin threads with.
   */
  constructor(
    settings: DataPlaneSettings,
    libc: Libc,
    { module = THREAD_MODULE }: { readonly module?: string } = {},
  ) {
    // Of every thread: clients stay with their generation when one dies.
    this.#settings = {
      ...settings,
      balancerId: randomName(BALANCER_ID_OCTETS),
    };
    this.#libc = libc;
    this.#module = module;
    this.#figures = this.#base = emptyFigures(settings.maxQueue);
  }

  /** Begins to serve clients; resolves when they are. @throws {Error} When no thread can be begun. */
  async serve(parts: ThreadServeParts): Promise<void> {
    this.#parts = parts;
    try {
      await this.#begin();
    } catch (error) {
      await this.#end();
      throw error;
    }
    this.#served = true;
  }

  get revision(): number {
    return this.#revision;
  }

  send(command: Command): void {
    switch (command.type) {
      case "publish":
        this.#published = command;
        break;
      case "report-access":
        this.#reportsAccess = command.wanted;
    }
    if (this.#worker === null) {
      // Nobody is served yet, so that it is in force.
      if (command.type === "publish") this.#revision = command.revision;
      return;
    }
    this.#worker.post({ type: "command", command });
  }

  async ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null> {
    if (call.type === "drain" || call.type === "stop") this.#ending = true;
    const timeoutMs = "timeoutMs" in call
      ? call.timeoutMs + REPLY_TIMEOUT_MS
      : REPLY_TIMEOUT_MS;
    const reply = await this.#ask(
      (id) => ({ type: "call", id, call }),
      timeoutMs,
    );
    if (call.type === "stop") await this.#end();
    return reply as Replies[C["type"]] | null;
  }

  async refresh(): Promise<void> {
    await this.#ask((id) => ({ type: "figures-wanted", id }), REPLY_TIMEOUT_MS);
  }

  /** Resolves when the thread that serves has shown that its loop turns; at once where none serves yet, or any more. */
  pulse(): Promise<void> {
    if (!this.#served || this.#stopped) return Promise.resolve();
    this.#pulse ??= Promise.withResolvers<void>();
    this.#worker?.post({ type: "figures-wanted", id: this.#nextCallId++ });
    return this.#pulse.promise;
  }

  figuresOf(key: number): UpstreamFigures {
    return this.#figures.upstreams.get(key) ?? NO_FIGURES;
  }

  figures(): DataPlaneFigures {
    return { ...this.#figures, controlPlaneLagMs: this.#worker?.lagMs ?? 0 };
  }

  subscribe(listener: (fact: Fact) => void): () => void {
    return this.#listeners.add(listener);
  }

  #ask(
    message: (id: number) => ToThread,
    timeoutMs: number,
  ): Promise<unknown> {
    const worker = this.#worker;
    if (worker === null) return Promise.resolve(null);
    const id = this.#nextCallId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(null), timeoutMs);
      const settle = (reply: unknown): void => {
        clearTimeout(timer);
        this.#calls.delete(id);
        resolve(reply);
      };
      this.#calls.set(id, settle);
      worker.post(message(id));
    });
  }

  /** Begins a thread; what is returned resolves when that serves. @throws {Error} When there is not even one to wait for. */
  #begin(): Promise<void> {
    const { listeningFd, port, admin } = this.#parts!;
    const worker = this.#worker = new DataPlaneWorker({
      libc: this.#libc,
      module: this.#module,
      start: {
        settings: this.#settings,
        listeningFd,
        port,
        gate: admin?.gate ?? null,
        commands: this.#commands,
      },
      onMessage: (message) => this.#receive(message),
      onGone: (reason) => this.#replace(reason),
      onStarved: () => this.#noteStarved(),
    });
    this.#begunAt = performance.now();
    this.#starved = false;
    this.#pages = admin === null
      ? null
      : new PageMaker(admin, (message) => worker.post(message));
    return worker.serving;
  }

  get #commands(): readonly Command[] {
    const wanted = this.#reportsAccess;
    return [
      ...(this.#published === null ? [] : [this.#published]),
      { type: "report-access", wanted },
    ];
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case "facts":
        for (const fact of message.facts) this.#listeners.notify(fact);
        return;
      case "figures":
        this.#revision = message.revision;
        this.#figures = addFigures(this.#base, message.figures);
        return this.#beat();
      case "reply":
        return this.#calls.get(message.id)?.(message.reply);
      case "fault":
        return this.#notice(
          "error",
          `A connection was ended by a fault of ours: ${
            describe(message.error)
          }`,
        );
      case "quiet":
        return this.#tidyUp();
      case "page-request":
      case "page-pull":
      case "page-cancel":
        return this.#pages?.receive(message);
    }
  }

  #beat(): void {
    this.#pulse?.resolve();
    this.#pulse = null;
  }

  /** Gives back what has been left behind, in this thread, in the allocator of both, and of the program. */
  #tidyUp(): void {
    collectGarbage();
    this.#libc.trim();
    unmapProgram(this.#libc);
  }

  /** The thread gets no CPU: another one would get no more, and nor would the pool if it was begun anew for want of a pulse. */
  #noteStarved(): void {
    this.#beat();
    if (this.#starved) return;
    this.#starved = true;
    this.#notice(
      "warning",
      "The thread of the data plane is starved of CPU, and requests wait: have " +
        "fewer programs compute on this machine, or give the pool more weight " +
        "than them.",
    );
  }

  /** The thread is gone: another one takes its place. */
  #replace(reason: string): void {
    // Whoever begins the first one is told.
    if (this.#stopped || !this.#served) return;
    const { closed } = this.#worker!;
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
    this.#worker = null;
    this.#pages?.cancelAll();
    for (const settle of [...this.#calls.values()]) settle(null);
    this.#base = this.#figures = ofThePast(this.#figures);
    const consequence = this.#ending
      ? "What it had under way is lost."
      : "What it had under way is lost; another one takes its place.";
    this.#notice(
      "error",
      `The thread of the data plane ${reason}. ${consequence}`,
    );
    if (this.#ending) return;
    const livedMs = performance.now() - this.#begunAt;
    this.#beginIn(livedMs < BRIEF_LIFE_MS ? RESTART_DELAY_MS : 0);
  }

  /** Begins another thread, and goes on trying where there are no descriptors for it: those of the one before are closed in a moment. */
  #beginIn(delayMs: number): void {
    this.#restart = setTimeout(() => {
      if (this.#ending) return;
      try {
        this.#begin().then(
          () =>
            this.#notice("info", "The new thread of the data plane serves."),
          // It is gone then, and has been reported.
          () => {},
        );
      } catch (error) {
        this.#notice(
          "error",
          "Cannot begin another thread of the data plane; it is tried again " +
            `in ${RESTART_DELAY_MS} ms: ${(error as Error).message}`,
        );
        this.#beginIn(RESTART_DELAY_MS);
      }
    }, delayMs);
  }

  /** Ends what there is, and gives the C library back. */
  async #end(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = null;
    for (const settle of [...this.#calls.values()]) settle(null);
    this.#beat();
    await Promise.all([worker?.finish(), ...this.#closing]);
    this.#libc.close();
  }

  #notice(level: "info" | "warning" | "error", message: string): void {
    this.#listeners.notify({
      type: "event",
      event: { type: "notice", level, message },
    });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
