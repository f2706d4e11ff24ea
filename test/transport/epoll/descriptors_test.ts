/** Descriptors: what happens when there are none, and who else gets them. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Waker } from "../../../src/transport/epoll/waker.ts";
import type { ExhaustedReport } from "./exhausted_main.ts";
import { LoopStand } from "./loop_stand.ts";

/** What the process itself needs, and some for connections. */
const FEW_DESCRIPTORS = 100;

/** A pause ends every 50 ms: a loop that spins turns thousands of times. */
const MOST_TURNS = 100;

const MAIN = fileURLToPath(new URL("exhausted_main.ts", import.meta.url));

Deno.test("without descriptors connecting fails as exhausted, accepting pauses, and both go on when there are some", async () => {
  const script = `ulimit -n ${FEW_DESCRIPTORS}; exec "$0" "$@"`;
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, Deno.execPath(), "run", "-A", "--no-check", MAIN],
  }).output();
  assert.ok(stdout.length > 0, new TextDecoder().decode(stderr));
  const report: ExhaustedReport = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(report.failures, ["exhausted"]);
  assert.deepEqual(report.pauses.slice(0, 2), [
    "accept-paused descriptors",
    "accept-resumed descriptors",
  ]);
  assert.ok(report.closeIdle[0]! > 0);
  assert.deepEqual(report.errors, []);
  assert.ok(report.turnsWhileOut < MOST_TURNS, String(report.turnsWhileOut));
  assert.ok(report.served);
  assert.equal(report.after, report.before);
});

Deno.test("a child process inherits no descriptor of the loop", async () => {
  await using stand = new LoopStand();
  const waker = new Waker(stand.libc);
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { peer } = await stand.pair();
  const connecting = stand.connect(server.addr.port);
  using conn = await server.accept();
  await connecting;
  stand.listen();
  // The loop, the waker, the listener, and two connections.
  assert.equal(stand.libc.open.size, 5);
  const inodes = await Promise.all(
    [...stand.libc.open].map((fd) => Deno.readLink(`/proc/self/fd/${fd}`)),
  );
  const { stdout } = await new Deno.Command("ls", {
    args: ["-l", "/proc/self/fd"],
  }).output();
  const inherited = new TextDecoder().decode(stdout).split("\n")
    .map((line) => line.split(" -> ")[1] ?? "");
  assert.ok(inherited.some((target) => target.startsWith("pipe:")));
  assert.deepEqual(inherited.filter((name) => inodes.includes(name)), []);
  assert.notEqual(conn.remoteAddr, null);
  waker.close();
  await peer.close();
});
