/**
 * Servers on a loop that do at random whatever the port permits, and clients
 * that do what clients do. What comes is always known: octet `i` of stream
 * `s` is `octetOf(s, i)`, and no octet is that of a buffer given back.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  Cancellable,
  Link,
  LinkHandler,
} from "../../../src/proxy/core/link.ts";
import { ERRNO } from "../../../src/transport/epoll/abi.ts";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import type { Random } from "../../fuzz/random.ts";
import { isReset, RawSocket } from "../../support/raw_socket.ts";
import type { LoopStand } from "./loop_stand.ts";
import { POISON } from "../../support/poisoned_pool.ts";
import type { Interference, UserCall } from "./tracked_libc.ts";

/** How much a client may send: more than a large buffer. */
const MOST_BYTES = 400_000;

/** Most octets in one write of a client. */
const MOST_WRITTEN = 60_000;

/** Calls of which one is made to fail for now, and those of which one moves little. */
const EAGAIN_RATIO = 20;
const SHORT_RATIO = 4;

/** Calls that move octets, by where they are told how many. */
const LENGTH_ARGUMENT: ReadonlyMap<UserCall, number> = new Map([
  ["recv", 2],
  ["send", 2],
  ["splice", 4],
]);

/** The octet at a place of a stream: none is poison, and streams differ. */
export function octetOf(stream: number, index: number): number {
  return (stream * 31 + index + (index >> 8)) % POISON;
}

/** Has sends and receives move less than they could, and fail for now. */
export function interferenceOf(random: Random): Interference {
  return (name, args) => {
    const length = LENGTH_ARGUMENT.get(name);
    if (length === undefined) return 0;
    if (random.below(EAGAIN_RATIO) === 0) return ERRNO.EAGAIN;
    if (random.below(SHORT_RATIO) === 0) {
      args[length] = Math.min(args[length] as number, 1 + random.below(2000));
    }
    return 0;
  };
}

/** Passes what comes from one link to another, or back to where it came from. */
export class FuzzPump implements LinkHandler {
  readonly #stand: LoopStand;
  readonly #random: Random;
  readonly #link: EpollLink;
  /** Where it goes. */
  readonly #sink: EpollLink;
  /** Called when nothing more goes this way. */
  readonly #onOver: (broken: boolean) => void;
  /** Whether a write has not been reported yet. */
  #pending = false;
  #ended = false;
  /** What its own pauses have to be ended by. */
  #pause: Cancellable | null = null;

  constructor(
    stand: LoopStand,
    random: Random,
    { link, sink, onOver }: {
      link: EpollLink;
      sink: EpollLink;
      onOver: (broken: boolean) => void;
    },
  ) {
    this.#stand = stand;
    this.#random = random;
    this.#link = link;
    this.#sink = sink;
    this.#onOver = onOver;
  }

  onData({ input }: Link): void {
    assert.ok(!this.#ended, "data after the end");
    assert.ok(!this.#link.closed, "data of a closed link");
    if (this.#pending) return this.#link.pause();
    if (this.#passPiped()) return;
    this.#write(this.#random.below(3) === 0 ? input.available >> 1 : Infinity);
  }

  onEnd(link: Link): void {
    assert.ok(!this.#ended, "a second end");
    assert.ok(link.ended);
    this.#ended = true;
    if (!this.#pending) this.#finishUp();
  }

  onWritten(): void {
    assert.fail("what another link is told");
  }

  /** The sink has taken what was pending, or never will. */
  onSinkWritten(written: boolean): void {
    assert.ok(this.#pending, "a write nobody waits for");
    this.#pending = false;
    if (!written) return this.#onOver(true);
    if (this.#passPiped()) return;
    if (this.#link.input.available > 0) this.#write(Infinity);
    else if (this.#ended) this.#finishUp();
    else this.#goOn();
  }

  /** Ends its pauses. */
  stop(): void {
    this.#pause?.cancel();
  }

  /** Writes from a buffer of the pool what is in the input, or part of it. */
  #write(limit: number): void {
    const { buffers } = this.#stand;
    const { input } = this.#link;
    const length = Math.min(limit, input.available);
    if (length === 0) return this.#goOn();
    const owned = buffers.take(length);
    owned.set(input.bytes.subarray(input.start, input.start + length));
    input.start += length;
    const result = this.#sink.write(owned.subarray(0, length), owned);
    this.#pending = result === "pending";
    if (result === "failed") this.#onOver(true);
    else if (this.#pending) this.#link.pause();
    else if (input.available > 0) this.#write(Infinity);
    else if (this.#ended) this.#finishUp();
    else this.#goOn();
  }

  /** Writes what has come unseen, if anything. */
  #passPiped(): boolean {
    const piped = this.#link.takePiped();
    if (piped === null) return false;
    const result = this.#sink.writePiped(piped);
    this.#pending = result === "pending";
    if (result === "failed") this.#onOver(true);
    else if (this.#pending) this.#link.pause();
    else if (this.#ended) this.#finishUp();
    else this.#goOn();
    return true;
  }

  #finishUp(): void {
    if (this.#passPiped()) return;
    if (this.#link.input.available > 0) return this.#write(Infinity);
    this.#onOver(this.#link.failed);
  }

  /** Goes on reading: now, or after a while, or with a look for the end alone. */
  #goOn(): void {
    const link = this.#link;
    if (this.#random.below(3) === 0) link.unseen = this.#random.below(90_000);
    if (this.#random.below(8) > 0) return link.resume();
    if (this.#random.below(2) > 0) link.pause();
    else link.watch(this.#random.below(2) > 0);
    this.#pause?.cancel();
    this.#pause = this.#stand.loop.after(this.#random.below(4), () => {
      if (this.#pending || link.closed || this.#ended) return;
      if (this.#passPiped()) return;
      if (link.input.available > 0) this.#write(Infinity);
      else link.resume();
    });
  }
}

/** Tells both pumps of a link what concerns them. */
export function join(reader: FuzzPump, writer: FuzzPump): LinkHandler {
  return {
    onData: (link) => reader.onData(link),
    onEnd: (link) => reader.onEnd(link),
    onWritten: (_link, written) => writer.onSinkWritten(written),
  };
}

/** What may come of a client. */
export interface ClientOutcome {
  readonly received: number;
  /** Whether all it sent came back. */
  readonly complete: boolean;
}

/** A client of an echo: sends its stream, checks what comes back, and leaves in some way. */
export async function fuzzClient(
  port: number,
  stream: number,
  random: Random,
): Promise<ClientOutcome> {
  const socket = await RawSocket.connect({ port });
  const total = random.below(4) > 0
    ? random.below(2000)
    : random.below(MOST_BYTES);
  const end = random.pick(["orderly", "orderly", "reset", "close"]);
  const received = { count: 0 };
  const reading = receive(socket, stream, received);
  const sentAll = await send(socket, { stream, total, random });
  try {
    if (end === "reset") await socket.reset();
    else if (end === "close") await socket.close();
    else if (sentAll) await socket.closeWrite();
    const ended = await reading;
    return {
      received: received.count,
      complete: sentAll && ended && received.count === total,
    };
  } finally {
    await socket.close();
  }
}

async function send(
  socket: RawSocket,
  { stream, total, random }: { stream: number; total: number; random: Random },
): Promise<boolean> {
  try {
    for (let sent = 0; sent < total;) {
      const length = Math.min(total - sent, 1 + random.below(MOST_WRITTEN));
      const from = sent;
      await socket.write(
        Uint8Array.from({ length }, (_, i) => octetOf(stream, from + i)),
      );
      sent += length;
    }
    return true;
  } catch (error) {
    assert.ok(isReset(error), String(error));
    return false;
  }
}

/** Checks what comes; returns whether the stream was ended in order. */
async function receive(
  socket: RawSocket,
  stream: number,
  received: { count: number },
): Promise<boolean> {
  try {
    for (let part; (part = await socket.read()) !== null;) {
      for (const octet of part) {
        if (octet !== octetOf(stream, received.count++)) {
          assert.fail(
            `octet ${received.count - 1} of stream ${stream} is ${octet}`,
          );
        }
      }
    }
    return true;
  } catch (error) {
    if (!isReset(error)) throw error;
    return false;
  }
}
