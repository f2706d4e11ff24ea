/**
 * Runs the conformance cases of this folder. Each is sent to the real data
 * plane whole, in two pieces, and byte by byte; and the parsers alone read it
 * split in every place.
 *
 * With `CONFORMANCE_REPORT=1` the run ends with counts by section and outcome.
 *
 * @module
 */

import assert from "node:assert/strict";
import { forEverySplit, readWhole, type StreamKind } from "./every_split.ts";
import { PatientClock } from "../support/patient_clock.ts";
import { type Cut, runCase } from "./case_run.ts";
import { type ConformanceCase, readCases } from "./conformance_case.ts";

/** Longest stream that is also sent byte by byte: beyond, it is many packets and nothing new. */
const MAX_SINGLE_BYTES = 1000;

const cases = readCases();
const passed = new Set<ConformanceCase>();

for (const subject of cases) {
  Deno.test(subject.name, async () => {
    checkEverySplit(subject);
    using _clock = subject.setup === "impatient" ? new PatientClock() : null;
    // At once: they wait for the same things, each at a data plane of its own.
    const runs = await Promise.allSettled(
      cutsFor(subject).map(([how, cut]) => runCut(subject, how, cut)),
    );
    const failed = runs.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    passed.add(subject);
  });
}

async function runCut(
  subject: ConformanceCase,
  how: string,
  cut: Cut,
): Promise<void> {
  try {
    await runCase(subject, cut);
  } catch (cause) {
    throw new Error(`Sent ${how}: ${(cause as Error).message}`, { cause });
  }
}

Deno.test("there are at least 200 conformance cases, each with a name of its own", () => {
  const names = new Set(cases.map(({ name }) => name));
  assert.equal(names.size, cases.length);
  assert.ok(cases.length >= 200, `${cases.length} cases`);
  if (Deno.env.get("CONFORMANCE_REPORT") === "1") report();
});

function checkEverySplit({ sendings, answers, client }: ConformanceCase): void {
  const streams: [StreamKind, Uint8Array][] = [
    ...sendings.slice(0, 1).map((s): [StreamKind, Uint8Array] => [
      "requests",
      s.bytes,
    ]),
    ...answers.map((a): [StreamKind, Uint8Array] => [
      client[0]?.toHead ? "responses to HEAD" : "responses",
      a.bytes,
    ]),
  ];
  for (const [kind, bytes] of streams) {
    const whole = readWhole(bytes, kind);
    forEverySplit(bytes, kind, (reading, how) => {
      assert.deepEqual(reading, whole, `${kind} ${how}`);
    });
  }
}

/** Whole, once in the middle and once in the last line end, and byte by byte. */
function cutsFor(subject: ConformanceCase): [string, Cut][] {
  const cuts: [string, Cut][] = [
    ["whole", (bytes) => [bytes]],
    ["in halves", (bytes) => splitAt(bytes, bytes.length >> 1)],
    [
      "split in its last CRLF",
      (bytes) => splitAt(bytes, bytes.lastIndexOf(10)),
    ],
  ];
  // These wait for a deadline each time: how they are cut changes little.
  if (subject.setup === "impatient") return cuts.slice(0, 2);
  const longest = Math.max(...subject.sendings.map((s) => s.bytes.length));
  if (longest <= MAX_SINGLE_BYTES) {
    cuts.push([
      "byte by byte",
      (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
    ]);
  }
  return cuts;
}

function splitAt(bytes: Uint8Array, at: number): Uint8Array[] {
  return at <= 0 ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
}

/** Prints how many cases each section has, and how they end for the client. */
function report(): void {
  const rows = [...Map.groupBy(cases, (one) => one.section)];
  const lines = rows.map(([section, members]) => {
    const done = members.filter((one) => passed.has(one)).length;
    return `${section.padEnd(18)} ${done}/${members.length}  ${
      outcomes(members)
    }`;
  });
  const total = `${"all".padEnd(18)} ${passed.size}/${cases.length}  `;
  console.log([...lines, total + outcomes(cases)].join("\n"));
}

function outcomes(members: readonly ConformanceCase[]): string {
  const counts = Map.groupBy(members, ({ client }) => {
    const last = client.at(-1);
    return last === undefined ? "-" : last.cut ? "cut" : `${last.status}`;
  });
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([outcome, { length }]) => `${outcome}: ${length}`)
    .join(", ");
}
