/**
 * Whom the kernel has killed for want of memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ReadFile } from "../../src/system/control_groups.ts";
import { countOomKills, OomKills } from "../../src/system/oom_kills.ts";

/** Reads these files; all others are not there. */
function files(table: Readonly<Record<string, string>>): ReadFile {
  return (path: string): string => {
    const text = table[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
}

const VMSTAT = { "/proc/vmstat": "nr_free_pages 1\noom_kill 70\n" };

Deno.test("the count is that of the own control group, version 2", () => {
  const events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
  const read = files({
    ...VMSTAT,
    "/proc/self/cgroup": "0::/system.slice/pool.service\n",
    "/sys/fs/cgroup/system.slice/pool.service/memory.events": events,
  });
  assert.equal(countOomKills(read), 2);
});

Deno.test("in a container the own group is the root", () => {
  const read = files({
    ...VMSTAT,
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.events": "oom_kill 4\n",
  });
  assert.equal(countOomKills(read), 4);
});

Deno.test("the count is that of the own control group, version 1", () => {
  const control = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
  const read = files({
    ...VMSTAT,
    "/proc/self/cgroup": "4:cpu,memory:/docker/a1\n0::/\n",
    "/sys/fs/cgroup/memory/docker/a1/memory.oom_control": control,
  });
  assert.equal(countOomKills(read), 5);
  const contained = files({
    "/proc/self/cgroup": "4:memory:/docker/a1\n",
    "/sys/fs/cgroup/memory/memory.oom_control": control,
  });
  assert.equal(countOomKills(contained), 5);
});

Deno.test("without control groups the count is the machine's, and without anything there is none", () => {
  assert.equal(countOomKills(files(VMSTAT)), 70);
  assert.equal(countOomKills(files({})), null);
});

Deno.test("each kill explains one end", () => {
  let count = 7;
  const kills = new OomKills(() => count);
  assert.equal(kills.explains(0), false);
  count += 2;
  assert.equal(kills.explains(100), true);
  assert.equal(kills.explains(110), true);
  assert.equal(kills.explains(120), false);
});

Deno.test("a kill that ended no worker does not explain the end of one much later", () => {
  let count = 0;
  const kills = new OomKills(() => count);
  count = 1;
  kills.watch(1_000);
  assert.equal(kills.explains(60_000), false);
});

Deno.test("where nothing is counted nothing is known", () => {
  assert.equal(new OomKills(() => null).explains(0), null);
});
