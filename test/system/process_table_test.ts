/**
 * Which processes belong to a worker.
 *
 * @module
 */

import assert from "node:assert/strict";
import { familyOf, parseProcessTable } from "../../src/system/process_table.ts";

/** A line of `/proc/PID/stat`, as far as it is read. */
function stat(
  pid: number,
  name: string,
  [state, parent, group]: readonly [string, number, number],
): string {
  return `${pid} (${name}) ${state} ${parent} ${group} 0 0 -1 0 0 0 0 0 150 50 0 0 20`;
}

Deno.test("names may hold spaces and parentheses, and the dead are left out", () => {
  const table = parseProcessTable(
    [stat(7, "a) S (b", ["S", 1, 7]), stat(8, "gone", ["Z", 7, 7])].join("\n"),
  );
  assert.deepEqual(table, [{
    pid: 7,
    name: "a) S (b",
    state: "S",
    parent: 1,
    group: 7,
    cpuSeconds: 2,
  }]);
});

Deno.test("a worker's processes are its group and all who descend from it, in whatever group", () => {
  const table = parseProcessTable(
    [
      stat(40, "grandchild", ["S", 30, 40]),
      stat(30, "child", ["S", 10, 30]),
      stat(10, "worker", ["S", 1, 10]),
      stat(20, "left-alone", ["S", 1, 10]),
      stat(50, "stranger", ["S", 1, 50]),
    ].join("\n"),
  );
  const pids = familyOf(table, 10).map(({ pid }) => pid);
  assert.deepEqual(pids.sort(), [10, 20, 30, 40]);
});
