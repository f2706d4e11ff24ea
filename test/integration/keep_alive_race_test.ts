/**
 * Workers close idle connections at the moment the pool uses them: no request
 * fails, and what has an effect has it once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fixture } from "../support/fixture.ts";
import { runPausedLoad } from "../support/paused_load.ts";
import {
  type PoolProcess,
  startPool,
  UNJUDGED,
} from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";

/** Workers that close a connection about a second after its last answer, or at once. */
const WORKERS = {
  "node, which says when": ["node_keepalive_1s.mjs"],
  "uvicorn-like, which says nothing": ["idle_closer.mjs", "uvicorn"],
  "gunicorn-like, which says nothing": ["idle_closer.mjs", "gunicorn"],
  "gunicorn-like, which says when": ["idle_closer.mjs", "gunicorn-hint"],
  "one that closes after each answer": ["idle_closer.mjs", "at-once"],
} as const;

/** Clients of each kind of worker: so many connections are idle at the same time. */
const CLIENTS = 50;

/** Around the second after which the workers close, as seen by the last client of a burst. */
const PAUSE_MS = [960, 1010] as const;

/** All ask at once: a connection used a moment ago would be used again. */
const SPREAD_MS = 2;

const ROUNDS = 6;

Deno.test({
  name:
    "no request fails and each takes effect once when workers close idle connections as they are used (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    // Side by side: the time goes into pauses.
    await Promise.all(
      Object.entries(WORKERS).map(([kind, [file, ...args]]) =>
        raceAgainst(kind, ["node", fixture(file), ...args])
      ),
    );
  },
});

async function raceAgainst(
  kind: string,
  command: readonly string[],
): Promise<void> {
  await using pool = await startPool({
    env: { POOL_SIZE: "2", ...UNJUDGED },
    command,
  });
  const outcome = await runPausedLoad({
    port: pool.port,
    clients: CLIENTS,
    rounds: ROUNDS,
    pauseMs: PAUSE_MS,
    spreadMs: SPREAD_MS,
  });
  assert.deepEqual(outcome.failures, [], kind);
  assert.equal(outcome.requests, ROUNDS * CLIENTS);
  const effects = await countEffects(pool);
  const answered = [...outcome.answered].sort();
  // As many as were answered, none twice, none that nobody asked for.
  assert.deepEqual(effects.sort(), answered, kind);
}

/** The bodies that had an effect, each as often as it had one. */
async function countEffects(pool: PoolProcess): Promise<string[]> {
  const effects: string[] = [];
  for (const { port } of (await pool.metrics()).workers) {
    const counts: Record<string, number> = JSON.parse(
      (await get(port, "/effects")).text,
    );
    for (const [body, count] of Object.entries(counts)) {
      effects.push(...Array<string>(count).fill(body));
    }
  }
  return effects;
}
