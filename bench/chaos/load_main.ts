/**
 * Clients that each send one request after the other, GET and POST mixed, and
 * count what becomes of them; see `load.ts`, which starts this as a process of
 * its own.
 *
 * `deno run -A bench/chaos/load_main.ts SPEC`, until its input ends.
 *
 * @module
 */

import { Random } from "../../test/fuzz/random.ts";
import { toBytes } from "../../test/support/raw_socket.ts";
import {
  clientAddress,
  HttpClient,
  type Outcome,
} from "../support/http_client.ts";
import { epochMs } from "../support/epoch.ts";
import { emptyTally, type LoadResult, type LoadSpec } from "./load_result.ts";

/** Share of the requests that are a POST, in percent. */
const POST_PERCENT = 30;

/** A client makes a new connection after at most so many requests, as a browser does for a page. */
const MAX_REQUESTS_PER_CONNECTION = 20;

/** What a client waits after a failure: without it, a refusal would be counted as often as it can be had. */
const PAUSE_AFTER_FAILURE_MS = 10;

const GET = toBytes("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");

const spec: LoadSpec = JSON.parse(Deno.args[0]!);
const result: LoadResult = {
  get: emptyTally(),
  post: emptyTally(),
  answeredPosts: [],
};
const workers = new Set<string>();
let stopping = false;

const clients = Array.from({ length: spec.clients }, (_, index) => run(index));
await Deno.stdin.readable.pipeTo(new WritableStream());
stopping = true;
await Promise.all(clients);
console.log(JSON.stringify({ result }));

async function run(index: number): Promise<void> {
  const random = new Random(spec.seed, index);
  using client = new HttpClient({
    ...spec,
    localAddress: clientAddress(index),
  });
  let left = 0;
  for (let count = 0; !stopping; count++) {
    if (left-- === 0) {
      client.close();
      left = random.below(MAX_REQUESTS_PER_CONNECTION);
    }
    const isPost = random.below(100) < POST_PERCENT;
    const id = `${index}-${count}`;
    const outcome = await client.ask(isPost ? post(id) : GET, {
      method: isPost ? "POST" : "GET",
    });
    const fault = faultOf(outcome);
    const tally = isPost ? result.post : result.get;
    tally.requests++;
    if (fault !== null) {
      tally.failures[fault]++;
      await new Promise((done) => setTimeout(done, PAUSE_AFTER_FAILURE_MS));
    } else if (isPost) {
      result.answeredPosts.push(id);
    }
  }
}

function post(id: string): Uint8Array {
  return toBytes(
    `POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${id.length}\r\n\r\n${id}`,
  );
}

function faultOf(outcome: Outcome): keyof LoadResult["get"]["failures"] | null {
  if (typeof outcome === "string") return outcome;
  if (outcome.status !== 200) return "status";
  const worker = outcome.headers.get("x-worker") ?? "";
  if (!workers.has(worker)) {
    workers.add(worker);
    console.log(JSON.stringify({ worker: Number(worker), atMs: epochMs() }));
  }
  return null;
}
