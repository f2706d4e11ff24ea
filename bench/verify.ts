/**
 * Whether a peer's answers are right: a balancer that drops, cuts or mixes up
 * answers would be cheap.
 *
 * @module
 */

import type { Peer, StartedPeer } from "./peers/peer.ts";
import type { Scenario } from "./scenarios.ts";
import {
  DEFAULT_PATH,
  ECHO_PATH,
  ORIGIN_BODIES,
  ORIGIN_FIELD,
} from "./support/origin_bodies.ts";

/** Longest wait for a peer to answer from all its workers. */
const READY_TIMEOUT_MS = 15_000;

/** Pause between two attempts to reach a peer that starts. */
const READY_POLL_MS = 50;

/** Longest wait for one answer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Requests for each worker within which every worker must have answered. */
const REQUESTS_PER_WORKER = 8;

/**
 * Waits until the peer answers.
 *
 * @throws {Error} with what its process has written when it ends or takes too long.
 */
export async function waitUntilAnswering(
  { port, process }: StartedPeer,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < end && process?.ended !== true) {
    signal.throwIfAborted();
    try {
      const response = await get(port, DEFAULT_PATH);
      await response.body?.cancel();
      if (response.ok) return;
    } catch (error) {
      // Nobody listens yet.
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  throw new Error(`it does not answer. ${process?.output.trim() ?? ""}`);
}

/** Returns what is wrong with the answers of a peer, or `null`. */
export async function findFault(
  peer: Peer,
  started: StartedPeer,
  scenario: Scenario,
): Promise<string | null> {
  try {
    return await findMissingFields(peer, started) ??
      await findWrongAnswer(started, scenario);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The worker must be told who the client is, or the peer has been spared that work. */
async function findMissingFields(
  peer: Peer,
  started: StartedPeer,
): Promise<string | null> {
  if (!peer.forwards) return null;
  const head = await (await get(started.port, ECHO_PATH)).text();
  for (const name of ["For", "Proto", "Host"]) {
    if (!new RegExp(`^x-forwarded-${name}: *\\S`, "im").test(head)) {
      return `the worker was sent no X-Forwarded-${name}`;
    }
  }
  return null;
}

async function findWrongAnswer(
  started: StartedPeer,
  scenario: Scenario,
): Promise<string | null> {
  const expected = ORIGIN_BODIES.get(scenario.path)?.text ??
    `${scenario.uploadBytes}\n`;
  const seen = new Set<string | null>();
  for (let i = 0; i < REQUESTS_PER_WORKER * started.workers; i++) {
    const response = await get(started.port, scenario.path, scenario);
    const text = await response.text();
    if (response.status !== 200) return `status ${response.status}`;
    if (text !== expected) {
      return `a body of ${text.length} octets that is not the worker's`;
    }
    seen.add(response.headers.get(ORIGIN_FIELD));
  }
  return seen.size === started.workers
    ? null
    : `${seen.size} of ${started.workers} workers answer`;
}

function get(
  port: number,
  path: string,
  scenario?: Scenario,
): Promise<Response> {
  const length = scenario?.uploadBytes ?? 0;
  return fetch(`http://127.0.0.1:${port}${path}`, {
    headers: scenario?.headers.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon), field.slice(colon + 1).trim()];
    }) ?? [],
    ...(length > 0 ? { method: "POST", body: "x".repeat(length) } : {}),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
}
