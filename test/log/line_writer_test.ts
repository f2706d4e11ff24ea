import assert from "node:assert/strict";
import { type ByteSink, LineWriter } from "../../src/log/line_writer.ts";

/** Takes bytes only when it is told to. */
class GatedSink implements ByteSink {
  readonly writes: string[] = [];
  /** Bytes taken by one write. */
  appetite = Infinity;
  #gate = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate.promise;
    const taken = bytes.slice(0, this.appetite);
    this.writes.push(new TextDecoder().decode(taken));
    return taken.length;
  }

  open(): void {
    this.#gate.resolve();
  }

  fail(error: Error): void {
    this.#gate.reject(error);
  }
}

const FLUSH_MS = 10_000;
const droppedLine = (count: number): string => `(${count} dropped)\n`;

Deno.test("lines of the same turn go out in one write, in order", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { droppedLine });
  sink.open();
  writer.write("a\n");
  writer.write("b\n");
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.deepEqual(sink.writes, ["a\nb\n"]);
  writer.write("c\n");
  await writer.flush(FLUSH_MS);
  assert.deepEqual(sink.writes, ["a\nb\n", "c\n"]);
});

Deno.test("what one write does not take goes into the next", async () => {
  const sink = new GatedSink();
  sink.appetite = 3;
  sink.open();
  const writer = new LineWriter(sink, { droppedLine });
  writer.write("gr\u00fcezi\n");
  await writer.flush(FLUSH_MS);
  assert(sink.writes.length > 1);
  const writer2 = new LineWriter(sink, { droppedLine });
  sink.writes.length = 0;
  writer2.write("abcdefg\n");
  await writer2.flush(FLUSH_MS);
  assert.deepEqual(sink.writes, ["abc", "def", "g\n"]);
});

Deno.test("a full queue drops lines, and tells how many once there is room", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { maxQueuedChars: 6, droppedLine });
  for (const line of ["aa\n", "bb\n", "cc\n", "dd\n"]) writer.write(line);
  sink.open();
  await writer.flush(FLUSH_MS);
  assert.equal(sink.writes.join(""), "aa\nbb\n(2 dropped)\n");
  writer.write("ee\n");
  await writer.flush(FLUSH_MS);
  assert.equal(sink.writes.at(-1), "ee\n");
});

Deno.test("a flush gives up at its deadline, and what waits is still written later", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { droppedLine });
  writer.write("a\n");
  assert.equal(await writer.flush(1), false);
  sink.open();
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.deepEqual(sink.writes, ["a\n"]);
});

Deno.test("a reader that has gone is no error, and nothing is kept for it", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { droppedLine });
  writer.write("a\n");
  sink.fail(new Deno.errors.BrokenPipe("gone"));
  assert.equal(await writer.flush(FLUSH_MS), true);
  writer.write("b\n");
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.deepEqual(sink.writes, []);
});

Deno.test("a stream that would block is tried again", async () => {
  const written: Uint8Array[] = [];
  let attempts = 0;
  const sink: ByteSink = {
    write(bytes): Promise<number> {
      if (++attempts < 3) return Promise.reject(new Deno.errors.WouldBlock());
      written.push(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  const writer = new LineWriter(sink, { droppedLine });
  writer.write("a\n");
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.equal(written.length, 1);
  assert.equal(attempts, 3);
});
