/**
 * A strict reader of the Prometheus text format (version 0.0.4) and of
 * OpenMetrics 1.0, written from their descriptions: it takes nothing that a
 * scraper might stumble over.
 *
 * Knows nothing of which metrics there should be.
 *
 * @module
 */

import assert from "node:assert/strict";

/** One line of a metric. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric and all of its lines. */
export interface MetricFamily {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const FLOAT = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN`;
const LABEL = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`;
const SAMPLE = new RegExp(
  String.raw`^(${NAME})(?:\{(${LABEL}(?:,${LABEL})*)\})? (${FLOAT})$`,
);
const COMMENT = new RegExp(String.raw`^# (HELP|TYPE) (${NAME}) (.+)$`);

/** Which of the two formats a text is in. */
export type TextFormat = "prometheus" | "openmetrics";

/**
 * Reads all metrics of a text.
 *
 * @throws {AssertionError} naming the first line that is not as it should be.
 */
export function readExposition(
  text: string,
  format: TextFormat,
): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  const seen = new Set<string>();
  let samples: MetricSample[] = [];
  let name = "";
  let help: string | null = null;
  for (const line of linesOf(text, format)) {
    const [, keyword, subject = "", rest = ""] = COMMENT.exec(line) ?? [];
    if (keyword === "HELP") {
      assert(!families.has(subject), `two metrics of one name: ${line}`);
      [name, help] = [subject, rest];
    } else if (keyword === "TYPE") {
      assert.equal(subject, name, `TYPE without HELP before it: ${line}`);
      assert.match(rest, /^(counter|gauge|histogram)$/, line);
      assert(help !== null);
      const type = rest as MetricFamily["type"];
      samples = [];
      families.set(name, { type, help, samples });
    } else {
      const family = families.get(name);
      assert(family !== undefined, `a sample of no metric: ${line}`);
      const sample = readSample(line);
      const identity = JSON.stringify([sample.name, sample.labels]);
      assert(!seen.has(identity), `twice the same: ${line}`);
      seen.add(identity);
      assert(
        suffixes(family.type, format).some((suffix) =>
          name + suffix === sample.name
        ),
        `a sample of another metric than ${name}: ${line}`,
      );
      samples.push(sample);
    }
  }
  for (const [name, family] of families) checkFamily(name, family, format);
  return families;
}

/** The value with these labels, all of them. */
export function valueOf(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  for (const { samples } of families.values()) {
    for (const sample of samples) {
      if (sample.name !== name) continue;
      const given = Object.entries(sample.labels);
      if (given.length !== Object.keys(labels).length) continue;
      if (given.every(([key, value]) => labels[key] === value)) {
        return sample.value;
      }
    }
  }
  return undefined;
}

function linesOf(text: string, format: TextFormat): readonly string[] {
  assert(text.endsWith("\n"), "the last line has no end");
  assert(!text.includes("\r"), "lines end with LF alone");
  const lines = text.slice(0, -1).split("\n");
  if (format === "prometheus") return lines.filter((line) => line !== "");
  assert.equal(lines.pop(), "# EOF", "OpenMetrics ends with EOF");
  assert(!lines.includes(""), "OpenMetrics has no empty lines");
  return lines;
}

function readSample(line: string): MetricSample {
  const [, name, labels = ""] = SAMPLE.exec(line) ?? [];
  assert(name !== undefined, `not a sample: ${line}`);
  const pairs = [...labels.matchAll(new RegExp(LABEL, "g"))]
    .map(([, key = "", value = ""]) => [key, value] as const);
  assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, line);
  const value = line.slice(line.lastIndexOf(" ") + 1);
  return {
    name,
    labels: Object.fromEntries(pairs),
    value: Number(value.replace("Inf", "Infinity")),
  };
}

function suffixes(
  type: MetricFamily["type"],
  format: TextFormat,
): readonly string[] {
  switch (type) {
    case "counter":
      return format === "openmetrics" ? ["_total"] : [""];
    case "gauge":
      return [""];
    case "histogram":
      return ["_bucket", "_sum", "_count"];
  }
}

function checkFamily(
  name: string,
  { type, samples }: MetricFamily,
  format: TextFormat,
): void {
  if (type === "counter") {
    // Prometheus wants the suffix in the samples of both formats.
    const isTotal = name.endsWith("_total");
    assert.equal(isTotal, format === "prometheus", `the name ${name}`);
    for (const { value } of samples) assert(value >= 0, name);
  }
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly MetricSample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) =>
    Number(labels["le"]?.replace("Inf", "Infinity"))
  );
  const counts = buckets.map(({ value }) => value);
  const ascending = (values: readonly number[]): readonly number[] =>
    [...values].sort((a, b) => a - b);
  assert.deepEqual(bounds, ascending(bounds), `the buckets of ${name}`);
  assert.equal(bounds.at(-1), Infinity, `the last bucket of ${name}`);
  assert.deepEqual(counts, ascending(counts), `${name} is cumulative`);
  const count = samples.find((sample) => sample.name === `${name}_count`);
  assert.equal(count?.value, counts.at(-1), `the count of ${name}`);
  assert(samples.some((sample) => sample.name === `${name}_sum`), name);
}
