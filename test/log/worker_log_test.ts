/** What becomes of the lines that workers write. */

import assert from "node:assert/strict";
import { EventEmitter, type WorkerOutputEvent } from "../../src/events/mod.ts";
import {
  type AttachedLogger,
  attachLogger,
  type LoggerOptions,
  type LogStream,
} from "../../src/log/attach_logger.ts";

class MemoryStream implements LogStream {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }

  isTerminal(): boolean {
    return false;
  }
}

interface Logged {
  readonly stderr: string;
  readonly stdout: string;
}

interface Acting {
  readonly events: EventEmitter;
  readonly logger: AttachedLogger;
  readonly output: (event: Partial<WorkerOutputEvent>) => void;
}

/** What is written while `act` lets things happen. */
async function logged(
  options: Partial<LoggerOptions>,
  act: (acting: Acting) => void | Promise<void>,
): Promise<Logged> {
  const events = new EventEmitter();
  const [stream, stdout] = [new MemoryStream(), new MemoryStream()];
  const logger = await attachLogger(events, {
    logLevel: "info",
    logFormat: "text",
    accessLog: "off",
    stdout,
    ...options,
    stream,
  });
  const output = (event: Partial<WorkerOutputEvent>): void =>
    events.emit({
      type: "worker-output",
      workerId: 0,
      pid: 100,
      stream: "stdout",
      line: "hello",
      ...event,
    });
  await act({ events, logger, output });
  await logger.close();
  return { stderr: stream.text, stdout: stdout.text };
}

Deno.test("LOG_LEVEL is about the balancer's own lines, not the application's", async () => {
  for (const logFormat of ["text", "json"] as const) {
    const { stderr } = await logged(
      { logLevel: "error", logFormat },
      ({ events, output }) => {
        events.emit({ type: "notice", level: "warning", message: "Not this." });
        output({ line: "this", stream: "stderr" });
      },
    );
    assert.match(stderr, /\[worker 0\] this/);
    assert.doesNotMatch(stderr, /Not this/);
  }
});

Deno.test("prefix puts the worker's number in front, and shows what a terminal would obey", async () => {
  const { stderr, stdout } = await logged({}, ({ output }) => {
    output({ workerId: 7, line: "a\tb \x1b[2J \x9f\rc {x}" });
    output({ workerId: 8, line: "" });
  });
  assert.match(
    stderr,
    /^\S+Z INF \[worker 7\] a\tb \\x1b\[2J \\x9f\\rc \{x\}\n\S+Z INF \[worker 8\] \n$/,
  );
  assert.equal(stdout, "");
});

Deno.test("raw passes each stream on to ours, as it is", async () => {
  const { stderr, stdout } = await logged(
    { workerLogs: "raw" },
    ({ output }) => {
      output({ line: "out \x1b[1m" });
      output({ line: "err", stream: "stderr" });
    },
  );
  assert.equal(stdout, "out \x1b[1m\n");
  assert.equal(stderr, "err\n");
});

Deno.test("json is an object a line, and an object of the application stays one", async () => {
  const { stderr } = await logged({ workerLogs: "json" }, ({ output }) => {
    output({ workerId: 2, line: 'say "hi"', stream: "stderr" });
    output({ line: '{"level":"warn","msg":"slow","ms":12}' });
    output({ line: "{no object}" });
  });
  const [plain, object, neither, end] = stderr.split("\n");
  assert.equal(end, "");
  const { worker, stream, line } = JSON.parse(plain!);
  assert.deepEqual([worker, stream, line], [2, "stderr", 'say "hi"']);
  const { json, message } = JSON.parse(object!);
  assert.deepEqual(json, { level: "warn", msg: "slow", ms: 12 });
  assert.equal(message, "[worker 0] slow");
  assert.equal(JSON.parse(neither!).line, "{no object}");
  assert.equal("json" in JSON.parse(neither!), false);
});

Deno.test("in a JSON log, lines with a prefix are objects too", async () => {
  const { stderr } = await logged({ logFormat: "json" }, ({ output }) => {
    output({});
  });
  const { event, workerId, line, level } = JSON.parse(stderr);
  assert.deepEqual([event, workerId, line, level], [
    "worker-output",
    0,
    "hello",
    "info",
  ]);
});

Deno.test("off writes nothing, and has nothing made into lines", async () => {
  const { stderr, stdout } = await logged(
    { workerLogs: "off" },
    ({ events, output }) => {
      assert.equal(events.outputDemand, "none");
      output({});
    },
  );
  assert.equal(stderr + stdout, "");
});

Deno.test("a file for each worker, or one for all, is appended to", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/0.log`, "before\n");
    for (const name of ["{id}.log", "all.log"]) {
      const { stderr } = await logged({
        workerLogs: "raw",
        workerLogFile: `${directory}/${name}`,
      }, ({ output }) => {
        output({ line: "zero" });
        output({ line: "one", workerId: 1, stream: "stderr" });
      });
      assert.equal(stderr, "");
    }
    const read = (name: string): Promise<string> =>
      Deno.readTextFile(`${directory}/${name}`);
    assert.equal(await read("0.log"), "before\nzero\n");
    assert.equal(await read("1.log"), "one\n");
    assert.equal(await read("all.log"), "zero\none\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that has been moved away is opened anew when that is said", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/0.log`;
  try {
    await logged(
      { workerLogs: "raw", workerLogFile: `${directory}/{id}.log` },
      async ({ logger, output }) => {
        output({ line: "old" });
        await until(async () => await Deno.readTextFile(path) === "old\n");
        await Deno.rename(path, `${path}.1`);
        logger.reopen();
        output({ line: "new" });
      },
    );
    assert.equal(await Deno.readTextFile(`${path}.1`), "old\n");
    assert.equal(await Deno.readTextFile(path), "new\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that cannot be opened anew is written on, and the log says so", async () => {
  const directory = await Deno.makeTempDir();
  const moved = `${directory}.moved`;
  try {
    const { stderr } = await logged(
      { workerLogs: "raw", workerLogFile: `${directory}/log` },
      async ({ logger, output }) => {
        await Deno.rename(directory, moved);
        logger.reopen();
        output({ line: "still" });
      },
    );
    assert.match(stderr, / WRN Cannot open \S+\/log anew: .*written on\.\n/);
    assert.equal(await Deno.readTextFile(`${moved}/log`), "still\n");
  } finally {
    await Deno.remove(moved, { recursive: true });
  }
});

Deno.test({
  name:
    "a FIFO may be without a reader at any time, and who comes gets what was written",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/fifo`;
    try {
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const { stderr } = await logged(
        { workerLogs: "raw", workerLogFile: path },
        async ({ logger, output }) => {
          output({ line: "early" });
          assert.equal(await firstOf(path, "early\n"), "early\n");
          output({ line: "between" });
          logger.reopen();
          output({ line: "late" });
          const rest = "between\nlate\n";
          assert.equal(await firstOf(path, rest), rest);
        },
      );
      assert.equal(stderr, "");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

/** What somebody reads there who comes and goes: as much as `expected` is long. */
async function firstOf(path: string, expected: string): Promise<string> {
  const args = ["-c", String(expected.length), path];
  const { stdout } = await new Deno.Command("head", { args }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("stdout whose reader has gone is said once, and what is lost when there is another", async () => {
  let attempts = 0;
  let text = "";
  const stdout = {
    write(bytes: Uint8Array): Promise<number> {
      if (++attempts < 3) {
        return Promise.reject(new Deno.errors.BrokenPipe("nobody"));
      }
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  const { stderr } = await logged(
    { workerLogs: "raw", stdout },
    async ({ output }) => {
      output({ line: "lost" });
      await until(() => Promise.resolve(attempts === 1));
      output({ line: "lost too" });
      await until(() => Promise.resolve(attempts === 2));
      output({ line: "found" });
      await until(() => Promise.resolve(text !== ""));
    },
  );
  assert.equal(text, "found\n");
  const [first, second, ...rest] = stderr.trimEnd().split("\n");
  assert.match(first!, / WRN Cannot write to stdout: nobody\./);
  assert.match(second!, / WRN 2 log lines dropped: stdout .* \(nobody\)$/);
  assert.deepEqual(rest, []);
});

Deno.test("a file that cannot be opened at the start is an error", async () => {
  await assert.rejects(
    logged({ workerLogFile: "/no/such/place/{id}.log" }, () => {}),
    Deno.errors.NotFound,
  );
});

const REF = { workerId: 0, port: 8081, pid: 100, generation: 1 } as const;

const SPAWNED = { ...REF, type: "worker-spawned", command: ["x"] } as const;

const READY = {
  ...REF,
  type: "worker-ready",
  startupMs: 1,
  replaces: null,
} as const;

Deno.test("what a worker writes while it starts comes before it is said to be ready", async () => {
  const { stderr } = await logged({}, ({ events, output }) => {
    events.emit(SPAWNED);
    output({ line: "listening" });
    events.emit(READY);
    output({ line: "later" });
  });
  assert.match(stderr, /listening\n.*ready on.*\n.*later\n$/);
});

Deno.test("the last output of a worker that ends unasked is not repeated where it is in the log", async () => {
  const exited = {
    ...REF,
    type: "worker-exited",
    killer: null,
    status: { code: 1, signal: null },
    expected: false,
    uptimeMs: 1000,
    lastOutput: ["Error: oops"],
    suspects: [],
    suspectCount: 0,
  } as const;
  const act = ({ events, output }: Acting): void => {
    events.emit(SPAWNED);
    events.emit(READY);
    output({ line: "Error: oops", stream: "stderr" });
    events.emit(exited);
  };
  const count = (text: string): number => text.split("Error: oops").length - 1;
  assert.equal(count((await logged({}, act)).stderr), 1);
  // It is said where it is not.
  assert.equal(count((await logged({ workerLogs: "off" }, act)).stderr), 1);
  const { stderr } = await logged({}, (acting) => {
    acting.events.emit(SPAWNED);
    acting.events.emit(READY);
    acting.events.emit({
      type: "worker-output-dropped",
      workerId: 0,
      pid: 100,
      phase: "began",
      lines: 0,
      bytes: 0,
      durationMs: 0,
    });
    acting.events.emit(exited);
  });
  assert.equal(count(stderr), 1);
});

Deno.test("a worker that is ended while all fail has nothing to add to what another said", async () => {
  const { stderr } = await logged({}, ({ events, output }) => {
    for (const pid of [100, 101]) {
      events.emit({ ...SPAWNED, pid });
      output({ pid, line: `no database, says ${pid}` });
    }
    events.emit({
      ...REF,
      type: "worker-start-failed",
      command: ["node", "server.js"],
      reason: "exited with code 1",
      status: { code: 1, signal: null },
      lastOutput: ["no database, says 100"],
      retryInMs: 1000,
    });
    events.emit({
      ...REF,
      pid: 101,
      type: "worker-exited",
      lastOutput: ["no database, says 101"],
      killer: null,
      status: { code: 143, signal: "SIGTERM" },
      expected: true,
      uptimeMs: 1000,
      suspects: [],
      suspectCount: 0,
    });
  });
  assert.match(stderr, /worker 0 .*exited/);
  assert.deepEqual(stderr.match(/no database, says \d+/g), [
    "no database, says 100",
  ]);
});

/** Waits for what becomes true soon. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
