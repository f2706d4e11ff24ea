/** Who is signalled when a worker ends: its own, whoever has got its number meanwhile. */

import assert from "node:assert/strict";
import { WorkerFamily } from "../../src/pool/worker_family.ts";
import { ProcessLookout } from "../../src/system/process_lookout.ts";

/** A process that leads a group, as a worker's first one does. */
class Leader implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly family: WorkerFamily;

  constructor(script: string) {
    const command = ["sh", "-c", script];
    this.child = new Deno.Command("sh", {
      args: command.slice(1),
      stdin: "null",
      stdout: "piped",
      detached: true,
    }).spawn();
    const identity = { mark: crypto.randomUUID(), command, port: 1 };
    const lookout = new ProcessLookout(crypto.randomUUID());
    this.family = new WorkerFamily(this.child, identity, lookout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stdout.cancel();
    try {
      Deno.kill(-this.child.pid, "SIGKILL");
    } catch {
      // Nobody is left.
    }
    await this.child.status;
  }
}

Deno.test("a process group that has got the number of a worker's, which is gone, is left alone", async () => {
  await using other = new Leader("sleep 60 & sleep 60");
  const { family, child } = other;
  // As if a worker had had this number before, and had ended.
  family.leaderGone();
  assert.deepEqual(await family.remaining(), []);
  assert.equal(family.groupGone, true);
  family.killGroup();
  family.askAll(null);
  // Signal 0 is delivered to nobody, and fails where there is nobody.
  Deno.kill(child.pid, 0 as unknown as Deno.Signal);
  let ended = false;
  void child.status.then(() => ended = true);
  await family.remaining();
  assert.equal(ended, false);
});

Deno.test("what a worker has left in its group is killed with it, and then nobody is", async () => {
  await using worker = new Leader("sleep 60 & exit 3");
  const { family, child } = worker;
  await child.status;
  family.leaderGone();
  const [left] = await family.remaining() ?? [];
  assert.equal(left?.command, "sleep 60");
  assert.equal(family.groupGone, false);
  family.killGroup();
  while ((await family.remaining())!.length > 0);
  assert.equal(family.groupGone, true);
});
