/**
 * Requests that compute, by themselves, beside 500 open event streams, beside
 * slow uploads and downloads, and after the load has changed to requests that wait, and back.
 *
 * `deno task bench:beside [--seconds N] [--rate N] [--peers NAMES]`; see
 * `bench/README.md`.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { AppPeer } from "./peers/app_peer.ts";
import { haproxyOneEach } from "./peers/haproxy_app.ts";
import { nginxApp } from "./peers/nginx_app.ts";
import { poolApp } from "./peers/pool_app.ts";
import { installed, runApp, type RunningApp } from "./support/app_run.ts";
import { aligned, figure } from "./support/figures.ts";
import { applications, type Target } from "./support/node_apps.ts";
import { named, parseFlags, positive } from "./support/options.ts";
import { peerFile } from "./support/programs.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { runLoad } from "./tail/load.ts";

const PEERS: readonly AppPeer[] = [
  poolApp("default"),
  poolApp("one each", "--worker-concurrency=1"),
  poolApp("no cap", "--worker-concurrency=0"),
  haproxyOneEach,
  nginxApp("least_conn"),
];

const WORKERS = 2;
const STREAMS = 500;

/** One begins so often, in milliseconds, ... */
const UPLOAD_EVERY_MS = 50;

/** ... and takes three seconds: so many parts, a kilobyte each, so far apart. */
const PARTS = 20;
const PART_MS = 150;

/** A download begins so often, in milliseconds, and its client reads nothing for so long. */
const DOWNLOAD_EVERY_MS = 50;
const UNREAD_MS = 3_000;

/** How long clients wait, and what begins beside may take, in milliseconds. */
const DEADLINE_MS = 2_000;

const COMPUTING: readonly Target[] = [
  { path: "/work?ms=3", percent: 90 },
  { path: "/work?ms=40", percent: 10 },
];
const WAITING: readonly Target[] = [{ path: "/wait?ms=50", percent: 100 }];

/** Requests that wait, in a second. */
const WAITING_RATE = 400;

/** What goes on beside the requests. */
interface Beside {
  /** What has become of it. */
  readonly done: () => string;
  readonly end: () => void;
}

/** A stretch of load. */
interface Stretch {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly rate: number;
  readonly beside?: (port: number) => Promise<Beside>;
}

Deno.exitCode = await runBenchmark(main);

async function main({ directory, signal }: BenchmarkContext): Promise<number> {
  const values = parseFlags(Deno.args, {
    seconds: { type: "string", default: "6" },
    rate: { type: "string", default: "120" },
    peers: { type: "string" },
  });
  const seconds = positive("--seconds", values.seconds);
  const rate = positive("--rate", values.rate);
  const stretches: readonly Stretch[] = [
    { name: "warming up", targets: COMPUTING, rate },
    { name: "computing", targets: COMPUTING, rate },
    { name: "beside streams", targets: COMPUTING, rate, beside: streams },
    { name: "beside uploads", targets: COMPUTING, rate, beside: uploads },
    { name: "beside downloads", targets: COMPUTING, rate, beside: downloads },
    { name: "waiting", targets: WAITING, rate: WAITING_RATE },
    { name: "computing again", targets: COMPUTING, rate },
  ];
  const application = {
    ...applications()[0]!,
    program: peerFile("apps/beside_app.mjs"),
  };
  const rows = [
    ["peer", "load", "200 %", "503 %", "p50 ms", "p99 ms", "beside"],
  ];
  for (const peer of installed(named("--peers", PEERS, values.peers))) {
    const options = { application, workers: WORKERS, directory };
    await using running = await runApp(peer, options);
    for (const stretch of stretches) {
      rows.push(await measure(running, stretch, { seconds, signal }));
    }
  }
  console.log(aligned(rows).join("\n"));
  return 0;
}

async function measure(
  { peer, port }: RunningApp,
  { name, targets, rate, beside }: Stretch,
  { seconds, signal }: {
    readonly seconds: number;
    readonly signal: AbortSignal;
  },
): Promise<string[]> {
  const others = await beside?.(port);
  const spec = { port, targets, rate, seconds, seed: 1 };
  const { arrivals, succeeded, rejected, latency } = await runLoad(
    { ...spec, deadlineMs: DEADLINE_MS },
    signal,
  );
  const done = others?.done() ?? "";
  others?.end();
  return [
    peer.name,
    name,
    figure(100 * succeeded / arrivals, 1),
    figure(100 * rejected / arrivals, 1),
    figure(latency.p50, 1),
    figure(latency.p99, 1),
    done,
  ];
}

/** Opens all streams, and waits until they are, or some are not. */
async function streams(port: number): Promise<Beside> {
  const opened = Promise.withResolvers<void>();
  let open = 0;
  const sockets = Array.from({ length: STREAMS }, () => {
    const socket = connectTo(port, () => {
      if (++open === STREAMS) opened.resolve();
    });
    socket.write("GET /events HTTP/1.1\r\nHost: bench\r\n\r\n");
    return socket;
  });
  const timer = setTimeout(opened.resolve, DEADLINE_MS);
  await opened.promise;
  clearTimeout(timer);
  return {
    done: () => `${open} of ${STREAMS} open`,
    end: () => sockets.forEach((socket) => socket.destroy()),
  };
}

/** Begins uploads, one after the other, that each take three seconds. */
function uploads(port: number): Promise<Beside> {
  let begun = 0;
  let done = 0;
  const sockets = new Set<Socket>();
  const timer = setInterval(() => {
    begun++;
    const socket = connectTo(port, () => {
      done++;
      socket.destroy();
    });
    sockets.add(socket);
    upload(socket);
  }, UPLOAD_EVERY_MS);
  return Promise.resolve({
    done: () => `${done} of ${begun} done`,
    end: () => {
      clearInterval(timer);
      sockets.forEach((socket) => socket.destroy());
    },
  });
}

function upload(socket: Socket): void {
  const part = new Uint8Array(1_000);
  const length = PARTS * part.length;
  socket.write(
    `POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Length: ${length}\r\n\r\n`,
  );
  let sent = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || sent++ === PARTS) clearInterval(timer);
    else socket.write(part);
  }, PART_MS);
}

/** Begins downloads, one after the other, whose clients are in no hurry. */
function downloads(port: number): Promise<Beside> {
  let begun = 0;
  let responded = 0;
  const sockets = new Set<Socket>();
  const timer = setInterval(() => {
    begun++;
    const socket = connectTo(port, () => {
      responded++;
      socket.pause();
      setTimeout(() => socket.destroy(), UNREAD_MS);
    });
    sockets.add(socket);
    socket.write("GET /download HTTP/1.1\r\nHost: bench\r\n\r\n");
  }, DOWNLOAD_EVERY_MS);
  return Promise.resolve({
    done: () => `${responded} of ${begun} responded to`,
    end: () => {
      clearInterval(timer);
      sockets.forEach((socket) => socket.destroy());
    },
  });
}

/** A connection, and what happens when a 200 comes on it. */
function connectTo(port: number, onOk: () => void): Socket {
  const socket = connect(port, "127.0.0.1");
  // Whoever is turned away, or cut off, is not counted.
  socket.on("error", () => {});
  socket.once("data", (data) => {
    if (data.toString("latin1").startsWith("HTTP/1.1 200")) onOk();
  });
  return socket;
}
