/**
 * Loads that are read from files, and those that are described.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseTrace } from "../../src/simulate/parse_trace.ts";
import { SHAPES, shapeTrace, similarShape } from "../../src/simulate/shapes.ts";
import { TraceError } from "../../src/simulate/trace.ts";

function refused(text: string): string {
  try {
    parseTrace("load.csv", text);
  } catch (error) {
    assert.ok(error instanceof TraceError, String(error));
    return error.message;
  }
  return assert.fail(`it was read: ${text}`);
}

Deno.test("CSV is read with a header or without, whatever separates, comments and empty lines passed over", () => {
  const points = [{ atS: 0, rate: 90 }, { atS: 30, rate: 720.5 }];
  for (
    const text of [
      "0,90\n30,720.5\n",
      "seconds,rate\r\n0,90\r\n30,720.5",
      "# a comment\n\ntime;rate\n100 ; 90\n130\t720.5\n",
    ]
  ) {
    const trace = parseTrace("load.csv", text);
    assert.deepEqual(trace.points, points);
    assert.equal(trace.durationS, 60);
  }
});

Deno.test("what is wrong in a CSV file is told with its line", () => {
  assert.deepEqual(
    [
      "",
      "0,90",
      "0,90\n30",
      "0,90\n30,many",
      "seconds,rate\n0,90\nten,20",
      "0,90\n30,-1",
      "0,90\n\n30,1\n30,2",
      "0,ninety\n30,1",
      "0,1\n99999999,1",
      "0,1\n30,1e308",
    ].map(refused),
    [
      "Cannot read load.csv: it is empty",
      "Cannot simulate load.csv: it needs two points in time at least",
      "Cannot read load.csv, line 2: two columns are needed, seconds and rate: 30",
      "Cannot read load.csv, line 2: seconds and rate must be numbers: 30,many",
      "Cannot read load.csv, line 3: seconds and rate must be numbers: ten,20",
      "Cannot read load.csv, line 2: the rate is negative: 30,-1",
      "Cannot read load.csv, line 4: the time is not after that of the line before, 30: 30,2",
      "Cannot read load.csv, line 1: seconds and rate must be numbers: 0,ninety",
      "Cannot simulate load.csv: it is longer than 31 days; is the time in seconds?",
      "Cannot simulate load.csv: it has more than 1000000000 requests per second",
    ],
  );
});

Deno.test("the access lines of a pool's log are counted by the second", () => {
  const access = (timestamp: string): string =>
    JSON.stringify({ timestamp, event: "access", status: 200 });
  const trace = parseTrace(
    "pool.log",
    [
      JSON.stringify({ timestamp: "2026-01-01T00:00:00Z", event: "notice" }),
      access("2026-01-01T00:00:01.900Z"),
      access("2026-01-01T00:00:02.100Z"),
      access("2026-01-01T00:00:02.200Z"),
      // Lines of one second need not stand together.
      access("2026-01-01T00:00:01.950Z"),
      access("2026-01-01T00:00:04.000Z"),
    ].join("\n"),
  );
  assert.deepEqual(trace.points.map(({ rate }) => rate), [2, 2, 0, 1, 0]);
});

Deno.test("polled metrics give the rate between two answers, and a restarted pool begins anew", () => {
  const poll = (uptimeSeconds: number, totalRequests: number): string =>
    JSON.stringify({ uptimeSeconds, totalRequests });
  const trace = parseTrace(
    "polled",
    [poll(10, 100), poll(20, 1_100), poll(30, 1_300), poll(5, 0), poll(10, 50)]
      .join("\n"),
  );
  assert.deepEqual(trace.points, [
    { atS: 0, rate: 100 },
    { atS: 10, rate: 20 },
    { atS: 20, rate: 10 },
    { atS: 25, rate: 0 },
  ]);
});

Deno.test("what is wrong in a recording is told with its line", () => {
  const notice = '{"event":"notice"}';
  assert.deepEqual(
    [
      `${notice}\nnot JSON`,
      `${notice}\n{"event":"access","timestamp":"today"}`,
      `${notice}\n{"a":1}`,
      `${notice}\n${notice}`,
      `${notice}\n42`,
    ].map(refused),
    [
      "Cannot read load.csv, line 2: it is no JSON object: not JSON",
      'Cannot read load.csv, line 2: it has no timestamp: {"event":"access","timestamp":"today"}',
      'Cannot read load.csv, line 2: it is neither of a pool\'s log nor of /_metrics: {"a":1}',
      "Cannot read load.csv: it holds no request; the pool that wrote it needs ACCESS_LOG=on",
      "Cannot read load.csv, line 2: it is no JSON object: 42",
    ],
  );
});

Deno.test("every shape has a load between its bounds, for the time it says", () => {
  for (const name of Object.keys(SHAPES)) {
    const trace = shapeTrace(`${name}:10..200@20s/2m`)!;
    assert.equal(trace.durationS, 120, name);
    const rates = trace.points.map(({ rate }) => rate);
    assert.ok(rates.every((rate) => rate >= 10 && rate <= 200), name);
    assert.equal(rates[0], 10, name);
    assert.ok(Math.max(...rates) > 180, name);
    assert.ok(shapeTrace(name)!.durationS > 0);
  }
  const { points } = shapeTrace("step:90..720@30s/1h")!;
  assert.deepEqual([points[29]?.rate, points[30]?.rate], [90, 720]);
});

Deno.test("parts of a description may be left out, and a wrong one is shown how it looks", () => {
  assert.equal(shapeTrace("step/90")!.durationS, 90);
  assert.equal(shapeTrace("step@5")!.points[5]!.rate, 720);
  assert.throws(
    () => shapeTrace("step:90-720"),
    /it must look like step:90\.\.720@30s\/4m/,
  );
  assert.throws(() => shapeTrace("daily/0s"), /times must be above 0/);
  assert.throws(() => shapeTrace("daily/99999h"), /longer than 31 days/);
});

Deno.test("other names are those of files, and similar ones are known", () => {
  assert.equal(shapeTrace("load.csv"), null);
  assert.equal(shapeTrace("step.csv"), null);
  assert.equal(similarShape("stepp:1..2"), "step");
  assert.equal(similarShape("recorded"), null);
});
