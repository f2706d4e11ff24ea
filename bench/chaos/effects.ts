/**
 * What the workers have written down of each POST.
 *
 * @module
 */

import { join } from "node:path";

/** What was done otherwise than once, or otherwise than the client was told. */
export interface EffectFaults {
  /** POSTs that were done more than once. */
  readonly doubled: number;
  /** POSTs that were answered 200 and not done. */
  readonly lost: number;
  /** POSTs that were done, and failed all the same: the worker had them when it went. */
  readonly unanswered: number;
}

/** Compares what was answered with what was done. */
export function effectFaults(
  directory: string,
  answeredPosts: readonly string[],
): EffectFaults {
  const answered = new Set(answeredPosts);
  const counts = new Map<string, number>();
  for (const { name } of Deno.readDirSync(directory)) {
    const lines = Deno.readTextFileSync(join(directory, name)).split("\n");
    for (const id of lines) {
      if (id !== "") counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return {
    doubled: [...counts.values()].filter((count) => count > 1).length,
    unanswered: [...counts.keys()].filter((id) => !answered.has(id)).length,
    lost: answeredPosts.filter((id) => !counts.has(id)).length,
  };
}
