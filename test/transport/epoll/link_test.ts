/** Connections on epoll: what the port of the data plane promises of them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Link, LinkHandler } from "../../../src/proxy/core/link.ts";
import { ERRNO } from "../../../src/transport/epoll/abi.ts";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import { concatBytes, isReset, RawSocket } from "../../support/raw_socket.ts";
import { LoopStand, Recorded } from "./loop_stand.ts";

const encoder = new TextEncoder();

/** More than all buffers between two sockets. */
const LONG_BYTES = 10 * 1024 * 1024;

/** Octets in which none is like its neighbours. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i ^ (i >> 8)) % 0xd0);
}

Deno.test("a link reports what comes, and the peer gets what is written", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.resume();
  await peer.write(encoder.encode("hello"));
  await stand.until(() => recorded.text === "hello", "what was sent");
  assert.equal(link.write(encoder.encode("world"), null), "written");
  assert.equal(new TextDecoder().decode((await peer.read())!), "world");
  link.close();
  assert.equal(await peer.read(), null);
  assert.deepEqual(recorded.events, ["data"]);
  await peer.close();
});

Deno.test("an idle link has no buffer", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.resume();
  await peer.write(encoder.encode("hello"));
  await stand.until(() => recorded.text === "hello", "what was sent");
  assert.equal(stand.buffers.taken.size, 0);
  await peer.close();
});

Deno.test("a paused link reports nothing, and leaves what is in its input where it is", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.resume();
  link.handler = {
    ...silent(),
    onData(link): void {
      link.pause();
    },
  };
  await peer.write(encoder.encode("first"));
  await stand.until(() => link.input.available === 5, "the first");
  link.handler = recorded;
  await peer.write(encoder.encode("second"));
  await stand.turns(10);
  assert.deepEqual(recorded.events, []);
  assert.equal(link.input.available, 5);
  link.resume();
  await stand.until(() => recorded.text === "firstsecond", "the second");
  await peer.close();
});

Deno.test("an event that nobody wants is not reported again and again", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  recorded.link.resume();
  recorded.link.pause();
  const before = stand.libc.count("epoll_ctl");
  await peer.write(encoder.encode("unwanted"));
  await stand.until(
    () => stand.libc.count("epoll_ctl") > before,
    "the interest taken off",
  );
  await stand.turns(10);
  assert.equal(stand.libc.count("epoll_ctl"), before + 1);
  recorded.link.resume();
  await stand.until(() => recorded.text === "unwanted", "what was sent");
  assert.equal(stand.libc.count("epoll_ctl"), before + 2);
  await peer.close();
});

Deno.test("a link that is watched takes in one read's worth unreported, and reports the end", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.watch(true);
  await peer.write(encoder.encode("early"));
  await stand.until(() => link.input.available === 5, "what was sent");
  await peer.write(encoder.encode("more"));
  await stand.turns(10);
  assert.equal(link.input.available, 5);
  assert.deepEqual(recorded.events, []);
  // What waits to be consumed may be being written from where it is.
  link.watch(true);
  await stand.turns(10);
  assert.equal(link.input.available, 5);
  link.input.start = link.input.end;
  link.watch(true);
  await stand.until(() => link.input.available === 4, "the rest");
  link.input.start = link.input.end;
  link.watch(true);
  await peer.closeWrite();
  await stand.until(() => recorded.events.length > 0, "the end");
  assert.deepEqual(recorded.events, ["end"]);
  await peer.close();
});

Deno.test("the end is reported once, after all data, and the link can still be written to", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  // More than one read, so that the end is there before the last of it.
  await peer.write(pattern(100_000));
  await peer.closeWrite();
  link.resume();
  await stand.until(() => link.ended, "the end");
  assert.equal(recorded.count, 100_000);
  assert.equal(recorded.events.filter((event) => event === "end").length, 1);
  assert.equal(recorded.events.at(-1), "end");
  assert.equal(link.failed, false);
  assert.equal(link.write(encoder.encode("late"), null), "written");
  link.endWrite();
  assert.equal(new TextDecoder().decode((await peer.read())!), "late");
  assert.equal(await peer.read(), null);
  await stand.turns(5);
  assert.equal(recorded.events.at(-1), "end");
  await peer.close();
});

Deno.test("our end can be ended while the peer goes on", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.resume();
  link.endWrite();
  assert.equal(await peer.read(), null);
  assert.equal(link.write(encoder.encode("x"), null), "failed");
  await peer.write(encoder.encode("still here"));
  await stand.until(() => recorded.text === "still here", "what was sent");
  await peer.closeWrite();
  await stand.until(() => link.ended, "the end");
  assert.deepEqual(recorded.events, ["data", "end"]);
  await peer.close();
});

Deno.test("a reset is reported as a broken connection, also while paused", async () => {
  for (const reading of ["resumed", "paused", "watched", "fresh"]) {
    await using stand = new LoopStand();
    const { recorded, peer } = await stand.pair();
    const { link } = recorded;
    if (reading !== "fresh") link.resume();
    if (reading === "paused") link.pause();
    if (reading === "watched") link.watch(false);
    await peer.reset();
    await stand.turns(5);
    // Nobody has asked for anything yet.
    if (reading === "fresh") link.resume();
    await stand.until(() => link.ended, `the reset, ${reading}`);
    assert.deepEqual(recorded.events, ["broken"], reading);
    assert.equal(link.failed, true);
    assert.equal(link.write(encoder.encode("x"), null), "failed");
    await stand.turns(1);
    // Or the loop would turn for it without a pause.
    link.onReady = () => assert.fail("It is watched, and nobody wants it");
    await stand.turns(5);
    assert.deepEqual(recorded.events, ["broken"], reading);
  }
});

Deno.test("what a worker has sent before a reset is reported before it", async () => {
  await using stand = new LoopStand();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const recorded = new Recorded(await stand.connect(port) as EpollLink);
  const peer = new RawSocket((await accepted)[0]);
  server.close();
  const { link } = recorded;
  link.resume();
  link.pause();
  await peer.write(encoder.encode("last words"));
  await peer.reset();
  await stand.turns(10);
  assert.deepEqual(recorded.events, []);
  link.resume();
  await stand.until(() => link.ended, "the reset");
  assert.deepEqual(recorded.events, ["data", "broken"]);
  assert.equal(recorded.text, "last words");
});

Deno.test("a client's reset is reported at once, though nobody reads what it has sent", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.resume();
  link.pause();
  await peer.write(encoder.encode("part of a body"));
  await peer.reset();
  await stand.until(() => link.ended, "the reset");
  assert.deepEqual(recorded.events, ["broken"]);
});

Deno.test("10 MB to a slow reader are written in parts, and the octets stay as they are", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  const owned = stand.buffers.take(LONG_BYTES);
  owned.set(pattern(LONG_BYTES));
  const sent = owned.slice();
  assert.equal(link.write(owned, owned), "pending");
  await stand.turns(10);
  assert.deepEqual(recorded.events, []);
  assert.equal(link.write(encoder.encode("x"), null), "failed");
  link.endWrite();
  const parts: Uint8Array[] = [];
  for (let part; (part = await peer.read()) !== null;) parts.push(part);
  assert.deepEqual(recorded.events, ["written"]);
  assert.equal(stand.buffers.taken.has(owned), false);
  assert.ok(concatBytes(...parts).every((octet, i) => octet === sent[i]));
  await peer.close();
});

Deno.test("of a buffer the first octets are written, at once or in parts, and no others", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  const owned = stand.buffers.take(LONG_BYTES);
  owned.set(pattern(LONG_BYTES));
  const sent = owned.slice(0, LONG_BYTES / 2);
  assert.equal(link.write(encoder.encode("hello, world"), null, 5), "written");
  assert.equal(link.write(owned, owned, sent.length), "pending");
  link.endWrite();
  const parts: Uint8Array[] = [];
  for (let part; (part = await peer.read()) !== null;) parts.push(part);
  assert.deepEqual(recorded.events, ["written"]);
  const received = concatBytes(...parts);
  assert.equal(new TextDecoder().decode(received.subarray(0, 5)), "hello");
  assert.equal(received.length, 5 + sent.length);
  assert.ok(sent.every((octet, i) => octet === received[5 + i]));
  await peer.close();
});

Deno.test("what a peer takes shows before the kernel wants more", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  assert.equal(link.write(encoder.encode("hello"), null), "written");
  await stand.until(() => link.taken() === 5, "the acknowledgement");
  assert.equal(link.write(pattern(LONG_BYTES), null), "pending");
  await stand.turns(20);
  stand.libc.interference = (name) => name === "send" ? ERRNO.EAGAIN : 0;
  const before = link.taken();
  while (link.taken() === before) await peer.read();
  assert.ok(link.taken() < LONG_BYTES);
  assert.deepEqual(recorded.events, []);
  await peer.close();
});

Deno.test("a peer is told at once what has come of it, where somebody asks for that", async () => {
  await using stand = new LoopStand();
  const { port, accepted } = stand.listen();
  const near = new Recorded(await stand.connect(port) as EpollLink);
  await stand.until(() => accepted.length === 1, "the connection");
  const far = new Recorded(accepted[0]!);
  near.link.resume();
  far.link.resume();
  const sent = encoder.encode("hello");
  const pass = async (from: Recorded, to: Recorded): Promise<void> => {
    const due = to.count + sent.length;
    assert.equal(from.link.write(sent, null), "written");
    await stand.until(() => to.count === due, "what was sent");
  };
  // Where one answers the other, the kernel puts acknowledgements off.
  for (let turn = 0; turn < 20; turn++) {
    await pass(far, near);
    await pass(near, far);
  }
  await pass(far, near);
  near.link.acknowledge();
  assert.equal(far.link.taken(), 21 * sent.length);
  near.link.close();
  far.link.close();
});

Deno.test("a pending write fails when the peer goes, and its buffer is given back", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  const owned = stand.buffers.take(LONG_BYTES);
  assert.equal(link.write(owned, owned), "pending");
  await peer.reset();
  await stand.until(() => link.ended, "the reset");
  assert.deepEqual(recorded.events, ["not written", "broken"]);
  assert.equal(stand.buffers.taken.has(owned), false);
});

Deno.test("closing gives back a pending buffer, and calls nobody", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  const owned = stand.buffers.take(LONG_BYTES);
  link.resume();
  assert.equal(link.write(owned, owned), "pending");
  link.close();
  link.close();
  assert.equal(stand.buffers.taken.has(owned), false);
  assert.equal(link.write(encoder.encode("x"), null), "failed");
  link.resume();
  link.watch(false);
  link.pause();
  link.endWrite();
  link.finish();
  assert.ok(link.closed && link.ended);
  await stand.turns(5);
  assert.deepEqual(recorded.events, []);
  await peer.close();
});

Deno.test("finishing brings all that was written, though the peer has sent what nobody reads", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  await peer.write(pattern(200_000));
  const owned = stand.buffers.take(LONG_BYTES);
  assert.equal(link.write(owned, owned), "pending");
  link.finish();
  assert.ok(link.closed);
  let count = 0;
  for (let part; (part = await peer.read()) !== null;) count += part.length;
  assert.equal(count, LONG_BYTES);
  const open = stand.libc.open.size;
  await peer.close();
  await stand.until(() => stand.libc.open.size < open, "the close");
  assert.deepEqual(recorded.events, []);
});

Deno.test("finishing ends when the peer neither reads nor goes", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const open = stand.libc.open.size;
  assert.equal(
    recorded.link.write(new Uint8Array(LONG_BYTES), null),
    "pending",
  );
  recorded.link.finish();
  await stand.until(() => stand.libc.open.size < open, "the close");
  await peer.close();
});

Deno.test("a handler may close the link in each of its calls", async () => {
  for (const name of ["onData", "onEnd", "onWritten"] as const) {
    await using stand = new LoopStand();
    const { recorded, peer } = await stand.pair();
    const { link } = recorded;
    link.handler = {
      ...silent(),
      [name]: (link: Link): void => link.close(),
    };
    link.resume();
    if (name === "onWritten") link.write(new Uint8Array(LONG_BYTES), null);
    else await peer.write(encoder.encode("x"));
    if (name === "onEnd") await peer.closeWrite();
    while (await peer.read() !== null) { /* until it is closed */ }
    assert.ok(link.closed);
    await peer.close();
  }
});

Deno.test("a handler that throws ends its own link, and nothing else", async () => {
  await using stand = new LoopStand();
  const one = await stand.pair();
  const other = await stand.pair();
  const mistake = new Error("a mistake");
  one.recorded.link.handler = {
    ...silent(),
    onData(): void {
      throw mistake;
    },
  };
  one.recorded.link.resume();
  other.recorded.link.resume();
  await one.peer.write(encoder.encode("x"));
  await one.peer.read().catch((error) => assert.ok(isReset(error)));
  await other.peer.write(encoder.encode("x"));
  await stand.until(() => other.recorded.text === "x", "the other");
  assert.ok(one.recorded.link.closed);
  assert.deepEqual(stand.errors.splice(0), [mistake]);
  await one.peer.close();
  await other.peer.close();
});

Deno.test("a full input is left alone until somebody resumes", async () => {
  await using stand = new LoopStand();
  const { recorded, peer } = await stand.pair();
  const { link } = recorded;
  link.handler = silent();
  link.resume();
  await peer.write(pattern(20_000));
  await stand.until(() => link.input.full, "a full input");
  await stand.turns(5);
  const kept = link.input.available;
  link.handler = recorded;
  link.input.resize(32_768);
  link.resume();
  await stand.until(() => recorded.count === 20_000, "all of it");
  assert.ok(kept < 20_000);
  await peer.close();
});

Deno.test("two links at once: back-pressure holds a sender, and all of it arrives", async () => {
  await using stand = new LoopStand();
  const from = await stand.pair();
  const to = await stand.pair();
  pump(from.recorded.link, to.recorded.link, stand);
  const sent = pattern(LONG_BYTES);
  let sendingOver = false;
  const sending = from.peer.write(sent).then(() => sendingOver = true);
  await stand.turns(200);
  assert.equal(sendingOver, false, "nobody has read, and all was taken");
  const parts: Uint8Array[] = [];
  let count = 0;
  while (count < LONG_BYTES) {
    const part = (await to.peer.read())!;
    count += part.length;
    parts.push(part);
  }
  await sending;
  assert.ok(concatBytes(...parts).every((octet, i) => octet === sent[i]));
  await from.peer.close();
  await to.peer.close();
});

/** A handler that does nothing. */
function silent(): LinkHandler {
  return { onData: () => {}, onEnd: () => {}, onWritten: () => {} };
}

/** Passes on what comes from `source`, and never more than a buffer at a time. */
function pump(
  source: EpollLink,
  sink: EpollLink,
  { buffers }: LoopStand,
): void {
  source.handler = {
    ...silent(),
    onData({ input }): void {
      const length = input.available;
      const owned = buffers.take(length);
      owned.set(input.bytes.subarray(input.start, input.end));
      input.start = input.end;
      const result = sink.write(owned.subarray(0, length), owned);
      if (result === "pending") source.pause();
    },
  };
  sink.handler = { ...silent(), onWritten: () => source.resume() };
  source.resume();
}
