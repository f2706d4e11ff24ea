/**
 * What workers write: who gets it, what is dropped, and what is kept to
 * explain a failure.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Flood } from "../../src/pool/flood_watch.ts";
import { OutputScheduler } from "../../src/pool/output_scheduler.ts";
import {
  KEPT_LINES,
  type OutputStream,
  RECENT_LINES,
  WorkerOutput,
  type WorkerOutputDeps,
} from "../../src/pool/worker_output.ts";

const encoder = new TextEncoder();

/** Reads outputs to their end and keeps what came of them. */
class Reading {
  readonly lines: string[] = [];
  readonly floods: Flood[] = [];
  readonly output: WorkerOutput;
  dropped = 0;
  droppedBytes = 0;

  constructor(deps: Partial<WorkerOutputDeps> = {}) {
    this.output = new WorkerOutput({
      limits: { workerLogRate: 0, workerLogBytes: 0 },
      scheduler: new OutputScheduler(),
      onLine: (_stream, line) => this.lines.push(line),
      onFlood: {
        dropped: (lines, bytes) => {
          this.dropped += lines;
          this.droppedBytes += bytes;
        },
        flood: (flood) => this.floods.push(flood),
      },
      ...deps,
    });
  }

  async drain(
    chunks: readonly (string | Uint8Array)[],
    stream: OutputStream = "stdout",
  ): Promise<void> {
    await this.output.drain(
      stream,
      ReadableStream.from(
        chunks.map((c) => typeof c === "string" ? encoder.encode(c) : c),
      ),
    );
  }

  async end(): Promise<void> {
    await this.output.end(Promise.resolve());
  }
}

async function linesOf(
  ...chunks: readonly (string | Uint8Array)[]
): Promise<readonly string[]> {
  const reading = new Reading();
  await reading.drain(chunks);
  return reading.lines;
}

/** Numbered lines. */
function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `line ${i}`);
}

Deno.test("each line is handed on, the last one without an end too", async () => {
  assert.deepEqual(await linesOf("eins\r\n\nzw", "ei\ndrei"), [
    "eins",
    "",
    "zwei",
    "drei",
  ]);
});

Deno.test("bytes that are no UTF-8 do no harm", async () => {
  const lines = await linesOf(Uint8Array.of(0x61, 0xff, 0x0a, 0xc3));
  assert.deepEqual(lines, ["a\ufffd", "\ufffd"]);
});

Deno.test("the last lines are kept, oldest first", async () => {
  const all = numbered(KEPT_LINES + 5);
  const reading = new Reading();
  await reading.drain([all.join("\n")]);
  assert.deepEqual(reading.output.lastLines, all.slice(5));
});

Deno.test("the last lines are right when they are dropped, or nobody listens", async () => {
  const all = numbered(10_000);
  const text = all.join("\n");
  for (
    const deps of [
      { limits: { workerLogRate: 1, workerLogBytes: 0 } },
      { demand: (): "none" => "none" },
      { demand: (): "recent" => "recent" },
    ]
  ) {
    const reading = new Reading(deps);
    await reading.drain([text.slice(0, 50_001), text.slice(50_001)]);
    await reading.end();
    assert.deepEqual(reading.output.lastLines, all.slice(-KEPT_LINES));
  }
});

Deno.test("what went wrong is kept beside what is chatted", async () => {
  const reading = new Reading();
  await reading.drain(["Error: no database\n"], "stderr");
  await reading.drain([numbered(1000).join("\n")]);
  assert.equal(reading.output.lastLines.length, KEPT_LINES);
  assert.equal(reading.output.lastLines[0], "Error: no database");
});

Deno.test("lines beyond the budget are dropped and counted, each of them", async () => {
  const reading = new Reading({
    limits: { workerLogRate: 100, workerLogBytes: 0 },
    clock: () => 0,
  });
  const text = numbered(20_000).join("\n") + "\n";
  await reading.drain([text.slice(0, 12_345), text.slice(12_345)]);
  await reading.end();
  // Five seconds' worth, of which a tenth is stderr's.
  assert.deepEqual(reading.lines, numbered(450));
  assert.equal(reading.dropped, 20_000 - 450);
  assert.equal(
    reading.droppedBytes,
    text.length - (numbered(450).join("\n").length + 1),
  );
});

Deno.test("a flood is told when it begins and when it is over, not for each line", async () => {
  const reading = new Reading({
    limits: { workerLogRate: 1, workerLogBytes: 0 },
    clock: () => 0,
  });
  await reading.drain(Array.from({ length: 100 }, () => "\n".repeat(1000)));
  assert.deepEqual(reading.floods, [{ phase: "began" }]);
  await reading.end();
  assert.deepEqual(reading.floods.slice(1), [{
    phase: "ended",
    lines: reading.dropped,
    bytes: reading.droppedBytes,
    durationMs: 0,
  }]);
  assert.equal(reading.dropped + reading.lines.length, 100_000);
});

Deno.test("a line without end is held to the budget in bytes", async () => {
  const reading = new Reading({
    limits: { workerLogRate: 0, workerLogBytes: 100_000 },
    clock: () => 0,
  });
  await reading.drain(Array.from({ length: 64 }, () => "x".repeat(65_536)));
  await reading.end();
  const bytes = reading.lines.join("").length;
  assert.ok(bytes > 400_000 && bytes < 600_000, `${bytes}`);
  assert.equal(
    bytes + reading.droppedBytes - reading.dropped,
    64 * 65_536,
  );
});

Deno.test("who wants the recent lines only gets the last of many, and none counts as dropped", async () => {
  const reading = new Reading({
    demand: () => "recent",
    limits: { workerLogRate: 1, workerLogBytes: 0 },
  });
  const all = numbered(5_000);
  await reading.drain([all.join("\n") + "\n"]);
  assert.deepEqual(reading.lines, all.slice(-RECENT_LINES));
  assert.equal(reading.dropped, 0);
});

Deno.test("others get their turn between the slices of a burst", async () => {
  const reading = new Reading();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await reading.drain(["\n".repeat(200_000)]);
  clearInterval(timer);
  assert.equal(reading.lines.length, 200_000);
  console.error("turns", turns);
  console.error("turns", turns);
  assert.ok(turns > 5, `${turns}`);
});

Deno.test("a pipe that breaks is the end of the output", async () => {
  const { output } = new Reading();
  await output.drain(
    "stderr",
    new ReadableStream({
      start(controller): void {
        controller.enqueue(encoder.encode("last words"));
      },
      pull(controller): void {
        controller.error(new Error("broken"));
      },
    }),
  );
  assert.deepEqual(output.lastLines, ["last words"]);
});

Deno.test("what a process that is gone has written is read to its end", async () => {
  const reading = new Reading();
  const drained = reading.drain(["\n".repeat(50_000), "last words"]);
  await reading.output.end(drained);
  assert.equal(reading.lines.length, 50_001);
  assert.equal(reading.output.lastLines.at(-1), "last words");
});

Deno.test("a pipe that nobody closes is given up once its process is gone", async () => {
  const { output } = new Reading();
  await output.end(output.drain("stdout", new ReadableStream()));
});

Deno.test("a pipe that somebody else floods is given up once its process is gone", async () => {
  const reading = new Reading();
  let timer: ReturnType<typeof setInterval> | undefined;
  const flood = new ReadableStream<Uint8Array>({
    start(controller): void {
      timer = setInterval(() => controller.enqueue(encoder.encode("y\n")), 1);
    },
    cancel: () => clearInterval(timer),
  });
  await reading.output.end(reading.output.drain("stdout", flood));
});

Deno.test("what comes while there is no turn to read is not taken for silence", async () => {
  const reading = new Reading();
  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const ended = reading.output.end(reading.output.drain("stdout", readable));
  setTimeout(async () => {
    await writer.write(encoder.encode("last words\n"));
    await writer.close();
  }, 120);
  // Both are due by then, the end of the silence first.
  const until = performance.now() + 200;
  while (performance.now() < until);
  await ended;
  assert.deepEqual(reading.lines, ["last words"]);
});

Deno.test("what waits for its turn as its process ends is read at once", async () => {
  const waits = Promise.withResolvers<void>();
  class Full extends OutputScheduler {
    override run(slice: () => number): Promise<void> {
      waits.resolve();
      return super.run(slice);
    }
  }
  // Nobody is ever called back: it is never anybody's turn.
  const scheduler = new Full({ clock: () => 0, later: () => {} });
  scheduler.runNow(() => 1e9);
  const reading = new Reading({ scheduler });
  const drained = reading.drain(["last ", "words"]);
  await waits.promise;
  await reading.output.end(drained);
  assert.deepEqual(reading.lines, ["last words"]);
});

Deno.test("what others write once its process is gone is read in turn", async () => {
  let outOfTurn = 0;
  class Watched extends OutputScheduler {
    override runNow(slice: () => number): void {
      super.runNow(() => {
        const bytes = slice();
        outOfTurn += bytes;
        return bytes;
      });
    }
  }
  const chunk = encoder.encode("y\n".repeat(32_768));
  const flood = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(chunk),
  });
  const { output } = new Reading({ scheduler: new Watched() });
  await output.end(output.drain("stdout", flood));
  assert.ok(outOfTurn > 0 && outOfTurn <= 2 * 1024 * 1024, `${outOfTurn}`);
});
