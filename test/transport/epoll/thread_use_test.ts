/** What the kernel says of the threads of this process. */

import assert from "node:assert/strict";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import {
  ownThreadId,
  parseThreadStat,
  threadUse,
} from "../../../src/transport/epoll/thread_use.ts";

Deno.test("CPU time is that of the thread, and not of children that have ended", () => {
  const line = "71 (a (b) c) R 1 70 70 0 -1 4194304 0 0 0 0 12 5 900 800 20";
  assert.deepEqual(parseThreadStat(line), { asleep: false, cpuMs: 170 });
  assert.equal(parseThreadStat(line.replace(" R ", " S "))?.asleep, true);
  assert.equal(parseThreadStat(""), null);
});

Deno.test({
  name: "a thread that runs is seen to, and what it has used",
  ignore: Deno.build.os !== "linux",
  fn(): void {
    const libc = openLibc();
    try {
      const id = ownThreadId(libc)!;
      const before = threadUse(libc, id)!;
      assert.equal(before.asleep, false);
      // Guarded by the runner: it ends when this thread has had some CPU.
      while (threadUse(libc, id)!.cpuMs < before.cpuMs + 20);
      assert.equal(threadUse(libc, 0), null);
    } finally {
      libc.close();
    }
  },
});
