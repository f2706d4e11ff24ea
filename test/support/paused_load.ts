/**
 * Clients that ask all at once, pause for about as long as a worker keeps an
 * idle connection, and ask again: each request meets a connection that is
 * about to be closed.
 *
 * @module
 */

import { get, post, postHead } from "./message_text.ts";
import { RawClient } from "./raw_client.ts";

/** What to send where. */
export interface PausedLoadOptions {
  readonly port: number;
  /** Clients side by side, each with a connection of its own. */
  readonly clients: number;
  /** How often each of them asks. */
  readonly rounds: number;
  /** Shortest and longest pause between two rounds; by chance in between. */
  readonly pauseMs: readonly [number, number];
  /** How far the clients of a round are apart, at most. */
  readonly spreadMs: number;
}

/** What came of it. */
export interface PausedLoadOutcome {
  /** Requests sent. */
  readonly requests: number;
  /** What each failed request got instead of a 200, with its method. */
  readonly failures: readonly string[];
  /** Bodies of the requests that were answered: each must have had its effect once. */
  readonly answered: readonly string[];
  /** Bodies of the requests that failed: each may have had its effect once at most. */
  readonly failed: readonly string[];
}

/** A request and the body by which its effect is counted; none without effect. */
interface KeyedRequest {
  readonly method: string;
  readonly key: string;
  /** What is written, each part by itself. */
  readonly parts: readonly string[];
}

/** Half of the requests must not be repeated; an upload must not, although its method may. */
function makeRequest(key: string, index: number): KeyedRequest {
  const length = `Content-Length: ${key.length}`;
  switch (index % 4) {
    case 0:
      return { method: "GET", key: "", parts: [get("/")] };
    case 1:
      return {
        method: "PUT",
        key,
        parts: [postHead("/", length).replace("POST", "PUT"), key],
      };
    case 2:
      return { method: "POST", key, parts: [post("/", key)] };
    default:
      return { method: "POST", key, parts: [postHead("/", length), key] };
  }
}

/** Runs the load. */
export async function runPausedLoad(
  options: PausedLoadOptions,
): Promise<PausedLoadOutcome> {
  const failures: string[] = [];
  const answered: string[] = [];
  const failed: string[] = [];
  const clients = Array<RawClient | null>(options.clients).fill(null);
  const [shortestMs, longestMs] = options.pauseMs;
  let requests = 0;

  async function askOne(round: number, index: number): Promise<void> {
    await pause(Math.random() * options.spreadMs);
    const key = `effect-${options.port}-${round}-${index}`;
    const { method, parts } = makeRequest(key, index + round);
    requests++;
    const outcome = await exchange(options.port, clients, index, parts);
    const effect = method === "GET" ? [] : [key];
    if (outcome === null) answered.push(...effect);
    else {
      failures.push(`${method}: ${outcome}`);
      failed.push(...effect);
    }
  }

  for (let round = 0; round < options.rounds; round++) {
    await Promise.all(clients.map((_, index) => askOne(round, index)));
    await pause(shortestMs + Math.random() * (longestMs - shortestMs));
  }
  for (const client of clients) await client?.close();
  return { requests, failures, answered, failed };
}

/** Asks over the client's connection, or a new one; what went wrong, or `null`. */
async function exchange(
  port: number,
  clients: (RawClient | null)[],
  index: number,
  parts: readonly string[],
): Promise<string | null> {
  try {
    const client = clients[index] ??= await RawClient.connect({ port });
    for (const part of parts) await client.send(part);
    const { status, headers } = await client.readResponse();
    if (headers.get("connection") === "close") {
      clients[index] = null;
      await client.close();
    }
    return status === 200 ? null : String(status);
  } catch (error) {
    const client = clients[index];
    clients[index] = null;
    await client?.close();
    return error instanceof Error ? error.message : String(error);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
