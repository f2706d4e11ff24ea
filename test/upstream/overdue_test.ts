/**
 * Which requests are taken to be no work, as they take their worker too long.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AdaptiveConcurrency } from "../../src/upstream/concurrency/adaptive_concurrency.ts";
import type { ClaimRequest } from "../../src/upstream/request_queue.ts";
import { requestOf, upstream } from "./upstreams.ts";

/** One worker, whose requests come and go at times in milliseconds, and another one. */
class Worker {
  readonly upstream = upstream(1);
  readonly other = upstream(2);
  now = 0;
  readonly #adaptive = new AdaptiveConcurrency();

  claim(at = this.upstream): ClaimRequest {
    const request = requestOf();
    at.claim();
    this.#adaptive.claim(at, request, () => this.now);
    return request;
  }

  release(request: ClaimRequest, at = this.upstream): void {
    at.release();
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
  worker.pass(60_000);
  assert.equal(worker.upstream.working, 0);
  const next = worker.claim();
  for (const request of slow) worker.release(request);
  worker.release(next);
  worker.claim();
  worker.pass(3_500);
  assert.equal(worker.upstream.working, 0);
});

Deno.test("a worker that finishes nothing while another one does is given ever less, until it does", () => {
  const worker = new Worker();
  const given = [worker.claim()];
  const pass = (milliseconds: number): void => {
    for (let ms = 0; ms < milliseconds; ms += 100) {
      worker.release(worker.claim(worker.other), worker.other);
      worker.pass(100);
      if (worker.upstream.working === 0) given.push(worker.claim());
    }
  };
  pass(60_000);
  const atFirst = given.length;
  assert(atFirst < 20, `${atFirst}`);
  worker.release(given[0]!);
  pass(2_000);
  assert(given.length > atFirst + 2, `${given.length}`);
});
