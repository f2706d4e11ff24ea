import assert from "node:assert/strict";
import { durationText, roundedDuration } from "../../src/shared/duration.ts";

Deno.test("a rounded duration has two figures that matter", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1000, "1.0 s"],
    [119_900, "119.9 s"],
    [120_000, "2 min"],
    [7_100_000, "118 min"],
    [7_200_000, "2.0 h"],
  ];
  for (const [ms, text] of cases) assert.equal(roundedDuration(ms), text);
});

Deno.test("a duration is in its two largest units", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 s"],
    [0.9, "0 s"],
    [59.9, "59 s"],
    [60, "1 min 0 s"],
    [3599, "59 min 59 s"],
    [3600, "1 h 0 min"],
    [86_399, "23 h 59 min"],
    [86_400, "1 d 0 h"],
    [1_000_000, "11 d 13 h"],
  ];
  for (const [seconds, text] of cases) {
    assert.equal(durationText(seconds), text);
  }
});
