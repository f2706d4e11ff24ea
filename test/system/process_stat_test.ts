/**
 * Files of `/proc`, as text, and who belongs to whom.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  familyOf,
  leadersOf,
  parsePssBytes,
  parseStat,
  parseStatm,
  parseStats,
  type ProcessStat,
} from "../../src/system/process_stat.ts";

function process(
  pid: number,
  parentId: number,
  groupId: number = pid,
  sessionId: number = groupId,
): ProcessStat {
  const state = "S";
  const [cpuSeconds, startTicks] = [0, pid];
  const name = `process-${pid}`;
  return {
    pid,
    name,
    state,
    parentId,
    groupId,
    sessionId,
    cpuSeconds,
    startTicks,
  };
}

Deno.test("a process is read whatever its name is", () => {
  const stat = parseStat(
    "4711 (npm (start) 1 R) S 1 4710 4709 0 -1 4194304 9 9 9 9 150 50 30 20 " +
      "20 0 11 0 987654 1000 300 18446744073709551615",
  );
  assert.deepEqual(stat, {
    pid: 4711,
    name: "npm (start) 1 R",
    state: "S",
    parentId: 1,
    groupId: 4710,
    sessionId: 4709,
    cpuSeconds: 2.5,
    startTicks: 987654,
  });
});

Deno.test("of a table those are left out that have ended", () => {
  const rest = "0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 900 0";
  const table = parseStats(
    `7 (a) S (b) S 1 7 7 ${rest}\n8 (gone) Z 7 7 7 ${rest}\n`,
  );
  assert.deepEqual(table.map(({ pid, name }) => [pid, name]), [[7, "a) S (b"]]);
});

Deno.test("what is no process is none", () => {
  for (const line of ["", "\n", "cat: /proc/1/stat: gone", "12 (x) S 1 2"]) {
    assert.equal(parseStat(line), null, line);
  }
});

Deno.test("memory is read in pages, and in shares of pages", () => {
  assert.deepEqual(parseStatm("10000 500 200 4 0 123 0\n"), {
    rssBytes: 500 * 4096,
    sharedBytes: 200 * 4096,
  });
  assert.equal(parsePssBytes("Rss:  900 kB\nPss:   292 kB\n"), 292 * 1024);
  assert.equal(parsePssBytes("Rss:  900 kB\n"), null);
});

Deno.test("group, session and descent each make a process a worker's", () => {
  const stats = [
    process(10, 1),
    process(11, 1, 10), // of the group; its parent is gone
    process(12, 1, 12, 10), // of the session
    process(13, 11, 13, 13), // a child with a session of its own
    process(14, 13, 13, 13), // and a grandchild
    process(20, 1),
    process(21, 20, 20),
    process(30, 1), // somebody else
    process(31, 30, 30),
  ];
  const leaders = leadersOf(stats, new Set([10, 20]));
  const of = (leader: number): number[] =>
    [...leaders].filter(([, of]) => of === leader).map(([pid]) => pid);
  assert.deepEqual(of(10), [10, 11, 12, 13, 14]);
  assert.deepEqual(of(20), [20, 21]);
  assert.equal(leaders.size, 7);
  assert.deepEqual(familyOf(stats, 20).map(({ pid }) => pid), [20, 21]);
});

Deno.test("who was a worker's stays one, after its parent has gone", () => {
  const daemon = process(13, 1, 13, 13);
  const stats = [process(10, 1), daemon];
  assert.equal(leadersOf(stats, new Set([10])).has(13), false);
  const known = new Map([[13, 10], [10, 10]]);
  assert.equal(leadersOf(stats, new Set([10]), known).get(13), 10);
  assert.equal(leadersOf([daemon], new Set([20]), known).size, 0);
});

Deno.test("a table that changes while it is read may name parents in a circle", () => {
  const stats = [process(5, 6, 0, 0), process(6, 5, 0, 0)];
  assert.equal(leadersOf(stats, new Set([10])).size, 0);
});
