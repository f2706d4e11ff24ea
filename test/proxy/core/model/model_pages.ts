/**
 * Pages of our own in the model: made when they are, whole or in parts, or
 * broken off.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AdminRequest } from "../../../../src/plane/contract.ts";
import type {
  AdminPage,
  AdminPort,
  AdminResponse,
  AdminSink,
} from "../../../../src/proxy/core/admin_port.ts";
import type { Random } from "../../../fuzz/random.ts";
import type { Peer } from "../../../support/core/core_stand.ts";
import { oneIn } from "./traffic.ts";

/** Parts of a page that comes in parts. */
const PARTS = 3;

/** Makes the pages. */
export class ModelPages implements AdminPort, Peer {
  frozen = false;
  readonly #random: Random;
  readonly #calm: boolean;
  readonly #responses = new Set<ModelPageResponse>();

  /** Makes pages at random; all of them whole where it is `calm`. */
  constructor(random: Random, calm: boolean) {
    this.#random = random;
    this.#calm = calm;
  }

  /** Pages that are being made. */
  get open(): number {
    return this.#responses.size;
  }

  take({ target }: AdminRequest): AdminPage | null {
    if (!target.startsWith("/_page/")) return null;
    return {
      respond: (_body, sink) => {
        const streamed = !this.#calm && oneIn(this.#random, 3);
        const response = new ModelPageResponse(sink, streamed, () => {
          this.#responses.delete(response);
        });
        this.#responses.add(response);
        return response;
      },
    };
  }

  react(): boolean {
    const ready = [...this.#responses].filter(({ ready }) => ready);
    if (ready.length === 0) return false;
    const breaks = !this.#calm && oneIn(this.#random, 12);
    this.#random.pick(ready).proceed(breaks);
    return true;
  }

  /** What is under way is over: nobody else ends it. */
  end(): void {
    for (const response of [...this.#responses]) response.proceed(true);
  }
}

/** One page on its way. */
class ModelPageResponse implements AdminResponse {
  readonly #sink: AdminSink;
  readonly #streamed: boolean;
  readonly #onOver: () => void;
  #next: "head" | "part" | "nothing" = "head";
  #parts = 0;
  #over = false;

  constructor(sink: AdminSink, streamed: boolean, onOver: () => void) {
    this.#sink = sink;
    this.#streamed = streamed;
    this.#onOver = onOver;
  }

  get ready(): boolean {
    return this.#next !== "nothing";
  }

  proceed(breaks: boolean): void {
    const next = this.#next;
    this.#next = "nothing";
    if (breaks) {
      this.#end();
      return this.#sink.onBroken("by chance");
    }
    if (next === "head") {
      return this.#sink.onHead({
        status: 200,
        headers: [["content-type", "text/plain"]],
        streamed: this.#streamed,
      });
    }
    if (this.#streamed && this.#parts++ === PARTS) {
      this.#end();
      return this.#sink.onDone();
    }
    if (!this.#streamed) this.#end();
    this.#sink.onPart(new TextEncoder().encode("a page"));
  }

  pull(): void {
    assert.ok(!this.#over, "more is wanted of a page that is over");
    assert.equal(this.#next, "nothing", "two parts are wanted at once");
    this.#next = "part";
  }

  cancel(): void {
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#next = "nothing";
    this.#onOver();
  }
}
