/** The benchmark script: what it prints, and that it leaves nothing behind. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/deadline.ts";
import { waitUntilGone } from "../support/processes.ts";

const SCRIPT = fileURLToPath(
  new URL("../../scripts/bench_prefork.sh", import.meta.url),
);
/** A few starts of Deno and of the pool; beyond this it hangs. */
const TIMEOUT_MS = 180_000;
/** Marks every process of a run: its descendants inherit it. */
const MARK = "BENCH_PREFORK_TEST";

function start(mark: string, args: readonly string[] = []): Deno.ChildProcess {
  return new Deno.Command(SCRIPT, {
    args: [...args],
    env: { [MARK]: mark, ITERATIONS: "3", POOL_SIZE: "2" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Pids of the living processes that carry `mark` in their environment. */
async function carriers(mark: string): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // Empty for a zombie: dead, and only waiting to be reaped.
      const environment = await Deno.readTextFile(`/proc/${name}/environ`);
      if (environment.split("\0").includes(`${MARK}=${mark}`)) {
        pids.push(Number(name));
      }
    } catch {
      continue; // It ended while we looked, or belongs to somebody else.
    }
  }
  return pids;
}

/** Whether a process that carries `mark` runs `program`. */
async function runs(program: string, mark: string): Promise<boolean> {
  for (const pid of await carriers(mark)) {
    const name = await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "");
    if (name.trim() === program) return true;
  }
  return false;
}

/** Fails when something goes on to carry `mark`. */
async function assertNothingLeft(mark: string): Promise<void> {
  const left = await carriers(mark);
  try {
    await waitUntilGone(left);
  } finally {
    for (const pid of await carriers(mark)) Deno.kill(pid, "SIGKILL");
  }
}

async function outputOf(child: Deno.ChildProcess): Promise<Deno.CommandOutput> {
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  try {
    return await child.output();
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("bench_prefork.sh prints baseline, warm, improvement and reduction, and leaves no process", async () => {
  const mark = crypto.randomUUID();
  const { code, stdout, stderr } = await outputOf(start(mark));
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, new TextDecoder().decode(stderr));

  const time = String.raw`(\d+)us \(\d+(?:\.\d)?ms\)`;
  const cold = text.match(
    new RegExp(String.raw`^Baseline \(cold start\): ${time}$`, "m"),
  );
  const warm = text.match(
    new RegExp(String.raw`^Pre-fork pool \(warm\): ${time}$`, "m"),
  );
  const saved = text.match(
    new RegExp(`^Improvement: ${time} per request$`, "m"),
  );
  const reduction = text.match(/^Reduction: (\d+\.\d)%$/m);
  assert.ok(cold && warm && saved && reduction, text);
  assert.equal(Number(saved[1]), Number(cold[1]) - Number(warm[1]));
  assert.equal(
    reduction[1],
    (100 * Number(saved[1]) / Number(cold[1])).toFixed(1),
  );
  assert.ok(Number(cold[1]) > 1_000, "a process cannot start in a millisecond");
  assert.match(text, /^Cold start {2,}median .* min .* max .*3 /m);
  assert.match(text, /^Warm pool {2,}median .* min .* max .*3 /m);
  await assertNothingLeft(mark);
});

Deno.test("bench_prefork.sh measures the command after --", async () => {
  const mark = crypto.randomUUID();
  const server =
    "require('node:http').createServer((q,s)=>s.end('ok')).listen(process.env.PORT,'127.0.0.1')";
  const { code, stdout, stderr } = await outputOf(
    start(mark, ["--", "node", "-e", server]),
  );
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stdout), /^Worker: node -e /m);
  await assertNothingLeft(mark);
});

Deno.test("bench_prefork.sh says which command does not serve, and exits 1", async () => {
  const mark = crypto.randomUUID();
  const { code, stderr } = await outputOf(start(mark, ["--", "false"]));
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /^Cannot measure a cold start: "false" exited with code 1/m,
  );
  await assertNothingLeft(mark);
});

Deno.test("bench_prefork.sh that is interrupted ends its workers and exits 130", async () => {
  const mark = crypto.randomUUID();
  // A worker that never serves: the interrupt certainly finds it running.
  const child = start(mark, ["--", "sleep", "300"]);
  const output = outputOf(child);
  await eventually(async () => assert.ok(await runs("sleep", mark)));
  child.kill("SIGINT");
  assert.equal((await output).code, 130);
  await assertNothingLeft(mark);
});
