/**
 * From what was counted to a table. Pure.
 *
 * @module
 */

import { aligned, figure, quantile } from "../support/figures.ts";
import type { Disturbances } from "./disturbance.ts";
import type { EffectFaults } from "./effects.ts";
import { failureCount, FAULTS, type Tally } from "./load_result.ts";

/** What came of one peer in one scenario. */
export interface ChaosResult {
  readonly peer: string;
  readonly seconds: number;
  readonly get: Tally;
  readonly post: Tally;
  readonly effects: EffectFaults;
  readonly disturbances: Disturbances;
  /** What processes that are not ours had of all cores meanwhile, 0 to 1. */
  readonly foreignCpu: number;
}

/** The table of one scenario, one line a peer. */
export function table(name: string, results: readonly ChaosResult[]): string {
  const headings = [
    name,
    "number",
    "requests",
    "req/s",
    "GET failed",
    "POST failed",
    "per " + name,
    ...FAULTS,
    "POST done, unanswered",
    "POST twice",
    "POST lost",
    "not over",
    "p50 ms",
    "p99 ms",
    "others' CPU",
  ];
  return aligned([headings, ...results.map(row)]).join("\n");
}

function row(result: ChaosResult): string[] {
  const { peer, seconds, get, post, effects, disturbances } = result;
  const { count, recoveriesMs } = disturbances;
  const requests = get.requests + post.requests;
  const failed = failureCount(get) + failureCount(post);
  return [
    peer,
    String(count),
    String(requests),
    figure(requests / seconds, 0),
    String(failureCount(get)),
    String(failureCount(post)),
    figure(failed / count, 2),
    ...FAULTS.map((fault) =>
      String(get.failures[fault] + post.failures[fault])
    ),
    String(effects.unanswered),
    String(effects.doubled),
    String(effects.lost),
    String(count - recoveriesMs.length),
    figure(quantile(recoveriesMs, 0.5), 0),
    figure(quantile(recoveriesMs, 0.99), 0),
    figure(100 * result.foreignCpu, 0, " %"),
  ];
}
