import assert from "node:assert/strict";
import { PoolProcess } from "./support/pool_process.ts";
import { childrenOf, isAlive, waitUntilGone } from "./support/processes.ts";

/** Runs a program in the place of the pool. */
function run(source: string, disposeDeadlineMs?: number): PoolProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", `${LOG}\n${source}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new PoolProcess(child, disposeDeadlineMs);
}

/** What the programs log with. */
const LOG = `
  const log = (event, fields) =>
    console.error(JSON.stringify({ event, ...fields }));
  const listen = () =>
    log("listening", { role: "public", hostname: "127.0.0.1", port: 4321 });
  const worker = () => {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    log("worker-spawned", { workerId: 0, pid: child.pid });
    return child;
  };`;

const WAIT_FOR_TERM = `
  const term = Promise.withResolvers();
  Deno.addSignalListener("SIGTERM", term.resolve);
  listen();
  await term.promise;`;

Deno.test("PoolProcess waits for events to come and finds those that have", async () => {
  await using pool = run(`${WAIT_FOR_TERM} Deno.exit(3);`);
  const event = await pool.waitForEvent("listening");
  assert.equal(event.port, 4321);
  assert.equal(await pool.waitFor((e) => e.type === "listening"), event);
  assert.equal(pool.url, "http://127.0.0.1:4321");
  assert.equal((await pool.stop()).code, 3);
});

Deno.test("PoolProcess tells what the pool wrote when it ends too soon", async () => {
  await using pool = run(`console.error("no such luck"); Deno.exit(1);`);
  await assert.rejects(
    pool.waitForEvent("listening"),
    /"listening".*ended with 1[\s\S]*no such luck/,
  );
  assert.throws(() => pool.port, /no such luck/);
});

Deno.test("PoolProcess tells what the pool wrote when an event does not come", async () => {
  await using pool = run(`${WAIT_FOR_TERM} Deno.exit(0);`);
  await pool.waitForEvent("listening");
  await assert.rejects(
    pool.waitForEvent("listening", { from: 1, deadlineMs: 20 }),
    /It did not come[\s\S]*4321/,
  );
});

Deno.test("PoolProcess takes the last words of a pool that has ended", async () => {
  // Written by a process that outlives it, so that they surely come late.
  await using pool = run(`
    const line = JSON.stringify({
      event: "listening", role: "public", hostname: "127.0.0.1", port: 4321,
    });
    new Deno.Command("sh", {
      args: ["-c", 'sleep 0.1; echo "$0" >&2', line],
    }).spawn();
    Deno.exit(0);`);
  assert.equal((await pool.status).code, 0);
  assert.equal(pool.port, 4321);
});

Deno.test("PoolProcess is ended with its workers when its test is over", async () => {
  let pids: number[];
  {
    await using pool = run(`
      const child = worker();
      ${WAIT_FOR_TERM}
      child.kill("SIGKILL");
      Deno.exit(0);`);
    await pool.waitForEvent("listening");
    pids = [pool.pid, ...pool.workerPids];
    assert.deepEqual(await childrenOf(pool.pid), pool.workerPids);
  }
  assert.equal(pids.length, 2);
  await waitUntilGone(pids);
});

Deno.test("PoolProcess does not let workers outlive the pool", async () => {
  const pool = run(`worker(); ${WAIT_FOR_TERM} Deno.exit(0);`, 2_000);
  await pool.waitForEvent("listening");
  const [worker = 0] = pool.workerPids;
  assert.equal(await isAlive(worker), true);
  await assert.rejects(
    pool[Symbol.asyncDispose](),
    /Workers have outlived the pool.*pid/,
  );
  await waitUntilGone([worker]);
});

Deno.test("PoolProcess kills a pool that does not end, and says so", async () => {
  const pool = run(
    `
    Deno.addSignalListener("SIGTERM", () => {});
    setInterval(() => {}, 1000);
    listen();`,
    200,
  );
  await pool.waitForEvent("listening");
  await assert.rejects(
    pool[Symbol.asyncDispose](),
    /Cannot stop the pool with SIGTERM: It goes on running/,
  );
  assert.equal(await isAlive(pool.pid), false);
});
