/**
 * How events get to whoever wants them.
 *
 * @module
 */

import type { PoolEvent } from "./pool_events.ts";

/** Receives events, synchronously and in order. Must not throw and must not block. */
export type EventListener = (event: PoolEvent) => void;

/** What a subscriber wants beyond the ordinary events. */
export interface SubscribeOptions {
  /**
   * Also receive an {@linkcode AccessEvent} for each request. While nobody
   * asks for them nothing is computed for them.
   *
   * @default {false}
   */
  readonly access?: boolean;
  /**
   * Which lines of the workers' output are wanted: all of them, the last few
   * where many come at once, or none. What nobody wants costs next to nothing.
   *
   * @default {"all"}
   */
  readonly output?: OutputDemand;
}

/** Which lines of the workers' output are wanted. */
export type OutputDemand = "all" | "recent" | "none";

/**
 * Hands events to subscribers, synchronously and in the order of subscription.
 *
 * A listener that throws loses that event only: the others still get it, and
 * the error is reported to the host as an uncaught one, not swallowed.
 *
 * @example
 * ```ts
 * import { EventEmitter } from "./event_emitter.ts";
 * import assert from "node:assert/strict";
 *
 * const events = new EventEmitter();
 * const seen: string[] = [];
 * const unsubscribe = events.subscribe((event) => seen.push(event.type));
 * events.emit({ type: "notice", level: "info", message: "Hello." });
 * unsubscribe();
 * events.emit({ type: "notice", level: "info", message: "Not seen." });
 * assert.deepEqual(seen, ["notice"]);
 * ```
 */
export class EventEmitter {
  #listeners: readonly EventListener[] = [];
  #accessListeners: readonly EventListener[] = [];
  #outputListeners: readonly OutputSubscription[] = [];
  #onAccessDemand: ((wanted: boolean) => void) | null = null;

  /** Whether anybody wants {@linkcode AccessEvent}s. */
  get wantsAccess(): boolean {
    return this.#accessListeners.length > 0;
  }

  /** Calls `callback` now, and whenever {@linkcode wantsAccess} has changed; one callback at a time. */
  watchAccess(callback: (wanted: boolean) => void): void {
    this.#onAccessDemand = callback;
    callback(this.wantsAccess);
  }

  /** Which {@linkcode WorkerOutputEvent}s anybody wants, at most. */
  get outputDemand(): OutputDemand {
    if (this.#outputListeners.length === 0) return "none";
    return this.#outputListeners.some(({ demand }) => demand === "all")
      ? "all"
      : "recent";
  }

  /** Adds a listener; the returned function takes it out again. */
  subscribe(
    listener: EventListener,
    options: SubscribeOptions = {},
  ): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const entry: EventListener = (event) => listener(event);
    this.#listeners = [...this.#listeners, entry];
    if (options.access) {
      this.#setAccessListeners([...this.#accessListeners, entry]);
    }
    const demand = options.output ?? "all";
    if (demand !== "none") {
      this.#outputListeners = [...this.#outputListeners, { entry, demand }];
    }
    return () => {
      this.#listeners = this.#listeners.filter((l) => l !== entry);
      this.#setAccessListeners(
        this.#accessListeners.filter((l) => l !== entry),
      );
      this.#outputListeners = this.#outputListeners
        .filter((subscription) => subscription.entry !== entry);
    };
  }

  #setAccessListeners(listeners: readonly EventListener[]): void {
    const before = this.wantsAccess;
    this.#accessListeners = listeners;
    if (this.wantsAccess !== before) this.#onAccessDemand?.(!before);
  }

  /** Hands `event` to every listener that wants it. */
  emit(event: PoolEvent): void {
    switch (event.type) {
      case "access":
        for (const listener of this.#accessListeners) hand(event, listener);
        return;
      case "worker-output":
        for (const { entry } of this.#outputListeners) hand(event, entry);
        return;
      default:
        for (const listener of this.#listeners) hand(event, listener);
    }
  }
}

interface OutputSubscription {
  readonly entry: EventListener;
  readonly demand: OutputDemand;
}

function hand(event: PoolEvent, listener: EventListener): void {
  try {
    listener(event);
  } catch (error) {
    reportError(error);
  }
}
