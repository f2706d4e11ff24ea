/**
 * The upstreams by generation, for requests of clients that belong to one.
 *
 * Each generation is a set of its own that a policy chooses from. There are
 * subsets only while they differ from the published set: when that is of one
 * generation, and all there is, whoever belongs to it is served as everybody is.
 *
 * @module
 */

import type { Choice } from "./policy/policy.ts";
import type { Upstream } from "./upstream.ts";

/** Upstreams that are chosen from in turn. */
export type Subset = { -readonly [K in keyof Choice]: Choice[K] };

/** Knows which upstreams are of which generation. */
export class GenerationSubsets {
  #subsets: ReadonlyMap<number, Subset> = new Map();

  /** Whether not all requests are given the same upstreams. */
  get several(): boolean {
    return this.#subsets.size > 0;
  }

  /**
   * Takes note of the published set, and of those who are kept beside it.
   * Those of the newest generation are kept for who is tied to them alone.
   */
  follow(published: Subset, former: readonly Upstream[]): void {
    const newest = published.upstreams.reduce(
      (most, { generation }) => Math.max(most, generation),
      0,
    );
    const older = former.filter(({ generation }) => generation !== newest);
    const all = inSlotOrder([...published.upstreams, ...older]);
    const generations = Map.groupBy(all, ({ generation }) => generation);
    const subsets = new Map<number, Subset>();
    if (generations.size > 1 || older.length > 0) {
      for (const [generation, upstreams] of generations) {
        const old = this.#subsets.get(generation);
        const turn = old === undefined ? 0 : turnIn(upstreams, old);
        subsets.set(generation, { ...published, upstreams, turn });
      }
    }
    this.#subsets = subsets;
  }

  /** The upstreams of a generation, or `null` when none of them may be given work. */
  of(generation: number): Subset | null {
    const subset = this.#subsets.get(generation);
    return subset?.upstreams.some(({ accepting }) => accepting) ? subset : null;
  }
}

/** The turn that `old` leaves to `upstreams`, which take its place: it stays with the slot, so that a change elsewhere skips nobody. */
export function turnIn(
  upstreams: readonly Upstream[],
  old: Pick<Choice, "upstreams" | "turn">,
): number {
  const nextId = old.upstreams[old.turn]?.id ?? 0;
  return Math.max(0, upstreams.findIndex(({ id }) => id >= nextId));
}

/** Returns the upstreams in the order of their slots. */
export function inSlotOrder(upstreams: readonly Upstream[]): Upstream[] {
  return [...upstreams].sort((a, b) => a.id - b.id);
}
