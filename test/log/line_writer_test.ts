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

/** Fails with `errors`, one write after the other, and then keeps what comes. */
class FailingSink implements ByteSink {
  text = "";
  readonly #errors: Error[];

  constructor(...errors: Error[]) {
    this.#errors = errors;
  }

  write(bytes: Uint8Array): Promise<number> {
    const error = this.#errors.shift();
    if (error !== undefined) return Promise.reject(error);
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

Deno.test("a disk that is full is tried again, nothing is lost, and the outage is told", async () => {
  const reason = "No space left on device (os error 28)";
  const sink = new FailingSink(new Error(reason), new Error(reason));
  const outages: string[] = [];
  const writer = new LineWriter(sink, {
    droppedLine: (count, outage) => `(${count} dropped: ${outage?.reason})\n`,
    onOutage: (reason) => outages.push(reason),
  });
  writer.write("a\n");
  writer.write("b\n");
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.equal(sink.text, `a\nb\n(0 dropped: ${reason})\n`);
  assert.deepEqual(outages, [reason]);
  writer.write("c\n");
  await writer.flush(FLUSH_MS);
  assert.match(sink.text, /\)\nc\n$/);
});

Deno.test("for a reader that has gone nothing is kept, and another one is told what is missing", async () => {
  const gone = new Deno.errors.BrokenPipe("gone");
  const sink = new FailingSink(gone, gone);
  const outages: string[] = [];
  const writer = new LineWriter(sink, {
    droppedLine: (count, outage) => `(${count} dropped: ${outage?.reason})\n`,
    onOutage: (reason) => outages.push(reason),
  });
  for (const lines of ["a\n", "b\nc\n", "d\n"]) {
    writer.write(lines);
    assert.equal(await writer.flush(FLUSH_MS), true);
  }
  assert.equal(sink.text, "d\n(3 dropped: gone)\n");
  assert.deepEqual(outages, ["gone"]);
});

Deno.test("an outage that lasts costs no more memory than the queue, and what was lost is told once", async () => {
  const sink = new FailingSink(new Error("full"));
  const writer = new LineWriter(sink, {
    maxQueuedChars: 100,
    droppedLine: (count, outage) => `(${count} dropped: ${outage?.reason})\n`,
  });
  for (let i = 0; i < 100; i++) writer.write("line\n");
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert.equal(sink.text, "line\n".repeat(20) + "(80 dropped: full)\n");
});

Deno.test("lines of which there are many leave room to those that matter", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { maxQueuedChars: 160, droppedLine });
  for (let i = 0; i < 100; i++) writer.writeBulk("bulk\n");
  writer.write("matters\n");
  sink.open();
  await writer.flush(FLUSH_MS);
  assert.equal(
    sink.writes.join(""),
    "bulk\n".repeat(30) + "matters\n(70 dropped)\n",
  );
});

Deno.test("a long queue is written in pieces, in order, with one gap for all that was lost", async () => {
  const sink = new GatedSink();
  const writer = new LineWriter(sink, { droppedLine });
  const line = (i: number): string => `${i} ${"x".repeat(100)}\n`;
  for (let i = 0; i < 300_000; i++) writer.writeBulk(line(i));
  sink.open();
  assert.equal(await writer.flush(FLUSH_MS), true);
  assert(sink.writes.length > 50);
  const written = sink.writes.join("").split("\n");
  const kept = written.findIndex((text) => text.startsWith("("));
  assert(kept > 100_000, "a burst is kept");
  written.slice(0, kept).forEach((text, i) =>
    assert(text.startsWith(`${i} `), text)
  );
  assert.deepEqual(written.slice(kept), [`(${300_000 - kept} dropped)`, ""]);
});
