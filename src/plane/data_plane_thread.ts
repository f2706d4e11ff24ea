/**
 * The thread of the data plane: a loop of its own on epoll, which no probe,
 * timer or page of the control plane waits for.
 *
 * Run by its URL, as a Web Worker. The loop never gives the thread back to the
 * runtime, so that neither promises nor timers of the runtime go on in it:
 * messages are fetched when the control plane has written to the eventfd.
 *
 * @module
 */

import {
  type MessagePort as NodeMessagePort,
  receiveMessageOnPort,
} from "node:worker_threads";
import { ProxyEngine } from "../proxy/core/engine.ts";
import type { Tracer } from "../proxy/core/tracer.ts";
import { EpollAcceptor } from "../transport/epoll/acceptor.ts";
import { EpollDriver } from "../transport/epoll/driver.ts";
import { type Libc, openLibc } from "../transport/epoll/libc.ts";
import { ownThreadId } from "../transport/epoll/thread_use.ts";
import { Board } from "./board.ts";
import { collectGarbage } from "./collect_garbage.ts";
import type { Call, DataPlaneFigures, Fact } from "./contract.ts";
import { openTracer } from "./open_tracer.ts";
import { PlaneHost } from "./plane_host.ts";
import { QuietWatch, type Remainder } from "./quiet_watch.ts";
import { RemotePages } from "./remote_pages.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread_messages.ts";

/** Figures are sent at least so often, in looks at the deadlines: what nothing changes in is a sign that all is quiet. */
const FIGURES_EVERY = 10;

/** Serves clients until it is told to stop. */
class DataPlaneThread {
  readonly #start: ThreadStart;
  readonly #libc: Libc;
  readonly #driver: EpollDriver;
  readonly #host: PlaneHost;
  readonly #pages: RemotePages | null;
  readonly #tracer: Tracer | null;
  /** What is to be reported when this turn is over, or with the next figures. */
  #facts: Fact[] = [];
  /** Whether it is when this turn is over. */
  #turnEnds = false;
  /** The figures that were sent last. */
  #reported: DataPlaneFigures | null = null;
  #looks = 0;
  readonly #quiet = new QuietWatch();

  constructor(start: ThreadStart, tracer: Tracer | null) {
    this.#start = start;
    this.#tracer = tracer;
    const { gate, settings, wakeFd } = start;
    const board = new Board(start.board);
    this.#pages = gate === null
      ? null
      : new RemotePages(gate, (order) => this.#post(order));
    const libc = this.#libc = openLibc();
    const driver = this.#driver = new EpollDriver({
      libc,
      descriptors: board,
      wakeFd,
      onWake: () => this.#receive(),
      onError: (error) => this.#post({ type: "fault", error }),
    });
    const host = this.#host = new PlaneHost(
      settings,
      (fact) => this.#note(fact),
      {
        clock: () => driver.clock.now(),
        cpuMsOf: ({ pid }) => pid === null ? null : driver.cpuMsOf(pid),
      },
    );
    const engine = this.#serve(host);
    for (const command of start.commands) host.send(command);
    engine.deadlines.each(() => {
      board.beat();
      this.#look();
      const remainder = this.#quiet.look(host.counters);
      if (remainder !== null) this.#tidyUp(remainder);
    });
    driver.start(engine.deadlines);
  }

  /** Serves, and returns when that is over. */
  run(): void {
    this.#post({ type: "serving", threadId: ownThreadId(this.#libc) });
    const { loop } = this.#driver;
    try {
      loop.run();
    } finally {
      // However it ends.
      this.#host.flush();
      this.#sendFacts();
    }
    loop.close();
    this.#post({ type: "ended" });
  }

  #serve(host: PlaneHost): ProxyEngine {
    const { listeningFd, port, settings } = this.#start;
    const { counters, dispatcher, events } = host;
    const { loop, clock, timers } = this.#driver;
    const engine = new ProxyEngine(settings, {
      driver: this.#driver,
      port,
      tls: null,
      dispatcher,
      counters,
      events,
      admin: this.#pages,
      tracer: this.#tracer,
    });
    const acceptor = new EpollAcceptor(this.#driver, {
      fd: listeningFd,
      maxConnections: settings.maxConnections,
      engine,
      events,
    });
    host.serve({
      engine,
      acceptor,
      clock,
      timers,
      renewCertificate: null,
      onStopped: () => loop.stop(),
    });
    return engine;
  }

  #receive(): void {
    // Deno's own type is another one; the port is the same.
    const messages = this.#start.messages as unknown as NodeMessagePort;
    for (;;) {
      const received = receiveMessageOnPort(messages);
      if (received === undefined) return;
      this.#driver.loop.guard(() => this.#carryOut(received.message));
    }
  }

  #carryOut(message: ToThread): void {
    switch (message.type) {
      case "command":
        this.#host.send(message.command);
        // Who is given work, and what is left of those who are not, go
        // together: somebody waits for the set to be in force.
        if (message.command.type === "publish") {
          this.#sendFigures();
          this.#host.reportDrained();
        }
        return;
      case "call": {
        const { id, call } = message;
        return this.#host.reply(call, (reply) => {
          this.#sendFacts();
          if (!isQuestion(call)) this.#sendFigures();
          this.#post({ type: "reply", id, reply });
        });
      }
      case "figures-wanted":
        this.#sendFigures();
        return this.#post({ type: "reply", id: message.id, reply: true });
      default:
        return this.#pages?.receive(message);
    }
  }

  /** Facts of one turn go together, and failures with the next figures: each message costs both threads as much as a request. */
  #note(fact: Fact): void {
    this.#facts.push(fact);
    if (isFailure(fact) || this.#turnEnds) return;
    this.#turnEnds = true;
    this.#driver.loop.atTurnEnd(() => {
      this.#turnEnds = false;
      // What it says of an upstream is what the figures say, too.
      if (this.#facts.some(({ type }) => type === "idle")) this.#sendFigures();
      this.#sendFacts();
    });
  }

  #sendFacts(): void {
    if (this.#facts.length === 0) return;
    this.#post({ type: "facts", facts: this.#facts });
    this.#facts = [];
  }

  /** Time has passed: sends figures where there is something new. */
  #look(): void {
    const { requests, inFlight, clientConnections } = this.#host.counters;
    const quiet = inFlight === 0 && this.#reported?.inFlight === 0 &&
      requests === this.#reported.requests &&
      clientConnections === this.#reported.clientConnections;
    if (quiet && ++this.#looks < FIGURES_EVERY) return;
    this.#sendFacts();
    this.#sendFigures();
  }

  /** Gives back what the work has left behind: here, and in the thread of the control plane. */
  #tidyUp(remainder: Remainder): void {
    if (remainder === "all") collectGarbage();
    this.#post({ type: "quiet" });
  }

  #sendFigures(): void {
    const figures = this.#reported = this.#host.figures();
    this.#looks = 0;
    const { revision } = this.#host;
    this.#post({ type: "figures", revision, figures });
  }

  #post(message: FromThread): void {
    this.#start.messages.postMessage(message);
  }
}

/** Whether nothing is done but to reply. */
function isQuestion({ type }: Call): boolean {
  return type === "oldest-request" || type === "newly-slow-requests";
}

function isFailure(fact: Fact): boolean {
  return fact.type === "event" && fact.event.type === "exchange-failed";
}

/** The scope of a Web Worker, as far as it is used here. */
interface ThreadScope {
  onmessage: ((event: MessageEvent<ThreadStart>) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as ThreadScope;

scope.onmessage = async ({ data }) => {
  try {
    // All that is waited for, before the loop takes the thread.
    const tracer = await openTracer(data.settings);
    new DataPlaneThread(data, tracer).run();
  } catch (error) {
    // What is not caught is printed by the runtime, in the middle of the log.
    const reason = error instanceof Error ? error.message : String(error);
    const message: FromThread = { type: "died", reason };
    data.messages.postMessage(message);
  }
  scope.close();
};
