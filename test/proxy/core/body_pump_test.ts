/** Passing octets on from one link to another. */

import assert from "node:assert/strict";
import {
  type BodyDecoder,
  bodyDecoder,
} from "../../../src/http1/body_decoder.ts";
import {
  type BodyLength,
  CHUNKED,
  UNTIL_CLOSE,
} from "../../../src/http1/body_length.ts";
import {
  LARGE_BUFFER_BYTES,
  MEDIUM_BUFFER_BYTES,
} from "../../../src/proxy/core/buffer_pool.ts";
import {
  BodyPump,
  type PumpListener,
  type PumpOutcome,
} from "../../../src/proxy/core/body_pump.ts";
import type { LinkHandler } from "../../../src/proxy/core/link.ts";
import { ProxyError } from "../../../src/proxy/core/proxy_error.ts";
import {
  ScriptedLink,
  type ScriptedLinkOptions,
} from "../../support/core/scripted_link.ts";
import { PoisonedPool } from "../../support/poisoned_pool.ts";
import { toBytes } from "../../support/raw_socket.ts";

interface PumpStandOptions {
  readonly body: BodyLength;
  readonly chunked?: boolean;
  readonly sink?: ScriptedLinkOptions;
  readonly refusal?: ProxyError;
}

class PumpStand implements PumpListener {
  readonly pool = new PoisonedPool();
  readonly source: ScriptedLink;
  readonly sink: ScriptedLink;
  readonly pump: BodyPump;
  readonly outcomes: (PumpOutcome | string)[] = [];
  passedBytes = 0;
  readonly #refusal: ProxyError | null;

  constructor({ body, chunked = false, sink, refusal }: PumpStandOptions) {
    this.source = new ScriptedLink({ buffers: this.pool });
    this.sink = new ScriptedLink({ ...sink, buffers: this.pool });
    this.#refusal = refusal ?? null;
    const decoder: BodyDecoder = bodyDecoder(body);
    this.pump = new BodyPump({
      source: this.source,
      sink: this.sink,
      decoder,
      chunked,
      malformed: "upstream-malformed",
    }, this);
    const handler: LinkHandler = {
      onData: () => this.pump.onData(),
      onEnd: () => this.pump.onEnd(),
      onWritten: (_link, written) => this.pump.onWritten(written),
    };
    this.source.handler = this.sink.handler = handler;
    this.pump.start();
  }

  onProgress(_pump: BodyPump, contentBytes: number): ProxyError | null {
    this.passedBytes += contentBytes;
    return this.#refusal;
  }

  onPumped(_pump: BodyPump, outcome: PumpOutcome | ProxyError): void {
    this.outcomes.push(outcome instanceof ProxyError ? outcome.code : outcome);
  }

  /** The source sends `text`, and everything happens that can. */
  send(text: string): void {
    this.source.deliver(toBytes(text));
    this.settle();
  }

  settle(): void {
    for (const link of [this.source, this.sink]) {
      for (const step of link.steps) link.step(step);
    }
    if (this.source.steps.length + this.sink.steps.length > 0) this.settle();
  }

  /** Nothing is left once both links are closed. */
  end(): void {
    this.source.close();
    this.sink.close();
    this.settle();
    assert.equal(this.pool.taken.size, 0);
  }
}

Deno.test("a body with a length ends with its last octet, and what follows stays where it is", () => {
  const stand = new PumpStand({ body: { type: "length", bytes: 5 } });
  stand.send("abc");
  assert.equal(stand.pump.state, "reading");
  stand.send("deGET");
  assert.equal(stand.sink.output, "abcde");
  assert.deepEqual(stand.outcomes, ["complete"]);
  assert.equal(stand.passedBytes, 5);
  assert.equal(stand.source.input.available, 3);
  stand.end();
});

Deno.test("chunks are written anew, whatever they were", () => {
  const stand = new PumpStand({ body: CHUNKED, chunked: true });
  for (const octet of "2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n") stand.send(octet);
  assert.equal(stand.sink.output, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
  assert.deepEqual(stand.outcomes, ["complete"]);
  stand.end();
});

Deno.test("what is mostly framing is read in smaller buffers than what is mostly content", () => {
  const stand = new PumpStand({ body: CHUNKED });
  let largest = 0;
  const { input } = stand.source;
  const received = input.received.bind(input);
  input.received = (count) => {
    largest = Math.max(largest, count);
    received(count);
  };
  const size = 2 * LARGE_BUFFER_BYTES;
  stand.send(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n`);
  assert.ok(largest > MEDIUM_BUFFER_BYTES, `${largest}`);
  const tiny = "1\r\nx\r\n".repeat(MEDIUM_BUFFER_BYTES);
  stand.send(tiny);
  largest = 0;
  stand.send(tiny);
  assert.ok(largest <= MEDIUM_BUFFER_BYTES, `${largest}`);
  assert.equal(stand.passedBytes, size + 2 * MEDIUM_BUFFER_BYTES);
  stand.end();
});

Deno.test("the source is not read from while the sink has not taken what was read", () => {
  const sink = { writesAtOnce: false, capacity: 0 };
  const stand = new PumpStand({ body: { type: "length", bytes: 6 }, sink });
  stand.send("abc");
  assert.equal(stand.pump.state, "writing");
  stand.send("def");
  assert.equal(stand.source.undelivered, 3);
  stand.sink.capacity = Infinity;
  stand.settle();
  assert.equal(stand.sink.output, "abcdef");
  assert.deepEqual(stand.outcomes, ["complete"]);
  stand.end();
});

Deno.test("a body that ends with the connection is given an end that can be seen", () => {
  const stand = new PumpStand({ body: UNTIL_CLOSE, chunked: true });
  stand.send("abc");
  stand.sink.writesAtOnce = false;
  stand.source.deliverEnd();
  stand.source.step("read");
  assert.equal(stand.pump.state, "ending");
  stand.settle();
  assert.equal(stand.sink.output, "3\r\nabc\r\n0\r\n\r\n");
  assert.deepEqual(stand.outcomes, ["complete"]);
  stand.end();
});

const CUTS:
  readonly (readonly [string, BodyLength, (link: ScriptedLink) => void])[] = [
    [
      "with a length",
      { type: "length", bytes: 9 },
      (link) => link.deliverEnd(),
    ],
    ["in chunks", CHUNKED, (link) => link.deliverEnd()],
    ["that is broken off", UNTIL_CLOSE, (link) => link.reset()],
  ];

for (const [what, body, end] of CUTS) {
  Deno.test(`a body ${what} that ends too early is cut, and gets no end`, () => {
    const stand = new PumpStand({ body, chunked: true });
    stand.send(body === CHUNKED ? "3\r\nabc\r\n" : "abc");
    end(stand.source);
    stand.settle();
    assert.deepEqual(stand.outcomes, ["cut"]);
    assert.equal(stand.sink.output, "3\r\nabc\r\n");
    stand.end();
  });
}

Deno.test("a sink that takes no more ends it, and says so", () => {
  const sink = { writesAtOnce: false };
  const stand = new PumpStand({ body: { type: "length", bytes: 6 }, sink });
  stand.sink.reset();
  stand.send("abc");
  assert.deepEqual(stand.outcomes, ["sink-gone"]);
  stand.end();
});

Deno.test("a source that breaks the framing ends it", () => {
  const stand = new PumpStand({ body: CHUNKED, chunked: true });
  stand.send("nonsense\r\n");
  assert.deepEqual(stand.outcomes, ["upstream-malformed"]);
  assert.equal(stand.sink.output, "");
  stand.end();
});

Deno.test("what is refused does not arrive", () => {
  const refusal = new ProxyError("body-too-large");
  const body = { type: "length", bytes: 6 } as const;
  const stand = new PumpStand({ body, refusal });
  stand.send("abc");
  assert.deepEqual(stand.outcomes, ["body-too-large"]);
  assert.equal(stand.sink.output, "");
  stand.end();
});

Deno.test("one that was stopped calls nobody", () => {
  const sink = { writesAtOnce: false };
  const stand = new PumpStand({ body: { type: "length", bytes: 3 }, sink });
  stand.source.deliver(toBytes("abc"));
  stand.source.step("read");
  stand.pump.stop();
  stand.settle();
  assert.deepEqual(stand.outcomes, []);
  stand.end();
});
