/**
 * Who is told of facts.
 *
 * @module
 */

import type { Fact } from "./contract.ts";

/** Passes facts on, in order, to whoever wants them. */
export class Listeners {
  #listeners: readonly ((fact: Fact) => void)[] = [];

  /** Calls `listener` with each fact from now on; the returned function ends it. */
  add(listener: (fact: Fact) => void): () => void {
    // Wrapped, so that one function added twice is two.
    const entry = (fact: Fact): void => listener(fact);
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry);
    };
  }

  /** Passes a fact on. */
  notify(fact: Fact): void {
    for (const listener of this.#listeners) listener(fact);
  }
}
