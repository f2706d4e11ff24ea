/**
 * Memory and CPU time of workers with all the processes behind them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GroupUsage } from "../../src/system/group_usage.ts";
import { eventually } from "../support/deadline.ts";
import { FakeProc } from "./proc_files.ts";

const PAGE = 4096;
const MIB = 1024 * 1024;

/** Longer than a look is good for. */
const LATER_MS = 1_000;

/** `npm start`: npm, its shell, and the program that serves. */
function npmStart(): FakeProc {
  const proc = new FakeProc();
  const at = (pid: number, process: object): void =>
    void proc.processes.set(pid, {
      groupId: 10,
      parentId: pid - 1,
      ...process,
    });
  at(10, { rssPages: 13_000, sharedPages: 10_000, cpuTicks: 20 });
  at(11, { rssPages: 400, sharedPages: 300, cpuTicks: 1 });
  at(12, { rssPages: 80_000, sharedPages: 11_000, cpuTicks: 500 });
  return proc;
}

Deno.test("what is behind a wrapper counts, and what is shared counts once", () => {
  const usage = new GroupUsage(npmStart()).read([10], 0).get(10)!;
  const own = 3_000 + 100 + 69_000;
  assert.equal(usage.rssBytes, (own + 11_000) * PAGE);
  assert.equal(usage.cpuSeconds, 5.21);
});

Deno.test("of a single process it is its resident memory", () => {
  const proc = new FakeProc();
  proc.processes.set(10, { rssPages: 500, sharedPages: 200 });
  const reader = new GroupUsage(proc);
  assert.equal(reader.read([10], 0).get(10)!.rssBytes, 500 * PAGE);
  proc.reads.length = 0;
  assert.equal(reader.exactRssBytes(10, 0), 500 * PAGE);
  assert.deepEqual(proc.reads, [], "there is nothing to look at more closely");
});

Deno.test("who cannot be seen is missing", () => {
  const reader = new GroupUsage(npmStart());
  assert.deepEqual([...reader.read([10, 99], 0).keys()], [10]);
});

Deno.test("those who ask at the same time are told by one look", () => {
  const proc = npmStart();
  const reader = new GroupUsage(proc);
  reader.read([10], 0);
  proc.reads.length = 0;
  reader.read([10], 50);
  assert.deepEqual(proc.reads, []);
  reader.read([10], LATER_MS);
  assert.notDeepEqual(proc.reads, []);
});

/** A program that was loaded once and forked: all of its memory is shared, and none of it is backed by files. */
function forked(): FakeProc {
  const proc = new FakeProc();
  for (const pid of [10, 11, 12, 13]) {
    const parentId = pid === 10 ? 1 : 10;
    const process = { groupId: 10, parentId, rssPages: 25_600, pssKb: 30_720 };
    proc.processes.set(pid, process);
  }
  return proc;
}

Deno.test("forked pages are counted once where it matters, and that is believed for a while", () => {
  const proc = forked();
  const reader = new GroupUsage(proc);
  const roughly = (now: number): number =>
    reader.read([10], now).get(10)!.rssBytes! / MIB;
  assert.equal(roughly(0), 400);
  assert.equal(reader.exactRssBytes(10, 0)! / MIB, 120);
  assert.equal(roughly(LATER_MS), 120);
  // What has grown since is seen.
  proc.processes.set(12, { ...proc.processes.get(12), rssPages: 38_400 });
  assert.equal(roughly(2 * LATER_MS), 170);
  proc.processes.set(12, { ...proc.processes.get(12), pssKb: 81_920 });
  assert.equal(reader.exactRssBytes(10, 2 * LATER_MS)! / MIB, 170);
  assert.equal(roughly(20 * LATER_MS), 450);
});

Deno.test("where pages cannot be looked at, the rough figure stands", () => {
  const proc = forked();
  proc.processes.set(13, { ...proc.processes.get(13), pssKb: null });
  const reader = new GroupUsage(proc);
  reader.read([10], 0);
  assert.equal(reader.exactRssBytes(10, 0)! / MIB, 400);
});

Deno.test({
  name: "a real program behind a shell is seen with it (needs /proc)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    // Behind a shell that waits, in a session of its own.
    const child = new Deno.Command("sh", {
      args: ["-c", "setsid sleep 300; true"],
      detached: true,
    }).spawn();
    try {
      const reader = new GroupUsage();
      let now = 0;
      await eventually(() => {
        const { rssBytes } = reader.read([child.pid], now += LATER_MS)
          .get(child.pid)!;
        const alone = shellBytes(child.pid);
        assert.ok(rssBytes! > alone, `${rssBytes} is more than ${alone}`);
        assert.ok(reader.exactRssBytes(child.pid, now)! < rssBytes!);
        return Promise.resolve();
      });
    } finally {
      for (const pid of childrenIn(child.pid)) Deno.kill(pid, "SIGKILL");
      await child.status;
    }
  },
});

function shellBytes(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[1]) *
    PAGE;
}

function childrenIn(pid: number): number[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`)
    .split(" ").filter(Boolean).map(Number);
}
