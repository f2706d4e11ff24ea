/**
 * What workers write, taken apart into lines.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  KEPT_LINES,
  MAX_LINE_LENGTH,
  WorkerOutput,
} from "../../src/pool/worker_output.ts";

async function linesOf(
  ...chunks: readonly (string | Uint8Array)[]
): Promise<{ lines: string[]; output: WorkerOutput }> {
  const lines: string[] = [];
  const output = new WorkerOutput((_stream, line) => lines.push(line));
  const encoder = new TextEncoder();
  await output.drain(
    "stdout",
    ReadableStream.from(
      chunks.map((c) => typeof c === "string" ? encoder.encode(c) : c),
    ),
  );
  return { lines, output };
}

Deno.test("lines are the same however the bytes arrive", async () => {
  const text = "eins\r\n\nzwei, ähnlich\ndrei";
  const expected = ["eins", "", "zwei, ähnlich", "drei"];
  const bytes = new TextEncoder().encode(text);
  assert.deepEqual((await linesOf(text)).lines, expected);
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assert.deepEqual((await linesOf(...single)).lines, expected);
});

Deno.test("a line without end is cut into pieces", async () => {
  const { lines } = await linesOf("x".repeat(MAX_LINE_LENGTH * 2 + 5), "y\nz");
  assert.deepEqual(lines.map((line) => line.length), [
    MAX_LINE_LENGTH,
    MAX_LINE_LENGTH,
    6,
    1,
  ]);
});

Deno.test("bytes that are no UTF-8 do no harm", async () => {
  const { lines } = await linesOf(Uint8Array.of(0x61, 0xff, 0x0a, 0xc3));
  assert.deepEqual(lines, ["a\ufffd", "\ufffd"]);
});

Deno.test("the last lines are kept, oldest first", async () => {
  const all = Array.from({ length: KEPT_LINES + 5 }, (_, i) => `line ${i}`);
  const { output } = await linesOf(all.join("\n"));
  assert.deepEqual(output.lastLines, all.slice(5));
});

Deno.test("a pipe that breaks is the end of the output", async () => {
  const output = new WorkerOutput(() => {});
  await output.drain(
    "stderr",
    new ReadableStream({
      start(controller): void {
        controller.enqueue(new TextEncoder().encode("last words"));
      },
      pull(controller): void {
        controller.error(new Error("broken"));
      },
    }),
  );
  assert.deepEqual(output.lastLines, ["last words"]);
});

Deno.test("cancelling ends a pipe that nobody closes", async () => {
  const output = new WorkerOutput(() => {});
  const drained = output.drain("stdout", new ReadableStream());
  await output.cancel();
  await drained;
});
