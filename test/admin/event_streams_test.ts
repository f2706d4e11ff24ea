/** What listeners get to read, and what becomes of those that do not. */

import assert from "node:assert/strict";
import { EventStreams } from "../../src/admin/event_streams.ts";
import { EventEmitter, type PoolEvent } from "../../src/events/mod.ts";

/** A heartbeat that no test waits for. */
const NEVER_MS = 2 ** 30;

interface Fixture extends Disposable {
  readonly events: EventEmitter;
  readonly streams: EventStreams;
  /** Lets something happen. */
  readonly tell: (message: string) => void;
}

function start(heartbeatMs: number = NEVER_MS): Fixture {
  const events = new EventEmitter();
  const streams = new EventStreams(events, heartbeatMs);
  return {
    events,
    streams,
    tell: (message) => events.emit({ type: "notice", level: "info", message }),
    [Symbol.dispose]: () => streams.close(),
  };
}

/** Everything up to the end of the stream. */
async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>)
    .text();
}

/** Reads until `wanted` has come. */
async function readUntil(
  stream: ReadableStream<Uint8Array>,
  wanted: string,
): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    text += decoder.decode(bytes);
    if (text.includes(wanted)) break;
  }
  return text;
}

/** The messages of the events in a text. */
function messagesIn(text: string): readonly string[] {
  return [...text.matchAll(/^data: (.*)$/gm)]
    .map(([, data]) => JSON.parse(data!).message);
}

Deno.test("an event is a message with a number, its type and its fields", async () => {
  using fixture = start();
  const stream = fixture.streams.open(Infinity);
  fixture.tell("two\nlines");
  fixture.streams.close();
  const [greeting, message] = (await readAll(stream)).split("\n\n");
  assert.equal(greeting, "retry: 2000");
  const [id, type, data, ...more] = message!.split("\n");
  assert.deepEqual([id, type, more], ["id: 1", "event: notice", []]);
  const { time, ...fields } = JSON.parse(data!.replace(/^data: /, ""));
  assert.deepEqual(fields, {
    type: "notice",
    level: "info",
    summary: "two\nlines",
    message: "two\nlines",
  });
  assert.equal(new Date(time).toISOString(), time);
});

Deno.test("everyone who listens gets every event; who comes later, the later ones", async () => {
  using fixture = start();
  const first = fixture.streams.open(Infinity);
  fixture.tell("a");
  const second = fixture.streams.open(Infinity);
  fixture.tell("b");
  fixture.streams.close();
  assert.deepEqual(messagesIn(await readAll(first)), ["a", "b"]);
  assert.deepEqual(messagesIn(await readAll(second)), ["b"]);
});

Deno.test("who names the last event it knows gets what it has missed, and nothing twice", async () => {
  using fixture = start();
  for (const message of ["a", "b", "c"]) fixture.tell(message);
  const stream = fixture.streams.open(1);
  fixture.tell("d");
  fixture.streams.close();
  const text = await readAll(stream);
  assert.deepEqual(messagesIn(text), ["b", "c", "d"]);
  assert.deepEqual(text.match(/^id: \d+$/gm), ["id: 2", "id: 3", "id: 4"]);
});

Deno.test("a hundred events are kept for those who come back", async () => {
  using fixture = start();
  for (let i = 1; i <= 250; i++) fixture.tell(`${i}`);
  const stream = fixture.streams.open(0);
  fixture.streams.close();
  const messages = messagesIn(await readAll(stream));
  assert.equal(messages.length, 100);
  assert.deepEqual([messages.at(0), messages.at(-1)], ["151", "250"]);
});

Deno.test("a listener that does not keep up is told so and let go; others stay", async () => {
  using fixture = start();
  const slow = fixture.streams.open(Infinity);
  const quick = fixture.streams.open(Infinity).getReader();
  await quick.read();
  for (let i = 0; i < 1000; i++) {
    fixture.tell(`${i}`);
    await quick.read();
  }
  const text = await readAll(slow);
  assert.match(text, /event: dropped\ndata: [^\n]+\n\n$/);
  const count = messagesIn(text).length;
  assert.ok(count > 100 && count <= 500, `${count} messages were held back`);
  fixture.tell("still there");
  const { value } = await quick.read();
  assert.match(new TextDecoder().decode(value), /still there/);
  await quick.cancel();
});

Deno.test("silence is broken by a comment", async () => {
  using fixture = start(10);
  const text = await readUntil(fixture.streams.open(Infinity), ": still here");
  assert.match(text, /\n\n: still here\n\n$/);
});

Deno.test("who has left is told nothing more, and keeps no timer running", async () => {
  const { streams, tell } = start(10);
  await streams.open(Infinity).cancel();
  tell("nobody hears this");
  // A timer that is left fails the test.
});

Deno.test("when all streams are closed, nothing is taken in any more", async () => {
  const { streams, events, tell } = start();
  const stream = streams.open(Infinity);
  streams.close();
  tell("too late");
  assert.deepEqual(messagesIn(await readAll(stream)), []);
  assert.equal(events.wantsAccess, false);
});

/** A line that a worker writes. */
function output(line: string, workerId = 0): PoolEvent {
  return { type: "worker-output", workerId, pid: 1, stream: "stdout", line };
}

Deno.test("a worker that writes much does not push out the last lines of another", async () => {
  using fixture = start();
  fixture.events.emit(output("the last words of worker 1", 1));
  for (let i = 0; i < 1000; i++) fixture.events.emit(output(`${i}`));
  const stream = fixture.streams.open(0);
  fixture.streams.close();
  const lines = [...(await readAll(stream)).matchAll(/"line":"([^"]+)"/g)]
    .map(([, line]) => line);
  assert.equal(lines.length, 200);
  assert.equal(lines[0], "the last words of worker 1");
});

Deno.test("what an application writes does not push out what was decided", async () => {
  using fixture = start();
  for (const message of ["a", "b"]) fixture.tell(message);
  for (let i = 0; i < 1000; i++) fixture.events.emit(output(`${i}`));
  fixture.tell("c");
  const stream = fixture.streams.open(0);
  fixture.streams.close();
  const text = await readAll(stream);
  const types = [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  assert.equal(types.length, 203);
  assert.deepEqual([types[0], types[1], types[202]], [
    "notice",
    "notice",
    "notice",
  ]);
  const lines = [...text.matchAll(/"line":"(\d+)"/g)].map(([, line]) => line);
  assert.deepEqual([lines.length, lines[0], lines[199]], [200, "800", "999"]);
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
});

Deno.test("nobody is let go because of what an application writes; lines left out are counted", async () => {
  using fixture = start();
  const reader = fixture.streams.open(Infinity).getReader();
  for (let i = 0; i < 10_000; i++) fixture.events.emit(output(`${i}`));
  fixture.tell("decided");
  let text = "";
  const read = async (): Promise<void> => {
    const { value } = await reader.read();
    text += new TextDecoder().decode(value);
  };
  while (!text.includes("decided")) await read();
  fixture.events.emit(output("last"));
  while (!text.includes('"last"')) await read();
  const skipped = Number(
    /event: lines-skipped\ndata: \{"lines":(\d+)\}/.exec(text)?.[1],
  );
  const lines = [...text.matchAll(/"line":/g)].length;
  assert.equal(lines + skipped, 10_001);
  assert.doesNotMatch(text, /event: dropped/);
  await reader.cancel();
});

Deno.test("all lines are asked for only while somebody listens", async () => {
  using fixture = start();
  assert.equal(fixture.events.outputDemand, "recent");
  const stream = fixture.streams.open(Infinity);
  assert.equal(fixture.events.outputDemand, "all");
  await stream.cancel();
  assert.equal(fixture.events.outputDemand, "recent");
  fixture.streams.close();
  assert.equal(fixture.events.outputDemand, "none");
});

Deno.test("a stream that does not follow ends with what is kept", async () => {
  using fixture = start();
  for (const message of ["a", "b", "c"]) fixture.tell(message);
  const stream = fixture.streams.open(1, { follow: false });
  fixture.tell("d");
  assert.deepEqual(messagesIn(await readAll(stream)), ["b", "c"]);
});
