import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { EventEmitter } from "../../src/events/mod.ts";
import {
  attachLogger,
  type LoggerOptions,
  type LogStream,
} from "../../src/log/attach_logger.ts";

/** Far more than the queue (16 MiB) and a pipe (64 KiB) hold. */
const FLOOD_LINES = 250_000;

/** Far more than a child needs on a busy machine. */
const CHILD_TIMEOUT_MS = 120_000;

/** Keeps what is written to it. */
class MemoryStream implements LogStream {
  text = "";
  readonly #terminal: boolean;

  constructor(terminal = false) {
    this.#terminal = terminal;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }

  isTerminal(): boolean {
    return this.#terminal;
  }
}

const OUTPUT = {
  type: "worker-output",
  workerId: 3,
  pid: 4711,
  stream: "stdout",
  line: "hello",
} as const;

/** What is logged while `act` emits. */
async function logOf(
  act: (events: EventEmitter) => void,
  options: Partial<LoggerOptions> & { stream?: MemoryStream } = {},
): Promise<string> {
  const events = new EventEmitter();
  const stream = options.stream ?? new MemoryStream();
  const logger = await attachLogger(events, {
    logLevel: "info",
    logFormat: "text",
    accessLog: "off",
    ...options,
    stream,
  });
  act(events);
  await logger.close();
  return stream.text;
}

const ACCESS = {
  type: "access",
  at: Date.UTC(2026, 10, 7, 10, 19, 9, 999),
  requestId: "r1",
  clientAddress: "10.0.0.1",
  method: "GET",
  target: "/",
  status: 200,
  workerId: 0,
  bytesOut: 0,
  durationMs: 1,
  protocol: "HTTP/1.1",
  referer: null,
  userAgent: null,
  traceId: null,
  attempts: 1,
  queueWaitMs: 0,
  upstreamMs: 0.5,
} as const;

const TURNED_AWAY = {
  type: "exchange-failed",
  requestId: "r1",
  workerId: null,
  status: 503,
  source: "internal",
  method: "GET",
  target: "/",
  code: "queue-full",
  message: "Too many requests are waiting for a worker",
  note: null,
  setting: "MAX_QUEUE",
  attempts: 0,
} as const;

const FAILED_START = {
  type: "worker-start-failed",
  workerId: 0,
  pid: 4711,
  port: 8081,
  generation: 1,
  command: ["node", "missing.js"],
  reason: "exited with code 1",
  status: { code: 1, signal: null },
  lastOutput: ["first", "second"],
  retryInMs: 0,
} as const;

Deno.test("a text line has time, level and message, and what belongs to it is indented", async () => {
  const log = await logOf((events) => {
    events.emit({ type: "notice", level: "warning", message: "Beware." });
    events.emit(FAILED_START);
  });
  assert.match(
    log,
    /^\d{4}-\d\d-\d\dT[\d:.]+Z WRN Beware\.\n\S+ ERR worker 0 could not .*\n {4}command: node missing\.js\n {4}first\n {4}second\n$/,
  );
});

Deno.test("a terminal gets the time of day alone", async () => {
  const stream = new MemoryStream(true);
  const log = await logOf((events) => {
    events.emit({ type: "notice", level: "info", message: "Hello." });
  }, { stream });
  const visible = stripVTControlCharacters(log);
  assert.match(visible, /^\d\d:\d\d:\d\d\.\d{3} INF Hello\.\n$/);
  assert.equal(visible !== log, !Deno.noColor);
});

Deno.test("a worker's output is taken literally, and cannot move the cursor", async () => {
  const log = await logOf((events) => {
    const line = "{event} 100% \x1b[2J";
    events.emit({ ...OUTPUT, line });
  });
  assert.match(log, / INF \[worker 3\] \{event\} 100% .+\n$/);
  assert(!log.includes("\x1b"));
});

Deno.test("a JSON line has time, level, event and message beside the event's own fields", async () => {
  const log = await logOf((events) => {
    events.emit(FAILED_START);
    events.emit({ type: "notice", level: "info", message: "Hello." });
  }, { logFormat: "json" });
  const [failed, notice, end] = log.split("\n");
  assert.equal(end, "");
  const { timestamp, level, event, message, ...fields } = JSON.parse(failed!);
  assert.equal(new Date(timestamp).toISOString(), timestamp);
  assert.deepEqual([level, event], ["error", "worker-start-failed"]);
  assert.match(message, /^worker 0 could not be started/);
  const { type: _, ...expected } = FAILED_START;
  assert.deepEqual(fields, expected);
  assert.equal(JSON.parse(notice!).message, "Hello.");
});

Deno.test("less important events than logLevel are left out", async () => {
  const log = await logOf((events) => {
    events.emit({ type: "notice", level: "info", message: "Not this." });
    events.emit({ type: "notice", level: "warning", message: "This." });
  }, { logLevel: "warning" });
  assert.match(log, /^\S+ WRN This\.\n$/);
});

Deno.test("requests are logged only when asked for", async () => {
  const emit = (events: EventEmitter): void => {
    assert.equal(events.wantsAccess, false);
    events.emit(ACCESS);
  };
  assert.equal(await logOf(emit), "");
  const log = await logOf((events) => events.emit(ACCESS), { accessLog: "on" });
  assert.match(log, / INF 10\.0\.0\.1 GET \/ 200 /);
});

Deno.test("the access log has a format of its own where one is set, beside the others' lines", async () => {
  const emit = (events: EventEmitter): void => {
    events.emit({ type: "notice", level: "info", message: "Hello." });
    events.emit(ACCESS);
  };
  const combined = await logOf(emit, { accessLog: "combined" });
  assert.match(combined, / INF Hello\.\n10\.0\.0\.1 - - \[.*"GET \/ HTTP/);
  const json = await logOf(emit, { accessLog: "json" });
  const [, line = ""] = json.split("\n");
  const { timestamp, level, event, message, ...fields } = JSON.parse(line);
  // When it was over, and not when that was told.
  assert.equal(timestamp, "2026-11-07T10:19:09.999Z");
  assert.deepEqual([level, event], ["info", "access"]);
  assert.match(message, /^10\.0\.0\.1 GET \/ 200 /);
  const { type: _type, at: _at, ...expected } = ACCESS;
  assert.deepEqual(fields, expected);
});

Deno.test("requests inform: nobody is asked for them where that is not logged", async () => {
  const emit = (events: EventEmitter): void => {
    assert.equal(events.wantsAccess, false);
  };
  await logOf(emit, { accessLog: "on", logLevel: "warning" });
});

Deno.test("lines of requests have their priority in front where the others have", async () => {
  for (const accessLog of ["on", "json", "combined"] as const) {
    const log = await logOf((events) => events.emit(ACCESS), {
      accessLog,
      logFormat: "journal",
    });
    assert.match(log, /^<6>(?!<).*10\.0\.0\.1.*\n$/);
  }
});

Deno.test("nothing is logged once closed", async () => {
  const stream = new MemoryStream();
  let events = new EventEmitter();
  await logOf((emitter) => events = emitter, { stream });
  events.emit({ type: "notice", level: "error", message: "Late." });
  assert.equal(stream.text, "");
});

/** A child that floods its stderr, up to the point where it says it is alive. */
async function startFlood(): Promise<{
  child: Deno.ChildProcess;
  nextWord: () => Promise<string | undefined>;
}> {
  const program = import.meta.resolve("./flooding_child.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", program, String(FLOOD_LINES)],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // A child that hangs is the defect looked for: it must not hang the test.
  const timer = setTimeout(() => child.kill("SIGKILL"), CHILD_TIMEOUT_MS);
  child.status.then(() => clearTimeout(timer));
  const words = child.stdout.pipeThrough(new TextDecoderStream()).values();
  const nextWord = async (): Promise<string | undefined> => {
    const { value } = await words.next();
    return value?.trim();
  };
  assert.equal(await nextWord(), "alive");
  return { child, nextWord };
}

Deno.test("a log that nobody reads holds nothing up, and tells later what it lost", async () => {
  const { child, nextWord } = await startFlood();
  const parts: string[] = [];
  let end = "";
  let closing = false;
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    parts.push(part);
    end = (end + part).slice(-200);
    // All of it has been read: to close it takes no time, on any machine.
    if (closing || !/ log lines dropped: .*\n$/.test(end)) continue;
    closing = true;
    await child.stdin.close();
  }
  assert.equal(await nextWord(), "closed");
  assert.equal(await nextWord(), undefined);
  assert.equal((await child.status).code, 0);
  const log = parts.join("");
  const dropped = Number(/ WRN (\d+) log lines dropped/.exec(log)?.[1]);
  const logged = [...log.matchAll(/\[worker 1\] line/g)].length;
  assert(dropped > 0);
  assert.equal(logged + dropped, FLOOD_LINES);
  assert.match(log, / INF last words\n$|last words\n.* dropped/);
});

Deno.test("closing gives up on a log that nobody ever reads", async () => {
  const { child, nextWord } = await startFlood();
  await child.stdin.close();
  assert.equal(await nextWord(), "closed");
  assert.equal(await nextWord(), undefined);
  assert.equal((await child.status).code, 0);
  await child.stderr.cancel();
});

Deno.test("a log whose reader has gone does no harm", async () => {
  const { child, nextWord } = await startFlood();
  await child.stderr.cancel();
  await child.stdin.close();
  assert.equal(await nextWord(), "closed");
  assert.equal(await nextWord(), undefined);
  assert.equal((await child.status).code, 0);
});

Deno.test("requests that fail for one reason in great numbers are logged up to 100, and then counted", async () => {
  const log = await logOf((events) => {
    for (let i = 1; i <= 5000; i++) {
      events.emit({ ...TURNED_AWAY, requestId: `r${i}` });
    }
    events.emit({ ...TURNED_AWAY, code: "upstream-closed", requestId: "else" });
  });
  const lines = log.trimEnd().split("\n");
  assert.equal(lines.length, 102);
  assert.match(lines[99]!, / request r100, /);
  assert.match(lines[100]!, / request else, /);
  assert.match(
    lines[101]!,
    / ERR 4900 requests more have failed within 10\.0 s, the last one r5000: Too many requests are waiting for a worker; change MAX_QUEUE$/,
  );
});

Deno.test("a log for programs has each request that fails", async () => {
  const log = await logOf((events) => {
    for (let i = 0; i < 200; i++) events.emit(TURNED_AWAY);
  }, { logFormat: "json" });
  assert.equal(log.trimEnd().split("\n").length, 200);
});
