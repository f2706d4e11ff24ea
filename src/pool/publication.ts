/**
 * Who may be given work: finds it out, and tells the data plane when that has
 * changed.
 *
 * @module
 */

import type { DataPlane } from "../plane/contract.ts";
import type { Goal, StaffingOptions } from "./goal.ts";
import type { Roster } from "./roster.ts";
import type { UpstreamRecord } from "./upstream_record.ts";
import type { Worker } from "./worker.ts";

/** Holds the published set. */
export class Publication {
  readonly #roster: Roster;
  readonly #plane: DataPlane;
  #upstreams: readonly UpstreamRecord[] = [];
  #former: readonly UpstreamRecord[] = [];
  #wanted = 0;
  #revision = 0;

  /** Begins with nothing published of those in `roster`. */
  constructor(roster: Roster, plane: DataPlane) {
    this.#roster = roster;
    this.#plane = plane;
  }

  /** Publishes those who serve, where they are not published already. */
  update({ workers, options }: Goal): void {
    const serving = serve(this.#roster);
    for (const worker of serving) worker.hasServed = true;
    this.#publish(
      recordsOf(serving),
      recordsOf(serveOwn(this.#roster, options)),
      workers,
    );
  }

  /**
   * @param former Those that are given the requests of their own clients alone.
   * @param wanted How many are meant to be published.
   */
  #publish(
    upstreams: readonly UpstreamRecord[],
    former: readonly UpstreamRecord[],
    wanted: number,
  ): void {
    const same = wanted === this.#wanted &&
      isPublished(upstreams, this.#upstreams) &&
      isPublished(former, this.#former);
    if (same) return;
    const revision = ++this.#revision;
    for (const record of [...this.#upstreams, ...this.#former]) {
      record.withdrawn(revision);
    }
    this.#upstreams = upstreams;
    this.#former = former;
    this.#wanted = wanted;
    for (const record of [...upstreams, ...former]) record.published();
    this.#plane.send({
      type: "publish",
      revision,
      upstreams: upstreams.map(({ address }) => address),
      wanted,
      former: former.map(({ address }) => address),
    });
  }
}

/** Those who are given everybody's requests. */
function serve({ slots }: Roster): readonly Worker[] {
  return slots
    .filter((slot) => slot.member)
    // A successor on trial first: where clients are tied to a slot, it is
    // their first choice, and else the order makes no difference.
    .flatMap((slot) => slot.serviceable.toReversed());
}

/** Those who are given the requests of clients that are tied to them alone. */
function serveOwn(
  { kept, slots }: Roster,
  { affinity }: StaffingOptions,
): readonly Worker[] {
  const serviceable = [...kept].filter((worker) => worker.serviceable);
  if (affinity === null) return serviceable;
  // A spare may have served everybody before: another one stood in for it.
  const spares = slots
    .filter((slot) => !slot.member)
    .flatMap((slot) => slot.serviceable)
    .filter(({ hasServed }) => hasServed);
  return [...serviceable, ...spares];
}

function recordsOf(workers: readonly Worker[]): readonly UpstreamRecord[] {
  return workers.map(({ upstream }) => upstream);
}

/** Whether `wanted` are given work already. */
function isPublished(
  wanted: readonly UpstreamRecord[],
  published: readonly UpstreamRecord[],
): boolean {
  return wanted.length === published.length &&
    wanted.every((record) =>
      // One that refused a connection is given no work until it is published again.
      record.accepting && published.includes(record)
    );
}
