/**
 * No worker outlives the balancer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OrphanGuard } from "../../src/pool/orphan_guard.ts";
import { aliveAmong, waitUntilGone } from "../support/processes.ts";
import { poolWorker } from "./pool_harness.ts";

Deno.test("complaint 13: workers and their children die with a balancer that is killed with SIGKILL", async () => {
  const owner = new URL("../fixtures/pool_owner.ts", import.meta.url).pathname;
  const balancer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", owner, ...poolWorker("child")],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = balancer.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    assert.equal(done, false, `the pool did not start: ${text}`);
    text += value;
  }
  const { workers, children } = JSON.parse(text);
  const pids = [...workers, ...children];
  assert.equal(pids.length, 4);
  assert.deepEqual(await aliveAmong(pids), pids);
  balancer.kill("SIGKILL");
  await balancer.status;
  await reader.cancel();
  await waitUntilGone(pids);
});

Deno.test({
  name:
    "the guard of a pool that is itself a worker does not have that worker's marks",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const outer = { PREFORK_POOL_ID: "outer", PREFORK_WORKER: "outer/1" };
    for (const [name, value] of Object.entries(outer)) {
      Deno.env.set(name, value);
    }
    const guard = new OrphanGuard((message) => assert.fail(message));
    try {
      await guard.ready;
      const path = `/proc/${guard.pid}/environ`;
      assert.doesNotMatch(await Deno.readTextFile(path), /outer/);
    } finally {
      for (const name of Object.keys(outer)) Deno.env.delete(name);
      await guard.stop();
    }
  },
});

Deno.test("the guard kills what is on its list at the end, and nothing else", async () => {
  const guard = new OrphanGuard((message) => assert.fail(message));
  const [kept, removed, other] = [sleeper(), sleeper(), sleeper()];
  guard.add(kept.pid);
  guard.add(removed.pid);
  guard.add(other.pid);
  guard.remove(removed.pid);
  await guard.stop();
  const ends = await Promise.all([kept.status, other.status]);
  assert.deepEqual(ends.map((end) => end.signal), ["SIGKILL", "SIGKILL"]);
  assert.deepEqual(await aliveAmong([removed.pid]), [removed.pid]);
  removed.kill("SIGKILL");
  await removed.status;
});

Deno.test("a guard that dies is reported, and another one takes its list", async () => {
  const told = Promise.withResolvers<string>();
  const guard = new OrphanGuard(told.resolve);
  const listed = sleeper();
  guard.add(listed.pid);
  const { pid } = guard;
  Deno.kill(pid!, "SIGKILL");
  assert.match(await told.promise, /ended with code 137: another one has tak/);
  assert.notEqual(guard.pid, pid);
  await guard.stop();
  assert.equal((await listed.status).signal, "SIGKILL");
});

Deno.test("a guard that dies over and over is given up, and kills nobody", async () => {
  const last = Promise.withResolvers<string>();
  const guard = new OrphanGuard((message) => {
    if (message.startsWith("Cannot guard")) last.resolve(message);
    else Deno.kill(guard.pid!, "SIGKILL");
  });
  const bystander = sleeper();
  guard.add(bystander.pid);
  Deno.kill(guard.pid!, "SIGKILL");
  assert.match(await last.promise, /with a shell process: it ended with code/);
  await guard.stop();
  assert.deepEqual(await aliveAmong([bystander.pid]), [bystander.pid]);
  bystander.kill("SIGKILL");
  await bystander.status;
});

function sleeper(): Deno.ChildProcess {
  return new Deno.Command("sleep", { args: ["300"], detached: true }).spawn();
}
