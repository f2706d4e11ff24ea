/**
 * What is done to a peer while clients use it.
 *
 * @module
 */

import type { Random } from "../../test/fuzz/random.ts";
import type { StartedApp } from "../peers/app_peer.ts";
import { epochMs } from "../support/epoch.ts";
import { isMarked } from "../support/proc_stat.ts";
import { waitFor } from "../support/wait_for.ts";
import type { Load, Sighting } from "./load.ts";

/** From one kill to the next. */
const KILL_INTERVAL_MS = 1000;

/** Longest wait for what has been disturbed to be whole again. */
const RECOVERY_TIMEOUT_MS = 15_000;

/** A peer under load. */
export interface Subject {
  readonly app: StartedApp;
  readonly load: Load;
  readonly workers: number;
  /** What stands in the environment of its workers, and of no other process. */
  readonly mark: string;
  readonly signal: AbortSignal;
}

/** What was done, and how long it took until all was as before. */
export interface Disturbances {
  readonly count: number;
  /** Time from each to its end, in its order. Shorter than `count` when some never ended. */
  readonly recoveriesMs: readonly number[];
}

/**
 * Kills a worker each second.
 *
 * One has recovered from a kill with the first answer of a worker that was not
 * there before.
 */
export async function killWorkers(
  subject: Subject,
  { count, random }: { readonly count: number; readonly random: Random },
): Promise<Disturbances> {
  const { load, signal } = subject;
  const known = load.sightings.length;
  const killsMs: number[] = [];
  for (let i = 0; i < count; i++) {
    await sleep(KILL_INTERVAL_MS, signal);
    const alive = aliveWorkers(subject);
    if (alive.length === 0) continue;
    const pid = random.pick(alive);
    killsMs.push(epochMs());
    Deno.kill(pid, "SIGKILL");
  }
  await waitFor(
    () => load.sightings.length >= known + killsMs.length,
    () => "the killed workers to be replaced",
    RECOVERY_TIMEOUT_MS,
  ).catch(() => {
    // Counted: there are fewer recoveries than kills.
  });
  return {
    count: killsMs.length,
    recoveriesMs: recoveriesMs(killsMs, load.sightings.slice(known)),
  };
}

/** Each kill with the first new worker that answers after it and belongs to none before. Pure. */
export function recoveriesMs(
  killsMs: readonly number[],
  arrivals: readonly Sighting[],
): number[] {
  const left = [...arrivals];
  return killsMs.flatMap((killMs) => {
    const index = left.findIndex(({ atMs }) => atMs > killMs);
    if (index < 0) return [];
    const [arrival] = left.splice(index, 1);
    return [arrival!.atMs - killMs];
  });
}

/**
 * Reloads again and again, each time when the one before is through: no worker
 * of before is there any more, and as many new ones have answered.
 */
export async function reload(
  subject: Subject,
  count: number,
): Promise<Disturbances> {
  const { app, load, workers, signal } = subject;
  const recoveriesMs: number[] = [];
  for (let i = 0; i < count; i++) {
    signal.throwIfAborted();
    const before = new Set(load.sightings.map(({ pid }) => pid));
    const startMs = epochMs();
    await app.reload();
    try {
      await waitFor(
        () => {
          const alive = aliveWorkers(subject);
          return alive.length >= workers &&
            !alive.some((pid) => before.has(pid));
        },
        () => "the reload to end",
        RECOVERY_TIMEOUT_MS,
      );
    } catch {
      // Counted: there are fewer ends than reloads.
      return { count: i + 1, recoveriesMs };
    }
    recoveriesMs.push(epochMs() - startMs);
  }
  return { count, recoveriesMs };
}

/** Those who have answered and are still there; a pid may long be another's. */
function aliveWorkers({ load, mark }: Subject): number[] {
  return load.sightings
    .map(({ pid }) => pid)
    .filter((pid) => isMarked(pid, mark));
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal.throwIfAborted();
}
