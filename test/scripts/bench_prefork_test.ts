/** The benchmark script: what it prints, and that it leaves nothing behind. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/deadline.ts";
import { waitUntilGone } from "../support/processes.ts";
import { ignoreWithout } from "../support/programs.ts";

const SCRIPT = fileURLToPath(
  new URL("../../scripts/bench_prefork.sh", import.meta.url),
);
/** A few starts of Deno and of the pool; beyond this it hangs. */
const TIMEOUT_MS = 180_000;
/** Marks every process of a run: its descendants inherit it. */
const MARK = "BENCH_PREFORK_TEST";

function start(
  mark: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(SCRIPT, {
    args: [...args],
    env: { [MARK]: mark, ITERATIONS: "3", POOL_SIZE: "2", ...env },
    // A group of its own, as a terminal gives it.
    detached: true,
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
    "console.error('a log');require('node:http').createServer((q,s)=>s.end('ok')).listen(process.env.PORT,'127.0.0.1')";
  const { code, stdout, stderr } = await outputOf(
    start(mark, ["--", "node", "-e", server]),
  );
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stdout), /^Worker: node -e /m);
  assert.equal(new TextDecoder().decode(stderr), "", "a log is not for us");
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

Deno.test("bench_prefork.sh --help says what it measures, and which settings matter", async () => {
  const { code, stdout } = await outputOf(start("none", ["--help"]));
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0);
  for (const word of ["Usage:", "ITERATIONS", "POOL_SIZE", "130"]) {
    assert.ok(text.includes(word), `${word} is missing in ${text}`);
  }
});

/** Serves whoever comes to it past the pool, and leaves a file where it is asked through the pool, and keeps silent. */
const SILENT_BEHIND_POOL = `
  const { writeFileSync } = require("node:fs");
  console.error("a line of the worker's log");
  require("node:http").createServer((request, response) => {
    if (process.env.SILENT && request.headers["x-forwarded-for"]) {
      writeFileSync(process.env.SILENT, "");
    } else response.end("ok");
  }).listen(process.env.PORT, "127.0.0.1");`;

/** When to end the benchmark: the worker's command, and what shows that it is in this phase. */
interface Phase {
  readonly name: string;
  readonly command: readonly string[];
  readonly reached: (mark: string, file: string) => Promise<boolean>;
}

const SERVER = ["node", "-e", SILENT_BEHIND_POOL];

const PHASES: readonly Phase[] = [
  {
    name: "a cold start",
    command: ["sleep", "300"],
    reached: (mark) => runs("sleep", mark),
  },
  {
    name: "the start of the pool",
    // Cold starts have the id 0, and so has the first worker of the pool.
    command: [
      ...["sh", "-c", '[ "$WORKER_ID" = 1 ] && exec sleep 300; exec "$@"'],
      ...["sh", ...SERVER],
    ],
    reached: (mark) => runs("sleep", mark),
  },
  {
    name: "a request to the pool",
    command: SERVER,
    reached: (_, file) => exists(file),
  },
];

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}

for (const { name, command, reached } of PHASES) {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    Deno.test({
      name:
        `bench_prefork.sh that is ended by ${signal} in ${name} leaves nothing behind (needs node)`,
      ignore: ignoreWithout("node"),
      async fn(): Promise<void> {
        const mark = crypto.randomUUID();
        const directory = await Deno.makeTempDir();
        const file = `${directory}/reached`;
        try {
          const child = start(mark, ["--", ...command], { SILENT: file });
          const output = outputOf(child);
          await eventually(async () => assert.ok(await reached(mark, file)));
          // A terminal sends it to the whole group; whoever kills, to one.
          if (signal === "SIGINT") Deno.kill(-child.pid, signal);
          else child.kill(signal);
          const { code, stdout, stderr } = await output;
          assert.equal(code, signal === "SIGINT" ? 130 : 137);
          assert.equal(new TextDecoder().decode(stdout), "");
          assert.equal(new TextDecoder().decode(stderr), "");
          await assertNothingLeft(mark);
        } finally {
          await Deno.remove(directory, { recursive: true });
        }
      },
    });
  }
}
