/** What a histogram makes of durations it has seen. */

import assert from "node:assert/strict";
import { LatencyHistogram } from "../../src/shared/latency_histogram.ts";

function histogramOf(...durationsMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const durationMs of durationsMs) histogram.record(durationMs);
  return histogram;
}

Deno.test("without durations there is no quantile", () => {
  assert.equal(histogramOf().quantile(0.5), null);
});

Deno.test("a quantile is never below the duration it stands for, and at most 9 % above", () => {
  for (let durationMs = 0.02; durationMs < 1e6; durationMs *= 1.07) {
    const quantile = histogramOf(durationMs, 1e7).quantile(0.5)!;
    assert.ok(quantile >= durationMs * 0.999_999, `${durationMs}`);
    assert.ok(quantile <= durationMs * 1.09051, `${durationMs}`);
  }
});

Deno.test("no quantile exceeds the longest duration", () => {
  assert.equal(histogramOf(3, 3, 3).quantile(0.99), 3);
});

Deno.test("those within a power of two are counted exactly, the bound itself included", () => {
  for (let boundMs = 0.25; boundMs <= 65_536; boundMs *= 2) {
    const histogram = histogramOf(
      0,
      boundMs / 2,
      boundMs,
      boundMs * 1.0001,
      boundMs * 2,
    );
    assert.equal(histogram.countWithin(boundMs), 3, `${boundMs} ms`);
  }
});

Deno.test("what has come since is told apart from what was there", () => {
  const histogram = histogramOf(100, 100, 100);
  const earlier = LatencyHistogram.from(histogram.figures());
  assert.equal(histogram.since(earlier).quantile(0.5), null);
  histogram.record(1);
  histogram.record(2);
  const recent = histogram.since(earlier);
  assert.equal(recent.count, 2);
  assert.equal(recent.sumMs, 3);
  assert.equal(recent.quantile(0.5), 1);
  assert.equal(recent.quantile(1), 2);
  assert.equal(earlier.count, 3, "the copy stays as it was");
});

Deno.test("the shortest and the longest durations are counted too", () => {
  const histogram = histogramOf(0, 1e-9, 1e12);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.countWithin(1), 2);
  assert.equal(histogram.countWithin(Infinity), 3);
});
