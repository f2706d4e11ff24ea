/**
 * How many workers there is memory for.
 *
 * @module
 */

import assert from "node:assert/strict";
import { availableMemory } from "../../src/autoscaler/available_memory.ts";
import type { ReadFile } from "../../src/system/control_groups.ts";
import { memoryCeiling } from "../../src/autoscaler/memory_ceiling.ts";

const MIB = 1024 ** 2;

/** Reads from a table of files; others are not there. */
function files(table: Readonly<Record<string, string>>): ReadFile {
  return (path: string): string => {
    const text = table[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
}

const MEMINFO = "MemTotal: 8388608 kB\nMemAvailable:  1048576 kB\n";

Deno.test("there is room for as many workers of the mean size as nine tenths of the memory hold", () => {
  const ceiling = (
    available: number | null,
    workers: (number | null)[],
  ): number | null =>
    memoryCeiling({
      availableBytes: available,
      workerBytes: workers,
      counted: workers.length,
    });
  assert.equal(ceiling(1_000, [80, 100, 120]), 3 + 9);
  assert.equal(ceiling(0, [80, 100]), 2);
  assert.equal(ceiling(50, [100]), 1);
  // One that has just been started is not seen yet, but takes its place.
  assert.equal(ceiling(1_000, [100, null]), 2 + 9);
});

Deno.test("those that run beside the workers that count take memory, and no places", () => {
  const workerBytes = [100, 100, 100];
  const counted = 1;
  assert.equal(
    memoryCeiling({ availableBytes: 250, workerBytes, counted }),
    1 + 2,
  );
});

Deno.test("what cannot be seen limits nothing", () => {
  const ceiling = (
    availableBytes: number | null,
    workerBytes: (number | null)[],
  ): number | null =>
    memoryCeiling({ availableBytes, workerBytes, counted: 1 });
  assert.equal(ceiling(null, [1]), null);
  assert.equal(ceiling(1, [null]), null);
  assert.equal(ceiling(1, []), null);
  assert.equal(availableMemory(files({})), null);
});

Deno.test("without a control group it is what the machine has available", () => {
  assert.equal(
    availableMemory(files({
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "0::/user.slice\n",
      "/sys/fs/cgroup/user.slice/memory.max": "max\n",
      "/sys/fs/cgroup/user.slice/memory.current": "1000\n",
    })),
    1024 * MIB,
  );
});

Deno.test("the tightest of the control groups counts, its cache being free", () => {
  const group = "/sys/fs/cgroup/system.slice";
  const table = {
    "/proc/meminfo": MEMINFO,
    "/proc/self/cgroup": "0::/system.slice/pool.service\n",
    [`${group}/memory.max`]: `${512 * MIB}\n`,
    [`${group}/memory.current`]: `${412 * MIB}\n`,
    [`${group}/memory.stat`]: `anon 1\ninactive_file ${20 * MIB}\nslab 2\n`,
    [`${group}/pool.service/memory.max`]: `${256 * MIB}\n`,
    [`${group}/pool.service/memory.current`]: `${56 * MIB}\n`,
  };
  assert.equal(availableMemory(files(table)), 120 * MIB);
  assert.equal(
    availableMemory(files({
      ...table,
      [`${group}/pool.service/memory.current`]: `${300 * MIB}\n`,
    })),
    0,
  );
});

Deno.test("in a container the limit stands at the root, also with control groups of version 1", () => {
  assert.equal(
    availableMemory(files({
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${100 * MIB}`,
      "/sys/fs/cgroup/memory.current": `${30 * MIB}`,
    })),
    70 * MIB,
  );
  assert.equal(
    availableMemory(files({
      "/proc/meminfo": MEMINFO,
      "/proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n",
      "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": `${100 * MIB}`,
      "/sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": `${60 * MIB}`,
      "/sys/fs/cgroup/memory/docker/x/memory.stat": `total_inactive_file 5\n`,
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
    })),
    40 * MIB + 5,
  );
});

Deno.test({
  name: "on Linux there is a figure",
  ignore: Deno.build.os !== "linux",
  fn(): void {
    assert.ok(availableMemory()! > 0);
  },
});
