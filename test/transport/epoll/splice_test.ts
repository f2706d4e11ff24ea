/** Content that goes from one connection on epoll to another in a pipe. */

import assert from "node:assert/strict";
import type { Link } from "../../../src/proxy/core/link.ts";
import { ERRNO } from "../../../src/transport/epoll/abi.ts";
import { concatBytes, type RawSocket } from "../../support/raw_socket.ts";
import { LoopStand, Recorded } from "./loop_stand.ts";

/** More than a pipe and all buffers between two sockets hold. */
const LONG_BYTES = 10 * 1024 * 1024;

const CONTENT = Uint8Array.from(
  { length: 1000 },
  (_, i) => 33 + (i ^ (i >> 8)) % 90,
);

/** Two links, each with its peer. */
async function two(stand: LoopStand): Promise<{
  source: Relayed;
  sender: RawSocket;
  receiver: RawSocket;
}> {
  const from = await stand.pair();
  const to = await stand.pair();
  const source = new Relayed(from.recorded.link, to.recorded.link);
  return { source, sender: from.peer, receiver: to.peer };
}

/** Passes on what comes unseen, and records what does not. */
class Relayed extends Recorded {
  readonly sink: Link;
  /** Octets that came unseen, each time. */
  readonly unseen: number[] = [];
  /** How many more may. */
  ahead = 0;

  constructor(source: Recorded["link"], sink: Link) {
    super(source);
    this.sink = sink;
    sink.handler = {
      onData: (): void => {},
      onEnd: (): void => {},
      onWritten: (_link, written): void => {
        super.onWritten(sink, written);
        if (written) this.resume();
      },
    };
  }

  resume(): void {
    this.link.unseen = this.ahead;
    this.link.resume();
  }

  override onData(link: Link): void {
    const piped = this.link.takePiped();
    if (piped === null) return super.onData(link);
    this.unseen.push(piped.length);
    this.ahead -= piped.length;
    const result = this.sink.splicing!.writePiped(piped);
    if (result === "pending") link.pause();
    else this.resume();
  }
}

/** Reads so many octets. */
async function read(peer: RawSocket, count: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const part = await peer.read();
    assert.ok(part !== null, `ended after ${length} octets`);
    parts.push(part);
    length += part.length;
  }
  return concatBytes(...parts);
}

Deno.test("so many octets as need not be seen go on in a pipe, and the next are in the input", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = 900;
  source.resume();
  await sender.write(CONTENT);
  await stand.until(() => source.count === 100, "what follows");
  assert.deepEqual(source.unseen, [900]);
  assert.deepEqual(await read(receiver, 900), CONTENT.slice(0, 900));
  assert.equal(source.text, new TextDecoder().decode(CONTENT.slice(900)));
  await sender.close();
  await receiver.close();
});

Deno.test("without a descriptor for a pipe, the permission, or a way past urgent data, all is in the input", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = 3000;
  source.resume();
  stand.libc.failNext("pipe2", ERRNO.EMFILE);
  await sender.write(CONTENT);
  await stand.until(() => source.count === 1000, "without a pipe");
  for (const errno of [ERRNO.EPERM, ERRNO.EAGAIN]) {
    stand.libc.interference = (name) => name === "splice" ? errno : 0;
    const { count } = source;
    source.resume();
    await sender.write(CONTENT);
    await stand.until(() => source.count === count + 1000, `${errno}`);
  }
  assert.deepEqual(source.unseen, []);
  await sender.close();
  await receiver.close();
});

Deno.test("once octets were seen, none is left unseen that nobody has asked for anew", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = 1000;
  stand.libc.failNext("pipe2", ERRNO.EMFILE);
  source.resume();
  await sender.write(CONTENT);
  await stand.until(() => source.count === 1000, "what was ahead");
  await sender.write(CONTENT);
  await stand.until(() => source.count === 2000, "what follows");
  assert.deepEqual(source.unseen, []);
  await sender.close();
  await receiver.close();
});

Deno.test("a connection that breaks while its content goes on unseen has not ended in order", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = Infinity;
  source.resume();
  await sender.write(CONTENT);
  await read(receiver, CONTENT.length);
  await sender.reset();
  await stand.until(() => source.link.ended, "the end");
  assert.ok(source.events.includes("broken"));
  await receiver.close();
});

Deno.test("a splice that is told of a break before anybody else takes the error with it", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = Infinity;
  source.resume();
  stand.libc.interference = (name) => name === "splice" ? ERRNO.ECONNRESET : 0;
  await sender.write(CONTENT);
  await stand.until(() => source.link.ended, "the end");
  assert.deepEqual(source.events, ["broken"]);
  await sender.close();
  await receiver.close();
});

Deno.test("10 MB unseen to a slow reader: the sender is held, and all of it arrives", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.ahead = LONG_BYTES;
  source.resume();
  const sent = Uint8Array.from({ length: LONG_BYTES }, (_, i) => i ^ i >> 8);
  const sending = sender.write(sent);
  // Until neither the pipe nor the sockets take more.
  await stand.until(() => source.unseen.length > 0, "the first of it");
  await stand.turns(200);
  assert.ok(source.ahead > 0, "the reader takes nothing");
  const received = await read(receiver, LONG_BYTES);
  await sending;
  assert.ok(received.every((octet, i) => octet === sent[i]), "as it was sent");
  assert.ok(source.events.includes("written"));
  assert.equal(source.count, 0);
  await sender.close();
  await receiver.close();
});

Deno.test("what is in a pipe when either link is closed goes to nobody else", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  source.onData = (link) => link.pause();
  source.link.unseen = 1000;
  source.link.resume();
  await sender.write(CONTENT);
  // In the pipe, and taken by nobody.
  await stand.until(() => stand.libc.count("splice") > 0, "the pipe");
  source.link.close();
  const next = await two(stand);
  next.source.ahead = 1000;
  next.source.resume();
  await next.sender.write(CONTENT);
  assert.deepEqual(await read(next.receiver, 1000), CONTENT);
  const closed = next.source.sink as Recorded["link"];
  closed.close();
  next.source.ahead = 1000;
  next.source.resume();
  await next.sender.write(CONTENT);
  await stand.until(() => next.source.unseen.length === 2, "after the close");
  for (const peer of [sender, receiver, next.sender, next.receiver]) {
    await peer.close();
  }
});

Deno.test("pipes that nobody uses are closed", async () => {
  await using stand = new LoopStand();
  const { source, sender, receiver } = await two(stand);
  const before = stand.libc.open.size;
  source.ahead = 1000;
  source.resume();
  await sender.write(CONTENT);
  await read(receiver, 1000);
  assert.equal(stand.libc.open.size, before + 2);
  const now = stand.loop.now();
  stand.pipes.sweep(now);
  assert.equal(stand.libc.open.size, before + 2, "used of late");
  stand.pipes.sweep(now + 2_000);
  assert.equal(stand.libc.open.size, before);
  await sender.close();
  await receiver.close();
});

Deno.test("there are no more pipes than 64 at once", async () => {
  await using stand = new LoopStand();
  const pipes = Array.from({ length: 65 }, () => stand.pipes.take());
  assert.equal(pipes.filter((pipe) => pipe !== null).length, 64);
  assert.equal(pipes.at(-1), null);
  pipes[0]!.release();
  assert.notEqual(stand.pipes.take(), null);
  for (const pipe of pipes) pipe?.release();
});
