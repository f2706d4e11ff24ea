/** How the number of workers that is asked for is read. */

import assert from "node:assert/strict";
import {
  CommandError,
  parseScaleRequest,
  wantedWorkers,
} from "../../src/admin/commands.ts";

/** What is wanted of a pool of four. */
function wanted(body: string, query?: string): number {
  return wantedWorkers(parseScaleRequest(body, query), 4);
}

Deno.test("a number of workers is taken from the body, or from the query", () => {
  assert.equal(wanted('{"workers": 6}'), 6);
  assert.equal(wanted('{"workers": "6"}'), 6);
  assert.equal(wanted('{"workers": 0}'), 0);
  assert.equal(wanted("", "6"), 6);
  assert.equal(wanted('{"workers": 6}', "7"), 6);
  // Too many by far, which the bounds say, and no less a number.
  assert.equal(wanted('{"workers": 1000000000}'), 1e9);
});

Deno.test("a sign makes it a change of what is wanted now", () => {
  assert.equal(wanted('{"workers": "+2"}'), 6);
  assert.equal(wanted('{"workers": "-3"}'), 1);
  assert.equal(wanted("", "+1"), 5);
  assert.equal(wanted("", "-1"), 3);
  // As it arrives when somebody writes ?workers=+1.
  assert.equal(wanted("", " 1"), 5);
});

for (
  const [body, query] of [
    ["", undefined],
    ["", ""],
    ["", "many"],
    ["", "1.5"],
    ["", "  6"],
    ["", "6 "],
    ["", "1e3"],
    ["", "1234567890123456"],
    ["6", undefined],
    ["{}", undefined],
    ["{", undefined],
    ["null", undefined],
    ['["6"]', undefined],
    ['{"workers": null}', undefined],
    ['{"workers": 1.5}', undefined],
    ['{"workers": [6]}', undefined],
    ['{"workers": -1}', undefined],
    ['{"workers": " 1"}', undefined],
    ['{"workers": ""}', "6"],
  ] as const
) {
  Deno.test(`no number of workers is understood from ${JSON.stringify(body)} and ${JSON.stringify(query)}`, () => {
    assert.throws(() => parseScaleRequest(body, query), CommandError);
  });
}
