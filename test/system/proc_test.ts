/**
 * Reading `/proc`, with all permissions and through a shell.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DirectProc } from "../../src/system/direct_proc.ts";
import { parseListenTable } from "../../src/system/listen_table.ts";
import type { Proc } from "../../src/system/proc.ts";
import { parseStats } from "../../src/system/process_stat.ts";
import { ShellProc } from "../../src/system/shell_proc.ts";

const NOT_LINUX = Deno.build.os !== "linux";

/** How `/proc` may be read. */
const WAYS: Readonly<Record<string, () => Proc>> = {
  "with all permissions": () => new DirectProc(),
  "through a shell": () => ShellProc.open()!,
};

/** A process that waits, with `mark` in its environment and `file` on its command line. */
function spawnMarked(mark: string, file: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    // A builtin: a program it started would outlive it.
    args: ["-c", "read line", file],
    env: { MARK: mark },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

for (const [way, open] of Object.entries(WAYS)) {
  Deno.test({
    name: `a listening socket is found, and the process that has it, ${way}`,
    ignore: NOT_LINUX,
    async fn(): Promise<void> {
      const proc = open();
      try {
        using v4 = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        using v6 = Deno.listen({ hostname: "::1", port: 0 });
        const { sockets, port6 } = {
          sockets: parseListenTable(await proc.table("tcp")),
          port6: v6.addr.port,
        };
        const found = sockets.filter(({ port }) => port === v4.addr.port);
        assert.deepEqual(found.map(({ address }) => address), ["127.0.0.1"]);
        const sockets6 = parseListenTable(await proc.table("tcp6"));
        assert.ok(
          sockets6.some(({ address, port }) =>
            address === "::1" && port === port6
          ),
        );
        const [open, again] = await Promise.all([
          proc.sockets([Deno.pid, 2 ** 30]),
          proc.sockets([Deno.pid]),
        ]);
        assert.ok(open.get(Deno.pid)?.has(found[0]!.inode));
        assert.deepEqual([...open.keys()], [Deno.pid]);
        assert.ok(again.get(Deno.pid)?.has(found[0]!.inode));
      } finally {
        await proc.close();
      }
    },
  });

  Deno.test({
    name: `processes are found, by their mark too, ${way}`,
    ignore: NOT_LINUX,
    async fn(): Promise<void> {
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, 'const port = Deno.env.get("PORT");\n');
      const mark = crypto.randomUUID();
      const marked = spawnMarked(mark, file);
      const other = spawnMarked(mark + "0", "/dev/null");
      const proc = open();
      try {
        const table = parseStats(await proc.stats());
        assert.equal(
          table.find(({ pid }) => pid === marked.pid)?.parentId,
          Deno.pid,
        );
        const found = await proc.marked(`MARK=${mark}`);
        assert.ok(found.includes(marked.pid));
        assert.ok(!found.includes(other.pid));
        assert.equal(await proc.readsPort(marked.pid), true);
        assert.equal(await proc.readsPort(other.pid), false);
      } finally {
        await proc.close();
        for (const child of [marked, other]) {
          child.kill("SIGKILL");
          await child.status;
          await child.stdin.close().catch(() => {});
        }
        await Deno.remove(file);
      }
    },
  });
}

Deno.test({
  name: "a shell that has ended is an error, and no endless wait",
  ignore: NOT_LINUX,
  async fn(): Promise<void> {
    const proc = ShellProc.open()!;
    await proc.close();
    await assert.rejects(proc.stats(), { message: /shell is gone/ });
  },
});
