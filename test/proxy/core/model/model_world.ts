/**
 * A world around the core in which everything happens that can, in an order
 * that a seed determines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Random } from "../../../fuzz/random.ts";
import type { PendingConnect } from "../../../support/core/scripted_connector.ts";
import { type Action, CoreStand } from "../../../support/core/core_stand.ts";
import type {
  ScriptedLink,
  ScriptedLinkOptions,
} from "../../../support/core/scripted_link.ts";
import { toBytes } from "../../../support/raw_socket.ts";
import { ModelClient } from "./model_client.ts";
import { ModelPages } from "./model_pages.ts";
import { ModelWorker } from "./model_worker.ts";
import { drawRequest, type ModelRequest, oneIn } from "./traffic.ts";

/** Clients at once, and in all. */
const MAX_CLIENTS = 4;
const ALL_CLIENTS = 10;

const MAX_REQUESTS_PER_CLIENT = 5;

/** Parts of a weight that count. */
const FINENESS = 1000;

/** What comes first where that is asked for. */
const PROXY_HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n";

/** Steps of time: a look of the driver, and more. */
const TIMES_MS = [1, 30, 100, 100, 500, 2500];

/** How long a stop may take at most. */
const MAX_STOP_MS = 3000;

/** What an end of a process looks like. */
const ENDS = [
  { cause: "self-inflicted", description: "exited with code 1" },
  { cause: "external-signal", description: "was killed by SIGKILL" },
  { cause: "requested", description: "was stopped" },
] as const;

/** One thing that may happen, and how often beside the others. */
type Happening = readonly [weight: number, happen: () => void];

/** The world of one seed. */
export class ModelWorld {
  readonly stand: CoreStand;
  readonly clients: ModelClient[] = [];
  readonly workers: ModelWorker[] = [];
  /** Whether nobody breaks off, and no time passes. */
  readonly calm: boolean;

  readonly #random: Random;
  readonly #requests = new Map<number, ModelRequest>();
  readonly #attempts = new Map<number, number>();
  readonly #links: ScriptedLinkOptions;
  readonly #preface: string;
  readonly #pages: ModelPages;
  readonly #happenings: readonly Happening[];
  /** Attempts to connect of which nothing comes. */
  readonly #stuck = new WeakSet<PendingConnect>();
  #stopped = false;
  /** How often it was said that all has stopped. */
  #stops = 0;

  /** Begins the world of `seed`. */
  constructor(seed: number) {
    const random = this.#random = new Random(seed, 0);
    this.calm = oneIn(random, 4);
    const proxyProtocol = oneIn(random, 5);
    this.#preface = proxyProtocol ? PROXY_HEADER : "";
    this.#links = { readsAhead: oneIn(random, 2) };
    this.#pages = new ModelPages(random, this.calm);
    this.stand = new CoreStand({
      settings: {
        proxyProtocol,
        workerConcurrency: random.pick([0, 1, 2]),
        maxQueue: this.calm ? 100 : random.pick([0, 3, 100]),
        maxBodyBytes: this.calm ? 0 : random.pick([0, 0, 5000]),
        maxRetries: random.pick([0, 2, 2]),
      },
      workers: 1 + random.below(3),
      admin: this.#pages,
    });
    this.stand.onConnect = (attempt) => this.#connect(attempt);
    this.#happenings = this.calm
      ? this.#everyday()
      : [...this.#everyday(), ...this.#misfortunes()];
  }

  /** One thing happens. */
  step(): void {
    const sum = this.#happenings.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#random.below(sum * FINENESS) / FINENESS;
    for (const [weight, happen] of this.#happenings) {
      at -= weight;
      if (at < 0) return happen();
    }
  }

  /** Nobody does anything any more. */
  freeze(): void {
    for (const peer of [...this.clients, ...this.workers]) peer.frozen = true;
  }

  /** Everybody does what they still have to do, and is not in each other's way. */
  finish(): void {
    const { stand } = this;
    for (const link of stand.links) this.#open(link);
    stand.peers.push(...this.clients, ...this.workers, this.#pages);
    stand.onConnect = (attempt) => () => this.#succeed(attempt, {});
    stand.run();
  }

  /** Lets time pass until everything must have ended, and looks at what came of it. */
  checkEnds(): void {
    const { stand } = this;
    stand.onConnect = () => null;
    if (this.#stopped) this.#checkStops();
    this.#pages.end();
    // One may be asked for only now, by a request behind one that is given up.
    if (!stand.peers.includes(this.#pages)) stand.peers.push(this.#pages);
    stand.run();
    stand.checkEnds();
    this.checkSound();
    for (const client of this.clients) client.check(this);
  }

  /** Looks at what came so far. */
  checkSound(): void {
    this.stand.checkSound();
    for (const worker of this.workers) worker.check();
    const clients = this.clients.filter(({ link }) => !link.closed);
    assert.ok(this.#pages.open <= clients.length, "a page made for nobody");
  }

  /** What was told to stop has, as soon as its time was up. */
  #checkStops(): void {
    const { links, clock, engine, timers } = this.stand;
    clock.advance(MAX_STOP_MS);
    timers.fire();
    engine.deadlines.enforce(clock.now());
    const open = links.filter(({ closed }) => !closed);
    assert.equal(open.length, 0, "connections when all has stopped");
    assert.equal(this.#stops, 1, "told of the end");
  }

  #everyday(): readonly Happening[] {
    const random = this.#random;
    return [
      [40, () => this.#act()],
      [20, () => this.#react(this.clients)],
      [20, () => this.#react(this.workers)],
      [4, () => this.#pages.react()],
      [3, () => this.#arrive()],
      [6, () => this.#open(random.pick(this.stand.links))],
    ];
  }

  #misfortunes(): readonly Happening[] {
    const { stand } = this;
    const random = this.#random;
    const someLink = (): ScriptedLink => random.pick(stand.links);
    return [
      [3, () => this.#pass(random.pick(TIMES_MS))],
      [0.3, () => this.#pass(10_000)],
      [0.3, () => this.#pass(70_000)],
      [0.5, () => someLink()?.reset()],
      // Not a worker's: of what it ends in order, nobody sees that it is cut.
      [0.5, () => random.pick(this.clients)?.link.deliverEnd()],
      [0.3, () => this.#recall()],
      [0.2, () => this.#loseWorker()],
      [0.3, () => stand.dispatcher.publish([])],
      [0.6, () => this.#publish()],
      [0.1, () => stand.engine.closeIdle(1 + random.below(3), 0)],
      [0.05, () => this.#drain()],
      [0.05, () => this.#stop()],
    ];
  }

  #act(): void {
    const { actions } = this.stand;
    if (actions.length > 0) this.#random.pick(actions)();
  }

  #react(peers: readonly (ModelClient | ModelWorker)[]): void {
    if (peers.length > 0) this.#random.pick(peers).react();
  }

  #arrive(): void {
    const open = this.clients.filter(({ link }) => !link.closed).length;
    if (open >= MAX_CLIENTS || this.clients.length >= ALL_CLIENTS) return;
    if (!this.stand.accepting) return;
    const random = this.#random;
    const requests = Array.from(
      { length: 1 + random.below(MAX_REQUESTS_PER_CLIENT) },
      () => this.#newRequest(),
    );
    const link = this.stand.accept(this.#linkOptions());
    if (!this.calm && oneIn(random, 20)) {
      // One that comes, says little, and no more.
      const { length } = this.#preface;
      link.deliver(toBytes(this.#preface.slice(0, random.below(length))));
      return;
    }
    const parts = { requests, random, preface: this.#preface };
    this.clients.push(new ModelClient(link, parts));
  }

  #newRequest(): ModelRequest {
    const request = drawRequest(this.#requests.size + 1, this.#random);
    this.#requests.set(request.id, request);
    return request;
  }

  #linkOptions(): ScriptedLinkOptions {
    const random = this.#random;
    return {
      ...this.#links,
      writesAtOnce: oneIn(random, 2),
      partBytes: random.pick([1, 60, 5000, Infinity, Infinity]),
      capacity: random.pick([0, 100, 5000, Infinity, Infinity]),
    };
  }

  /** The peer takes all that comes, from now on. */
  #open(link: ScriptedLink | undefined): void {
    if (link === undefined) return;
    link.capacity = Infinity;
    link.partBytes = Math.max(link.partBytes, 1000);
  }

  #connect(attempt: PendingConnect): Action | null {
    const random = this.#random;
    if (this.#stuck.has(attempt)) return null;
    if (!this.calm && oneIn(random, 60)) {
      this.#stuck.add(attempt);
      return null;
    }
    if (this.calm || !oneIn(random, 8)) {
      return () => this.#succeed(attempt, this.#linkOptions());
    }
    const reason = random.pick(
      ["refused", "exhausted", "out-of-ports", "other"] as const,
    );
    return () => attempt.fail({ reason, detail: "so it is" });
  }

  #succeed(attempt: PendingConnect, options: ScriptedLinkOptions): void {
    const { stand } = this;
    const link = stand.newWorkerLink({ ...this.#links, ...options });
    const worker = new ModelWorker(link, {
      random: this.#random,
      calm: this.calm,
      requests: this.#requests,
      attempts: this.#attempts,
    });
    this.workers.push(worker);
    if (stand.peers.length > 0) stand.peers.push(worker);
    attempt.succeed(link);
  }

  /** Time passes, and nothing else happens meanwhile. */
  #pass(ms: number): void {
    const { clock, engine, links, timers } = this.stand;
    clock.advance(ms);
    timers.fire();
    engine.deadlines.enforce(clock.now());
    for (const link of links) link.beginBriefWatch();
  }

  #publish(): void {
    const { dispatcher, upstreams } = this.stand;
    dispatcher.publish(upstreams.filter(({ retired }) => !retired));
  }

  #recall(): void {
    const upstream = this.#random.pick(this.stand.upstreams);
    for (const exchange of upstream.exchanges) exchange.retryElsewhere();
  }

  #loseWorker(): void {
    const { upstreams } = this.stand;
    const upstream = this.#random.pick(upstreams);
    const loss = { solved: false };
    for (const { sent, retries } of upstream.exchanges) {
      const sparesLast = oneIn(this.#random, 2);
      if (sent) retries.noteLoss(loss, { sparesLast });
      if (sent && oneIn(this.#random, 4)) retries.convict();
    }
    upstream.markEnded(this.#random.pick(ENDS));
    this.stand.dispatcher.serveSuspects();
    this.#publish();
  }

  #drain(): void {
    const { engine, acceptor } = this.stand;
    engine.drain(acceptor, { timeoutMs: 1000 }, () => {});
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const { engine, acceptor } = this.stand;
    const workersGone = oneIn(this.#random, 2);
    const timeoutMs = this.#random.pick([0, MAX_STOP_MS]);
    engine.stop(acceptor, { timeoutMs, workersGone }, () => this.#stops++);
  }
}
