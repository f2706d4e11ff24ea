/** The reader of the other tests refuses what a scraper would stumble over. */

import assert from "node:assert/strict";
import { readExposition, valueOf } from "../support/exposition.ts";

const GOOD = `# HELP a_total What a is.
# TYPE a_total counter
a_total{x="1",y="a\\"b\\\\c\\nd"} 3
a_total{x="2",y=""} 4.5e+2

# HELP b_seconds Durations.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="+Inf"} 2
b_seconds_sum 7
b_seconds_count 2
`;

Deno.test("a text that keeps to the format is read", () => {
  const families = readExposition(GOOD, "prometheus");
  assert.deepEqual([...families.keys()], ["a_total", "b_seconds"]);
  assert.equal(valueOf(families, "a_total", { x: "2", y: "" }), 450);
  assert.equal(valueOf(families, "b_seconds_sum"), 7);
  assert.equal(valueOf(families, "a_total"), undefined);
});

const BROKEN: Readonly<Record<string, readonly [string, string]>> = {
  "a line end is missing": ["b_seconds_count 2\n", "b_seconds_count 2"],
  "a sample has no value": ["b_seconds_sum 7", "b_seconds_sum "],
  "a sample has a value that is none": ["b_seconds_sum 7", "b_seconds_sum x"],
  "a sample is there twice": [
    "b_seconds_sum 7",
    "b_seconds_sum 7\nb_seconds_sum 7",
  ],
  "a label is not quoted": ['x="1"', "x=1"],
  "a quote is not escaped": ['a\\"b', 'a"b'],
  "a label is there twice": ['x="1"', 'y="1"'],
  "a counter is no total": ["a_total", "a"],
  "a counter is negative": ["} 3", "} -3"],
  "a type is missing": ["# TYPE a_total counter\n", ""],
  "a type is unknown": ["counter", "meter"],
  "a metric is there twice": ["b_seconds Durations", "a_total Again"],
  "a sample is another metric's": ["b_seconds_sum", "c_seconds_sum"],
  "buckets are not cumulative": ['{le="+Inf"} 2', '{le="+Inf"} 0'],
  "buckets have no end": ['{le="+Inf"}', '{le="9"}'],
  "buckets do not add up to the count": ["_count 2", "_count 3"],
  "a histogram has no sum": ["b_seconds_sum 7\n", ""],
};

for (const [what, [there, instead]] of Object.entries(BROKEN)) {
  Deno.test(`a text is refused in which ${what}`, () => {
    const text = GOOD.replaceAll(there, instead);
    assert.notEqual(text, GOOD);
    assert.throws(
      () => readExposition(text, "prometheus"),
      assert.AssertionError,
    );
  });
}

Deno.test("OpenMetrics has an end, no empty lines, and names of counters without their suffix", () => {
  const open = "# HELP a Word.\n# TYPE a counter\na_total 1\n# EOF\n";
  assert.equal(valueOf(readExposition(open, "openmetrics"), "a_total"), 1);
  for (
    const text of [
      open.replace("# EOF\n", ""),
      open.replace("a_total 1\n", "a_total 1\n\n"),
      open.replace("a_total 1", "a 1"),
      open.replaceAll("HELP a", "HELP a_total").replaceAll(
        "TYPE a",
        "TYPE a_total",
      ),
    ]
  ) {
    assert.throws(
      () => readExposition(text, "openmetrics"),
      assert.AssertionError,
    );
  }
});
