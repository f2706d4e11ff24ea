/**
 * Which processes are read, and how often.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ProcessTable } from "../../src/system/leader_table.ts";
import { FakeProc } from "./proc_files.ts";

/** Far more processes of others than are read again at a look. */
const OTHERS = 500;

/** A machine with much on it, and two workers with a process each behind them. */
function crowded(): FakeProc {
  const proc = new FakeProc();
  for (let pid = 1000; pid < 1000 + OTHERS; pid++) proc.processes.set(pid, {});
  for (const leader of [10, 20]) {
    proc.processes.set(leader, {});
    proc.processes.set(leader + 1, { parentId: leader, groupId: leader });
  }
  return proc;
}

function pidsOf(
  table: ProcessTable,
  ...leaders: readonly number[]
): Record<string, readonly number[]> {
  const found = table.look(new Set(leaders)) ?? new Map();
  return Object.fromEntries(
    [...found].map(([leader, stats]) => [
      leader,
      stats.map(({ pid }: { pid: number }) => pid),
    ]),
  );
}

Deno.test("the processes of all workers are found in one pass", () => {
  const proc = crowded();
  const table = new ProcessTable(proc);
  assert.deepEqual(pidsOf(table, 10, 20), { 10: [10, 11], 20: [20, 21] });
  assert.equal(proc.reads.length, new Set(proc.reads).size);
});

Deno.test("processes of others are read once, and then a few at a time, so that each has its turn", () => {
  const proc = crowded();
  const table = new ProcessTable(proc);
  pidsOf(table, 10, 20);
  const seen = new Set<string>();
  let looks = 0;
  while (seen.size < OTHERS + 4) {
    proc.reads.length = 0;
    pidsOf(table, 10, 20);
    assert.ok(proc.reads.length <= 40, `${proc.reads.length} were read`);
    for (const path of proc.reads) seen.add(path);
    assert.ok(++looks < 20, "each has its turn");
  }
});

Deno.test("a new process is found at the next look, and one that is gone is not", () => {
  const proc = crowded();
  const table = new ProcessTable(proc);
  pidsOf(table, 10, 20);
  proc.processes.set(12, { parentId: 11, groupId: 10 });
  proc.processes.delete(20);
  proc.processes.delete(21);
  assert.deepEqual(pidsOf(table, 10, 20), { 10: [10, 11, 12] });
});

Deno.test("a process whose parents are gone and that left the session is still the worker's, until its id is another's", () => {
  const proc = crowded();
  const table = new ProcessTable(proc);
  proc.processes.set(12, { parentId: 11, groupId: 12 });
  pidsOf(table, 10, 20);
  proc.processes.set(12, { parentId: 1, groupId: 12 });
  assert.deepEqual(pidsOf(table, 10)["10"], [10, 11, 12]);
  proc.processes.set(12, { parentId: 1, groupId: 12, startTicks: 2 });
  assert.deepEqual(pidsOf(table, 10)["10"], [10, 11]);
});

Deno.test("a worker whose id was somebody else's before is found at once", () => {
  const proc = crowded();
  const table = new ProcessTable(proc);
  pidsOf(table, 10, 20);
  const leader = 1000 + OTHERS - 1;
  proc.processes.set(leader, { startTicks: 2 });
  assert.deepEqual(pidsOf(table, 10, leader)[leader], [leader]);
});

Deno.test("where /proc cannot be read nothing is known, and it is not tried again", () => {
  let tries = 0;
  const table = new ProcessTable({
    list: () => {
      tries++;
      throw new Deno.errors.NotCapable("needs -A");
    },
    read: () => "",
  });
  assert.equal(table.look(new Set([10])), null);
  assert.equal(table.look(new Set([10])), null);
  assert.equal(tries, 1);
});
