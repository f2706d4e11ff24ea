/**
 * Tells the data plane who may be given work, when that has changed.
 *
 * @module
 */

import type { DataPlane } from "../plane/contract.ts";
import type { UpstreamRecord } from "./upstream_record.ts";

/** Holds the published set. */
export class Publication {
  readonly #plane: DataPlane;
  #upstreams: readonly UpstreamRecord[] = [];
  #retained: readonly UpstreamRecord[] = [];
  #wanted = 0;
  #revision = 0;

  /** Begins with nothing published. */
  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /**
   * Publishes what is wanted, where it is not published already.
   *
   * @param retained Those that are given the requests of their own clients alone.
   * @param wanted How many are meant to be published.
   */
  update(
    upstreams: readonly UpstreamRecord[],
    retained: readonly UpstreamRecord[],
    wanted: number,
  ): void {
    const same = wanted === this.#wanted &&
      isPublished(upstreams, this.#upstreams) &&
      isPublished(retained, this.#retained);
    if (same) return;
    const revision = ++this.#revision;
    for (const record of [...this.#upstreams, ...this.#retained]) {
      record.withdrawn(revision);
    }
    this.#upstreams = upstreams;
    this.#retained = retained;
    this.#wanted = wanted;
    for (const record of [...upstreams, ...retained]) record.published();
    this.#plane.send({
      type: "publish",
      revision,
      upstreams: upstreams.map(({ address }) => address),
      wanted,
      retained: retained.map(({ address }) => address),
    });
  }
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
