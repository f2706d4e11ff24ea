/**
 * `prefork-pool simulate`, as a user calls it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseSimulateArguments } from "../../src/cli/simulate_arguments.ts";
import { CliError } from "../../src/cli/subcommand.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it with the permissions of the shebang, and others if there are. */
async function run(
  args: readonly string[],
  options: { readonly input?: string; readonly permissions?: string[] } = {},
): Promise<Outcome> {
  const { input = "", permissions = [] } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net",
      "--allow-run",
      "--allow-env",
      ...permissions,
      PROGRAM,
      "simulate",
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

function refused(args: readonly string[]): string {
  try {
    parseSimulateArguments(args, new Map());
  } catch (error) {
    assert.ok(error instanceof CliError && error.usage, String(error));
    return error.message;
  }
  return assert.fail(`it was taken: ${args.join(" ")}`);
}

Deno.test("simulate draws the load and the workers, and compares rules in a table", async () => {
  const { code, stdout, stderr } = await run([
    "step",
    "--pool-size=1",
    "--rule=one-at-a-time",
    "--rule",
    "watt",
  ]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(stdout, /^step: 153,900 requests in 4 min;/);
  assert.match(stdout, /█/);
  assert.match(stdout, /^prefork-pool +2\.5 s +5,482 +3\.6 %/m);
  assert.match(stdout, /^one-at-a-time +25\.5 s/m);
  assert.match(stdout, /^watt +83\.5 s/m);
  assert.match(stdout, /32 s {2}1 -> 8 workers \(rate\)/);
});

Deno.test("simulate reads a trace from its input and prints everything as JSON", async () => {
  const { code, stdout } = await run(
    ["-", "--json", "--pool-size=1", "--compare", "SCALE_UP_RATE=50"],
    { input: "seconds,rate\n0,90\n30,720\n" },
  );
  assert.equal(code, 0);
  const { trace, capacity, runs } = JSON.parse(stdout);
  assert.equal(trace.durationS, 60);
  assert.equal(capacity, 125);
  assert.deepEqual(
    runs.map(({ name, simulation }: {
      readonly name: string;
      readonly simulation: { readonly mostWorkers: number };
    }) => [name, simulation.mostWorkers]),
    [["prefork-pool", 8], ["SCALE_UP_RATE=50", 15]],
  );
});

Deno.test("simulate writes an SVG where it may, and says what it needs where it may not", async () => {
  const svg = await Deno.makeTempFile({ suffix: ".svg" });
  try {
    const refusal = await run(["spike", "--svg", svg]);
    assert.equal(refusal.code, 1);
    assert.match(refusal.stderr, /^Cannot write .*Run with --allow-write/);
    const permissions = ["--allow-write"];
    const done = await run(["spike", "--svg", svg], { permissions });
    assert.equal(done.code, 0, done.stderr);
    assert.match(await Deno.readTextFile(svg), /^<svg .*<\/svg>\n$/s);
  } finally {
    await Deno.remove(svg);
  }
  const { stdout } = await run(["spike", "--svg=-"]);
  assert.match(stdout, /^<svg .*<\/svg>\n$/s);
});

Deno.test("simulate says what is wrong with the load", async () => {
  const permissions = ["--allow-read"];
  const missing = await run(["stepp"], { permissions });
  assert.equal(missing.code, 2);
  assert.match(
    missing.stderr,
    /^Cannot read stepp: there is no such file, .* did you mean step\?/,
  );
  const directory = await run([import.meta.dirname!], { permissions });
  assert.match(directory.stderr, /^Cannot read \/.*: Is a directory\n/);
  const dispatched = await run(["computing"], { permissions });
  assert.match(dispatched.stderr, /needs --dispatch/);
  const unreadable = await run([PROGRAM]);
  assert.equal(unreadable.code, 2);
  assert.match(unreadable.stderr, /Run with --allow-read/);
  const wrong = await run(["-"], { input: "0,90\n30,many\n" });
  assert.equal(wrong.code, 2);
  assert.equal(
    wrong.stderr,
    "Cannot read -, line 2: seconds and rate must be numbers: 30,many\n",
  );
});

Deno.test("what follows the load is an option, a comparison or a setting, and all others are refused", () => {
  assert.match(refused([]), /name the load first/);
  assert.match(refused(["--json"]), /name the load first/);
  assert.match(refused(["step", "--svg"]), /--svg needs a value/);
  assert.match(
    refused(["step", "--capacity=0"]),
    /--capacity=0 must be a number above 0/,
  );
  assert.match(refused(["step", "--rule=best"]), /one of prefork-pool, /);
  assert.match(refused(["step", "--compare", "50"]), /SCALE_UP_RATE=50/);
  assert.match(
    refused(["step", "--compare", "SCALE_UP_RAT=5"]),
    /did you mean --scale-up-rate\?/,
  );
  assert.match(refused(["step", "--max-workers=x"]), /--max-workers=x/);
  assert.match(refused(["step", "--check"]), /only settings may follow/);
  assert.match(refused(["step", "--threads=2"]), /--threads needs --dispatch/);
  assert.match(
    refused(["quick", "--dispatch", "--svg=x"]),
    /--svg does nothing with --dispatch/,
  );
  assert.match(
    refused(["quick", "--dispatch", "--wait-ratio=2"]),
    /--wait-ratio=2 must be a number from 0 to 1/,
  );
});

Deno.test("settings come from the environment, flags win, and a comparison wins over both", () => {
  const env = new Map([
    ["SCALE_UP_RATE", "70"],
    ["MAX_WORKERS", "9"],
    ["POOL_SIZE", "2"],
    // Of the machine that is simulated.
    ["WORKER_CWD", "/nowhere/but/there"],
  ]);
  const { runs } = parseSimulateArguments([
    "step",
    "--scale-up-rate",
    "80",
    "--compare=SCALE_UP_RATE=60, max_workers=12",
  ], env);
  assert.deepEqual(
    runs.map(({ config }) => [
      config.scaleUpRate,
      config.maxWorkers,
      config.poolSize,
    ]),
    [[80, 9, 2], [60, 12, 2]],
  );
});

Deno.test("simulate --dispatch shows what policies and caps make of requests", async () => {
  const { code, stdout, stderr } = await run([
    "computing",
    "--dispatch",
    "--pool-size=2",
    "--json",
  ]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const { runs } = JSON.parse(stdout);
  const p99Ms = new Map<string, number>(
    runs.map((
      { name, simulation }: {
        readonly name: string;
        readonly simulation: { readonly p99Ms: number };
      },
    ) => [name, simulation.p99Ms]),
  );
  assert.ok(
    p99Ms.get("prefork-pool")! < 1.1 * p99Ms.get("WORKER_CONCURRENCY=1")!,
  );
  assert.ok(
    p99Ms.get("prefork-pool")! < 0.9 * p99Ms.get("WORKER_CONCURRENCY=0")!,
  );
});

Deno.test("simulate --dispatch reads requests one by one, with what each costs", async () => {
  const { code, stdout } = await run(
    [
      "-",
      "--dispatch",
      "--pool-size=1",
      "--compare=MAX_QUEUE=1 WORKER_CONCURRENCY=1",
    ],
    { input: "seconds,cpu\n0,40\n0.001,3\n0.002,3\n# the end\n" },
  );
  assert.equal(code, 0);
  assert.match(stdout, /^prefork-pool +3 +/m);
  // One is served, one waits, and for the third there is no room.
  assert.match(stdout, /^MAX_QUEUE=1 WORKER_CONCURRENCY=1 +2 .* 1 +0 +1$/m);
  const wrong = await run(["-", "--dispatch"], { input: "0,3\n1,x\n" });
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.stderr,
    /line 2: seconds and milliseconds must be numbers/,
  );
});
