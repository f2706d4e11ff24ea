/**
 * Whom the kernel kills when memory runs out.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ReadFile } from "../../src/system/control_groups.ts";
import { victimScore } from "../../src/system/oom_preference.ts";

/** Reads from a table of files; others are not there. */
function files(table: Readonly<Record<string, string>>): ReadFile {
  return (path: string): string => {
    const text = table[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
}

/** A machine of 8 GiB. */
const MACHINE = {
  "/proc/self/oom_score_adj": "0\n",
  "/proc/meminfo": "MemTotal: 8388608 kB\n",
};

Deno.test("a worker is taken for 256 MiB larger than it is, of the machine's memory or of the tightest limit", () => {
  assert.equal(victimScore(files(MACHINE)), 32);
  const group = "/sys/fs/cgroup/system.slice/pool.service";
  const limited = {
    ...MACHINE,
    "/proc/self/cgroup": "0::/system.slice/pool.service\n",
    "/sys/fs/cgroup/system.slice/memory.max": `${1024 ** 3}\n`,
  };
  assert.equal(victimScore(files(limited)), 250);
  assert.equal(
    victimScore(files({ ...limited, [`${group}/memory.max`]: "max\n" })),
    250,
  );
  assert.equal(
    victimScore(files({ ...limited, [`${group}/memory.max`]: "536870912\n" })),
    500,
  );
});

Deno.test("what the balancer is given counts too, up to the most there is", () => {
  const other = { ...MACHINE, "/proc/self/oom_score_adj": "-500\n" };
  assert.equal(victimScore(files(other)), -468);
  const most = { ...MACHINE, "/proc/self/oom_score_adj": "990\n" };
  assert.equal(victimScore(files(most)), 1_000);
});

Deno.test("where memory cannot be seen nobody is preferred", () => {
  assert.equal(victimScore(files({})), null);
});
