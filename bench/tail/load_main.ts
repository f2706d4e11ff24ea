/**
 * Sends requests when it is time for them, whether or not others have been
 * answered: who arrives does not know who waits. Latency counts from the time
 * a request was to be sent.
 *
 * `deno run -A bench/tail/load_main.ts SPEC`; see `load.ts`, which starts this
 * as a process of its own.
 *
 * @module
 */

import { Random } from "../../test/fuzz/random.ts";
import { clientAddress, HttpClient } from "../support/http_client.ts";
import { pickRequest } from "../support/target_picker.ts";
import { distribution, type LoadResult, type LoadSpec } from "./load_result.ts";

/** Clients there are from the beginning; when all of them wait, more come. */
const CLIENTS = 100;

/** From here to the first arrival, so that it is not late already. */
const HEAD_START_MS = 100;

/** Resolution of a random number between 0 and 1. */
const RANDOM_STEPS = 2 ** 30;

const spec: LoadSpec = JSON.parse(Deno.args[0]!);
const random = new Random(spec.seed, 0);
const clients: HttpClient[] = [];
const idle: HttpClient[] = [];
const latencies: number[] = [];
const rejections: number[] = [];
const lags: number[] = [];
let failed = 0;

for (let i = 0; i < CLIENTS; i++) idle.push(newClient());
const running: Promise<void>[] = [];
const start = performance.now() + HEAD_START_MS;
for (let at = gap(); at < spec.seconds * 1000; at += gap()) {
  const due = start + at;
  const ahead = due - performance.now();
  // Rounded up: to be early would be worse than half a millisecond late, and
  // that is in the figures.
  if (ahead > 0) {
    await new Promise((done) => setTimeout(done, Math.ceil(ahead)));
  }
  running.push(send(due));
}
await Promise.all(running);
for (const client of clients) client.close();
const result: LoadResult = {
  arrivals: running.length,
  succeeded: latencies.length,
  rejected: rejections.length,
  failed,
  latency: distribution(latencies),
  rejection: distribution(rejections),
  lag: distribution(lags),
};
console.log(JSON.stringify(result));

/** Time to the next arrival of a Poisson process, in milliseconds. */
function gap(): number {
  const uniform = (random.below(RANDOM_STEPS) + 1) / RANDOM_STEPS;
  return -Math.log(uniform) * 1000 / spec.rate;
}

async function send(due: number): Promise<void> {
  const client = takeIdle();
  const request = pickRequest(spec.targets, random);
  const sent = performance.now();
  lags.push(sent - due);
  const deadlineMs = Math.max(0, due + spec.deadlineMs - sent);
  const outcome = await client.ask(request, { deadlineMs });
  const end = performance.now();
  idle.push(client);
  if (typeof outcome === "string") failed++;
  else if (outcome.status === 200) latencies.push(end - due);
  else if (outcome.status === 503) rejections.push(end - sent);
  else failed++;
}

/** Any client that does not wait for an answer. */
function takeIdle(): HttpClient {
  if (idle.length === 0) return newClient();
  const index = random.below(idle.length);
  const client = idle[index]!;
  idle[index] = idle.at(-1)!;
  idle.pop();
  return client;
}

function newClient(): HttpClient {
  const localAddress = clientAddress(clients.length);
  const client = new HttpClient({ ...spec, localAddress });
  clients.push(client);
  return client;
}
