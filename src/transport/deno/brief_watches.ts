/**
 * Links that are to be watched if what they wait for takes a while: most are
 * resumed or closed before it comes to that.
 *
 * @module
 */

/** What can be watched later. */
export interface Watchable {
  /** Begins to watch, if that is still all that is wanted. */
  look(): void;
}

/** Remembers who is to be watched. */
export class BriefWatches {
  #links = new Set<Watchable>();

  /** Has `link` watched at the next {@linkcode BriefWatches.begin}. */
  add(link: Watchable): void {
    this.#links.add(link);
  }

  /** A while has passed. */
  begin(): void {
    if (this.#links.size === 0) return;
    const links = this.#links;
    this.#links = new Set();
    for (const link of links) link.look();
  }
}
