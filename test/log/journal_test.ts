/** Lines for systemd's journal. */

import assert from "node:assert/strict";
import { fstatSync } from "node:fs";
import { EventEmitter, type WorkerOutputEvent } from "../../src/events/mod.ts";
import {
  attachLogger,
  type LoggerOptions,
} from "../../src/log/attach_logger.ts";
import { isJournal, withPriority } from "../../src/log/journal.ts";

/** JOURNAL_STREAM as systemd sets it for a process with our stderr. */
function ownStream(): string {
  const { dev, ino } = fstatSync(2);
  return `${dev}:${ino}`;
}

/** What is logged of a warning with a detail, an entry and a worker's lines. */
async function logOf(
  options: Partial<LoggerOptions>,
  lines: readonly string[] = [],
): Promise<string> {
  const events = new EventEmitter();
  let text = "";
  const logger = await attachLogger(events, {
    logLevel: "info",
    logFormat: "auto",
    accessLog: "off",
    ...options,
    stream: {
      write: (bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
      isTerminal: () => false,
    },
  });
  for (const level of ["info", "warning", "error"] as const) {
    events.emit({ type: "notice", level, message: `It is ${level}.` });
  }
  for (const line of lines) {
    const event: WorkerOutputEvent = {
      type: "worker-output",
      workerId: 3,
      pid: 4711,
      stream: "stderr",
      line,
    };
    events.emit(event);
  }
  await logger.close();
  return text;
}

Deno.test("a log that goes to the journal has priorities, and neither time nor level of its own", async () => {
  const expected = "<6>It is info.\n" +
    "<4>It is warning.\n<3>It is error.\n";
  assert.equal(await logOf({ journalStream: ownStream() }), expected);
  assert.equal(await logOf({ logFormat: "journal" }), expected);
});

Deno.test("a log that goes anywhere else is text, though systemd has started the program", async () => {
  for (const journalStream of [undefined, "", "8:1"]) {
    const log = await logOf({ journalStream });
    assert.match(log, /^\d{4}-\S+ INF It is info\.\n/);
    assert.doesNotMatch(log, /</);
  }
});

Deno.test("what is asked for is written in the journal too, with its priority in front", async () => {
  const journalStream = ownStream();
  const text = await logOf({ journalStream, logFormat: "text" });
  assert.match(text, /^<4>\d{4}-\S+ WRN It is warning\.$/m);
  const json = await logOf({ journalStream, logFormat: "json" }, ["hello"]);
  assert.match(json, /^<4>\{.*"message":"It is warning\."/m);
  const [, last = ""] = /^<6>(\{.*"worker-output".*\})$/m.exec(json) ?? [];
  assert.equal(JSON.parse(last).line, "hello");
});

Deno.test("a worker's line informs, unless it brings a priority of its own", async () => {
  const lines = [
    "hello",
    "<4>the disk is nearly full",
    "<9>no priority",
    "<3>",
  ];
  const log = await logOf({ logFormat: "journal", logLevel: "error" }, lines);
  assert.deepEqual(
    log.trimEnd().split("\n").slice(1),
    [
      "<6>[worker 3] hello",
      "<4>[worker 3] the disk is nearly full",
      "<6>[worker 3] <9>no priority",
      "<3>[worker 3] ",
    ].map((line) => line.trimEnd()),
  );
});

Deno.test("every line of an entry has its priority", () => {
  assert.equal(
    withPriority("error", "It failed\n    here\n\n    and there\n"),
    "<3>It failed\n<3>    here\n\n<3>    and there\n",
  );
});

Deno.test("the journal is told by the very file that systemd has given", () => {
  assert.ok(isJournal(ownStream()));
  for (const other of [undefined, "", "0:0", "journal"]) {
    assert.ok(!isJournal(other));
  }
});
