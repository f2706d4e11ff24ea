/**
 * A program for the test beside it: logs far more than a pipe holds, proves
 * on stdout that its event loop still turns, and stops when told to on stdin.
 */

import { EventEmitter } from "../../src/events/mod.ts";
import { attachLogger } from "../../src/log/attach_logger.ts";

/** Turns of the event loop, by timers, that show it is not frozen. */
const TURNS = 10;

const lines = Number(Deno.args[0]);
const events = new EventEmitter();
const logger = await attachLogger(events, {
  logLevel: "info",
  logFormat: "text",
  accessLog: "off",
});

function emit(line: string): void {
  events.emit({
    type: "worker-output",
    workerId: 1,
    pid: 4711,
    stream: "stdout",
    line,
  });
}

async function say(word: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${word}\n`));
}

for (let i = 0; i < lines; i++) emit(`line ${i} ${"x".repeat(80)}`);
// What matters has a place in the queue, however many lines there are.
events.emit({ type: "notice", level: "info", message: "last words" });
for (let i = 0; i < TURNS; i++) {
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await say("alive");
await Deno.stdin.read(new Uint8Array(1));
await logger.close();
await say("closed");
// A write that nobody reads would keep the process alive.
Deno.exit(0);
