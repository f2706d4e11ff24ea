/**
 * Which requests are taken to be no work, as they take their worker too long.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AdaptiveConcurrency } from "../../src/upstream/concurrency/adaptive_concurrency.ts";
import type { ClaimRequest } from "../../src/upstream/request_queue.ts";
import { requestOf, upstream } from "./upstreams.ts";

/** One worker, whose requests come and go at times in milliseconds. */
class Worker {
  readonly upstream = upstream(1);
  now = 0;
  readonly #adaptive = new AdaptiveConcurrency();

  claim(): ClaimRequest {
    const request = requestOf();
    this.upstream.claim();
    this.#adaptive.claim(this.upstream, request, () => this.now);
    return request;
  }

  release(request: ClaimRequest): void {
    this.upstream.release();
    const end = { clientGone: false, clock: (): number => this.now };
    this.#adaptive.release(request, end);
  }

  /** Lets time pass, with a sweep each tenth of a second. */
  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end;) {
      this.now += 100;
      this.#adaptive.sweep(this.now, {
        queued: 0,
        working: this.upstream.working,
        inTurn: this.upstream.load,
        workers: 1,
      });
    }
  }
}

Deno.test("what takes too long counts no more, and is work all the same if its worker finishes it before anything else", () => {
  const worker = new Worker();
  const slow = worker.claim();
  worker.pass(1_500);
  assert.equal(worker.upstream.working, 1);
  worker.pass(500);
  assert.equal(worker.upstream.working, 0);
  const next = worker.claim();
  worker.release(slow);
  worker.release(next);
  // Then it is waited for twice as long.
  worker.claim();
  worker.pass(3_000);
  assert.equal(worker.upstream.working, 1);
  worker.pass(500);
  assert.equal(worker.upstream.working, 0);
});

Deno.test("several that were taken for no work together, and were work, are one mistake", () => {
  const worker = new Worker();
  const slow = Array.from({ length: 6 }, () => worker.claim());
  worker.pass(2_000);
  assert.equal(worker.upstream.working, 0);
  const next = worker.claim();
  for (const request of slow) worker.release(request);
  worker.release(next);
  worker.claim();
  worker.pass(3_500);
  assert.equal(worker.upstream.working, 0);
});
