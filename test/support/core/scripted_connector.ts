/**
 * A connector in memory: what becomes of an attempt is the test's to say, and
 * when.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  Cancellable,
  ConnectFailure,
  ConnectHandler,
  Connector,
  Destination,
  Link,
} from "../../../src/proxy/core/link.ts";

/** An attempt to connect that has not come to anything yet. */
export class PendingConnect implements Cancellable {
  readonly to: Destination;
  readonly #handler: ConnectHandler;
  readonly #onOver: () => void;
  #over = false;

  /** Begins; `onOver` is called when nothing more will come of it. */
  constructor(to: Destination, handler: ConnectHandler, onOver: () => void) {
    this.to = to;
    this.#handler = handler;
    this.#onOver = onOver;
  }

  /** It has come to a connection. */
  succeed(link: Link): void {
    this.#end();
    this.#handler.onConnected(link);
  }

  /** It has come to nothing. */
  fail(failure: ConnectFailure): void {
    this.#end();
    this.#handler.onConnectFailed(failure);
  }

  cancel(): void {
    if (!this.#over) this.#end();
  }

  #end(): void {
    assert.ok(!this.#over, "an attempt to connect that was over");
    this.#over = true;
    this.#onOver();
  }
}

/** Keeps attempts until the test decides them. */
export class ScriptedConnector implements Connector {
  /** Those that are under way, the first one first. */
  readonly pending: Set<PendingConnect> = new Set();

  connect(to: Destination, handler: ConnectHandler): Cancellable {
    const attempt = new PendingConnect(to, handler, () => {
      this.pending.delete(attempt);
    });
    this.pending.add(attempt);
    return attempt;
  }
}
