/**
 * What is read of the processes of this machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  listenersAmong,
  parseProcesses,
  ProcessLookout,
  WORKER_MARK,
} from "../../src/system/process_lookout.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "a look tells marks, words, groups and handled signals (needs /proc)",
  ignore,
  async fn(): Promise<void> {
    const child = new Deno.Command("sh", {
      // Empty words at the end are taken for the room of a title.
      args: ["-c", "trap : TERM; read -r line", "two\nlines"],
      env: { [WORKER_MARK]: "pool-x/7" },
      stdin: "piped",
      detached: true,
    }).spawn();
    const lookout = new ProcessLookout("pool-x");
    let seen = (await lookout.look())?.get(child.pid);
    // Until it has come to handle the signal.
    while (seen?.caught === 0n) seen = (await lookout.look())?.get(child.pid);
    assert.ok(seen);
    const { caught, words: [program, ...args], ...rest } = seen;
    // Deno looks for the program, and calls it by where it is.
    assert.match(program!, /(^|\/)sh$/);
    assert.deepEqual({ ...rest, args }, {
      pid: child.pid,
      parentId: Deno.pid,
      groupId: child.pid,
      sessionId: child.pid,
      mark: "pool-x/7",
      // Empty words at the end are taken for the room of a title.
      args: ["-c", "trap : TERM; read -r line", "two\nlines"],
    });
    assert.equal(caught >> 14n & 1n, 1n);
    const others = await new ProcessLookout("pool-y").look();
    assert.equal(others?.get(child.pid)?.mark, null);
    await child.stdin.close();
    await child.status;
    assert.equal((await lookout.look())?.has(child.pid), false);
  },
});

Deno.test({
  name: "those that ask while a look goes on get one that begins afterwards",
  ignore,
  async fn(): Promise<void> {
    const lookout = new ProcessLookout("pool-x");
    const first = lookout.look();
    await Promise.resolve();
    const [second, third] = [lookout.look(), lookout.look()];
    assert.equal(second, third);
    assert.ok((await first)?.has(Deno.pid));
    assert.ok((await second)?.has(Deno.pid));
  },
});

Deno.test({
  name: "who listens on a port is found among processes (needs /proc)",
  ignore,
  async fn(): Promise<void> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const found = await listenersAmong([1, Deno.pid], port);
    assert.deepEqual([...found], [Deno.pid]);
    assert.equal((await listenersAmong([], port)).size, 0);
  },
});

Deno.test("without /proc there is no table, and the dead are not in it", () => {
  assert.equal(parseProcesses("\0\0\0\0\0"), null);
  const rest = "0 0 0 0 0 0 0 5 3 0 0 0 0 0 0 900 0";
  const table = parseProcesses(
    `7 (a) (b c) S 1 7 7 ${rest}\n8 (dead) Z 1 7 7 ${rest}\n\0\0\0\0\0`,
  );
  assert.deepEqual([...table!.keys()], [7]);
  assert.deepEqual(table!.get(7)!.words, []);
});
