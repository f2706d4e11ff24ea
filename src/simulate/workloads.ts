/**
 * Kinds of load on a model of a pool, by name: what its workers do, and who
 * asks them. Pure.
 *
 * @module
 */

import type {
  Demand,
  DispatchModel,
  DispatchModelOptions,
} from "./dispatch_model.ts";
import { seededRandom } from "./random.ts";

/** A kind of load. */
export interface Workload {
  /** How long it is to be looked at. */
  readonly stretch: { readonly warmUpMs: number; readonly measuredMs: number };
  /** What its workers are like, beside one thread each and equally fast. */
  readonly pool?: Pick<
    DispatchModelOptions,
    "threads" | "slowness" | "cpuTimes"
  >;
  /** Clients that each wait for a response before they ask again, at a time. */
  readonly clients?: (now: number) => number;
  /** Requests per second of clients that do not wait for responses, at a time. */
  readonly ratePerSecond?: (now: number) => number;
  /** Streams that are held open beside. */
  readonly streams?: number;
  /** Clients beside whose requests wait in their worker for seconds, one after the other. */
  readonly polls?: number;
  /** Draws the demand of a request. */
  readonly demand: (random: () => number, now: number) => Demand;
}

/** How long a stream lasts at least and at most, in milliseconds. */
const STREAM_MS = [5_000, 60_000] as const;

/** How long a request of a client that polls waits at least and at most, in milliseconds. */
const POLL_MS = [1_000, 10_000] as const;

/** A stream that has ended is opened again, by and by, as browsers do. */
const STREAM_OPENING_MS = 2;

/** How often it is looked whether there are enough clients, in milliseconds. */
const CLIENT_CHECK_MS = 100;

/** While nobody asks, how often it is looked whether somebody does. */
const IDLE_MS = 10;

/** Lets `workload` come upon `model`; the same requests for the same seed, whatever becomes of them. */
export function attach(
  workload: Workload,
  model: DispatchModel,
  seed: number,
): void {
  const draw = seededRandom(2 * seed);
  const arrivals = seededRandom(2 * seed + 1);
  const next = (): Demand => workload.demand(draw, model.now);
  if (workload.clients !== undefined) closedLoop(workload, model, next);
  if (workload.ratePerSecond !== undefined) {
    openLoop(workload, { model, next, random: arrivals });
  }
  const random = seededRandom(seed + 7_919);
  const stream = (): void => {
    const waitMs = between(STREAM_MS, random);
    model.request({ cpuMs: 0.5, waitMs, stream: true }, () => {
      model.at(model.now + STREAM_OPENING_MS, stream);
    });
  };
  for (let i = 0; i < (workload.streams ?? 0); i++) {
    model.at(STREAM_OPENING_MS * i, stream);
  }
  const poll = (): void => {
    const waitMs = between(POLL_MS, random);
    model.request({ cpuMs: 0.1, waitMs, background: true }, poll);
  };
  for (let i = 0; i < (workload.polls ?? 0); i++) poll();
}

function between(
  [least, most]: readonly [number, number],
  random: () => number,
): number {
  return least + (most - least) * random();
}

function closedLoop(
  { clients }: Workload,
  model: DispatchModel,
  next: () => Demand,
): void {
  let present = 0;
  const ask = (): void => {
    if (present > clients!(model.now)) present--;
    else model.request(next(), ask);
  };
  const check = (): void => {
    while (present < clients!(model.now)) {
      present++;
      ask();
    }
    model.at(model.now + CLIENT_CHECK_MS, check);
  };
  check();
}

function openLoop(
  { ratePerSecond }: Workload,
  { model, next, random }: {
    readonly model: DispatchModel;
    readonly next: () => Demand;
    readonly random: () => number;
  },
): void {
  const arrive = (): void => {
    const rate = ratePerSecond!(model.now);
    const gapMs = rate > 0 ? -Math.log(1 - random()) * 1000 / rate : IDLE_MS;
    model.at(model.now + gapMs, () => {
      if (rate > 0) model.request(next());
      arrive();
    });
  };
  arrive();
}

const computing = (random: () => number): Demand => ({
  cpuMs: random() < 0.9 ? 3 : 40,
});
const waiting = (): Demand => ({ cpuMs: 0.05, waitMs: 50 });
/** The same, for which it keeps its thread. */
const blocking = (): Demand => ({ cpuMs: 50, computing: 0.01 });
const quick = (random: () => number): Demand => ({
  cpuMs: 0.05 + 0.1 * random(),
});
/** Lognormal about 2 ms, and now and then a page of many products; garbage is collected. */
const rendering = (random: () => number): Demand => {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) *
    Math.cos(2 * Math.PI * random());
  const cpuMs = (random() < 0.9 ? 1.6 : 12) * Math.exp(0.3 * normal);
  return { cpuMs: random() < 0.01 ? cpuMs + 15 : cpuMs };
};
/** Two milliseconds of work between queries of up to 40 ms. */
const querying = (random: () => number): Demand => ({
  cpuMs: 2,
  waitMs: 40 * random(),
});
/** A millisecond of work about a call to another service, of which one in ten takes half a second. */
const calling = (random: () => number): Demand => ({
  cpuMs: 1,
  waitMs: random() < 0.9 ? 5 : 500,
});
const uploading = (random: () => number): Demand => {
  if (random() < 0.9) return { cpuMs: 3 };
  return { cpuMs: 3, uploadMs: 200 + 4_800 * random() };
};
/** Half of the requests compute, the others wait. */
const mixed = (random: () => number): Demand =>
  random() < 0.5 ? { cpuMs: 3 } : waiting();
const longPolling = (random: () => number): Demand =>
  random() < 0.95
    ? { cpuMs: 3 }
    : { cpuMs: 0.2, waitMs: 10_000 + 20_000 * random(), background: true };

/** Of the changing load: how long one kind of work lasts, in milliseconds. */
const CHANGE_MS = 40_000;

/** Whether the changing load is another than at the beginning. */
const isChanged = (now: number): boolean =>
  Math.floor(now / CHANGE_MS) % 2 === 1;

const always = (value: number) => (): number => value;

const USUAL = { warmUpMs: 10_000, measuredMs: 40_000 };
/** Of loads with many requests. */
const SHORT = { warmUpMs: 3_000, measuredMs: 2_000 };
/** Two changes, and as long again. */
const LONG = { warmUpMs: 10_000, measuredMs: 110_000 };

/** The kinds of load by name; rates are for two workers, about 70 % of what they can do. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  "computing": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(208),
  },
  "computing (64 clients)": {
    stretch: USUAL,
    demand: computing,
    clients: always(64),
  },
  "computing (half busy)": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(149),
  },
  "computing (uniform)": {
    stretch: USUAL,
    demand: () => ({ cpuMs: 3 }),
    ratePerSecond: always(466),
  },
  "computing (event loop)": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(208),
    pool: { threads: "event-loop" },
  },
  "rendering (event loop)": {
    stretch: USUAL,
    demand: rendering,
    ratePerSecond: always(480),
    pool: { threads: "event-loop" },
  },
  "querying (event loop)": {
    stretch: USUAL,
    demand: querying,
    ratePerSecond: always(700),
    pool: { threads: "event-loop" },
  },
  "waiting": { stretch: SHORT, demand: waiting, clients: always(200) },
  "waiting (open)": {
    stretch: USUAL,
    demand: waiting,
    ratePerSecond: always(420),
  },
  "waiting (900 clients)": {
    stretch: SHORT,
    demand: waiting,
    clients: always(900),
  },
  "quick": { stretch: SHORT, demand: quick, clients: always(64) },
  "quick (open)": {
    stretch: SHORT,
    demand: quick,
    ratePerSecond: always(8_000),
  },
  "rendering": {
    stretch: USUAL,
    demand: rendering,
    ratePerSecond: always(480),
  },
  "querying": { stretch: USUAL, demand: querying, ratePerSecond: always(700) },
  "querying (16 clients)": {
    stretch: USUAL,
    demand: querying,
    clients: always(16),
  },
  "querying (64 clients)": {
    stretch: USUAL,
    demand: () => ({ cpuMs: 2, waitMs: 20 }),
    clients: always(64),
    pool: { threads: "event-loop" },
  },
  "calling": {
    stretch: USUAL,
    demand: calling,
    ratePerSecond: always(1_200),
    pool: { threads: "event-loop" },
  },
  "calling (200 clients)": {
    stretch: USUAL,
    demand: () => ({ cpuMs: 1, waitMs: 100 }),
    clients: always(200),
    pool: { threads: "event-loop" },
  },
  "slow worker": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(130),
    pool: { slowness: (worker) => worker === 0 ? 4 : 1 },
  },
  "collecting garbage": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(180),
    pool: {
      slowness: (worker, now) =>
        Math.floor(now / 500) % 10 === worker * 5 ? 10 : 1,
    },
  },
  "threaded": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(832),
    pool: { threads: 4 },
  },
  "threaded (64 clients)": {
    stretch: USUAL,
    demand: computing,
    clients: always(64),
    pool: { threads: 4 },
  },
  "threaded (uniform)": {
    stretch: USUAL,
    demand: () => ({ cpuMs: 20 }),
    clients: always(64),
    pool: { threads: 4 },
  },
  "threaded (nearly full)": {
    stretch: USUAL,
    demand: () => ({ cpuMs: 20 }),
    ratePerSecond: always(1_400),
    pool: { threads: 16 },
  },
  "threaded (waiting)": {
    stretch: USUAL,
    demand: (random) => ({ cpuMs: 15 + 10 * random() }),
    clients: always(32),
    pool: { threads: 4 },
  },
  "streams": {
    stretch: USUAL,
    demand: computing,
    ratePerSecond: always(180),
    streams: 500,
  },
  "streams (waiting)": {
    stretch: SHORT,
    demand: waiting,
    clients: always(200),
    streams: 500,
  },
  "uploads": { stretch: USUAL, demand: uploading, ratePerSecond: always(400) },
  "long polls": {
    stretch: USUAL,
    demand: longPolling,
    ratePerSecond: always(300),
  },
  "long polls (64 clients)": {
    stretch: { warmUpMs: 5_000, measuredMs: 10_000 },
    demand: () => ({ cpuMs: 0.4 }),
    clients: always(64),
    polls: 200,
    pool: { threads: "event-loop" },
  },
  "changing": {
    stretch: LONG,
    demand: (random, now) => isChanged(now) ? waiting() : computing(random),
    ratePerSecond: always(208),
  },
  "changing (much more)": {
    stretch: LONG,
    demand: (random, now) => isChanged(now) ? waiting() : computing(random),
    ratePerSecond: (now) => isChanged(now) ? 1_000 : 60,
  },
  "changing (to mixed)": {
    stretch: LONG,
    demand: (random, now) => isChanged(now) ? mixed(random) : computing(random),
    ratePerSecond: (now) => isChanged(now) ? 250 : 150,
  },
  "changing (to querying)": {
    stretch: LONG,
    demand: (random, now) =>
      isChanged(now) ? querying(random) : computing(random),
    ratePerSecond: (now) => isChanged(now) ? 700 : 100,
    pool: { threads: "event-loop" },
  },
  "changing (starved)": {
    stretch: LONG,
    demand: computing,
    ratePerSecond: (now) => isChanged(now) ? 52 : 208,
    pool: { slowness: (_worker, now) => isChanged(now) ? 4 : 1 },
  },
  "changing (to blocking)": {
    stretch: LONG,
    demand: (random, now) => isChanged(now) ? blocking() : computing(random),
    ratePerSecond: (now) => isChanged(now) ? 28 : 150,
  },
  "changing (64 clients)": {
    stretch: LONG,
    demand: (random, now) => isChanged(now) ? waiting() : computing(random),
    clients: always(64),
  },
};
