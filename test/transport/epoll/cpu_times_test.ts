/** The CPU time of another process is read as the kernel counts it. */

import assert from "node:assert/strict";
import { CpuTimes } from "../../../src/transport/epoll/cpu_times.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";

/** Says what it has used, in milliseconds, whenever it is asked. */
const PROGRAM = `
  for await (const _ of Deno.stdin.readable) {
    const end = performance.now() + 5;
    while (performance.now() < end);
    const { user, system } = process.cpuUsage();
    console.log((user + system) / 1e3);
  }`;

Deno.test({
  name: "the CPU time of another process is known until it is gone",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", PROGRAM],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    const libc = openLibc();
    try {
      const times = new CpuTimes(libc);
      for (let round = 0; round < 5; round++) {
        const beforeMs = times.of(child.pid)!;
        await writer.write(new TextEncoder().encode("?"));
        const { value } = await reader.read();
        const said = Number(new TextDecoder().decode(value));
        const afterMs = times.of(child.pid)!;
        assert(
          beforeMs < said && said <= afterMs,
          `${beforeMs} ${said} ${afterMs}`,
        );
      }
      await writer.close();
      await child.status;
      assert.equal(times.of(child.pid), null);
      await reader.cancel();
    } finally {
      libc.close();
    }
  },
});
