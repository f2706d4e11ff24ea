/**
 * Broken handshakes: the balancer lives through all of them and forgets none.
 *
 * `node:tls` is not made for handshakes that fail in the turn they begin, or
 * for connections that go meanwhile; this keeps an eye on what we do about it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { delay } from "../support/deadline.ts";
import { get, head, postHead } from "../support/message_text.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { isReset } from "../support/raw_socket.ts";
import { clientHello, connectTls, TestTlsServer } from "../support/tls.ts";
import { Random } from "./random.ts";

const SEED = 20_260_101;
const HANDSHAKES = 400;

const EXCHANGES = 300;

/** About as long as an exchange takes. */
const MOST_DELAY_MS = 8;

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

const REQUESTS = [
  "REFUSED\r\n\r\n",
  get("/"),
  postHead("/", "Content-Length: 99999999") + "x".repeat(100_000),
  postHead("/", "Content-Length: 99999999"),
];

/** Clients at once. */
const CLIENTS = 10;

const MOST_CHANGES = 4;
const MOST_BYTES_CHANGED = 20;

/** What a client does when it has sent its hello. */
const ENDS = ["close", "closeWrite", "reset"] as const;

function mutated(hello: Uint8Array, random: Random): Uint8Array {
  const bytes = [...hello];
  for (let change = random.below(MOST_CHANGES + 1); change > 0; change--) {
    const at = random.below(bytes.length);
    const count = 1 + random.below(MOST_BYTES_CHANGED);
    const some = Array.from({ length: count }, () => random.below(256));
    switch (random.below(4)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes.splice(at, count);
        break;
      case 2:
        bytes.splice(at, 0, ...some);
        break;
      default:
        bytes.length = at;
    }
  }
  // Or else it is plain HTTP to us, which is another test's.
  bytes[0] = hello[0]!;
  return new Uint8Array(bytes);
}

async function attempt(
  port: number,
  hello: Uint8Array,
  random: Random,
): Promise<void> {
  await using client = await RawClient.connect({ port });
  try {
    const cut = random.below(hello.length);
    await client.send(hello.subarray(0, cut));
    if (random.below(2) === 0) await client.send(hello.subarray(cut));
    // Some wait for the answer, others go in the middle of it.
    if (random.below(2) === 0) await client[random.pick(ENDS)]();
    else await client.closeWrite().then(() => client.readUntilEnd());
  } catch (error) {
    // The balancer has had enough of it before we have.
    if (!isReset(error)) throw error;
  }
}

/** Has an exchange begun, and goes, with the closing alert or without. */
async function leave(port: number, random: Random): Promise<void> {
  await using connection = await connectTls(port, {
    maxVersion: random.pick(VERSIONS),
  });
  const { client, wire } = connection;
  // A client that is gone already is told of by its own writes.
  wire.on("error", () => {});
  if (random.below(4) > 0) await client.send(random.pick(REQUESTS));
  if (random.below(2) === 0) wire.hold();
  if (random.below(2) === 0) await delay(random.below(MOST_DELAY_MS));
  await (random.below(4) === 0
    ? client.close()
    : wire.raw[random.pick(ENDS)]());
}

Deno.test(`${EXCHANGES} clients that go in the middle of an exchange leave nothing behind`, async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "send", data: head("HTTP/1.1 200 OK", "Content-Length: 99999999") },
    { do: "send-fill", count: 8 * 1024 * 1024 },
  ]]);
  await using proxy = startProxy({
    origins: [origin.port],
    tls: new TestTlsServer(),
  });
  let index = 0;
  const run = async (): Promise<void> => {
    while (index < EXCHANGES) {
      await leave(proxy.port, new Random(SEED, index++));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, run));
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
});

Deno.test(`${HANDSHAKES} broken handshakes leave nothing behind`, async () => {
  await using proxy = startProxy({
    tls: new TestTlsServer(),
    options: { headTimeoutMs: 1000 },
  });
  const hellos = [await clientHello("TLSv1.2"), await clientHello("TLSv1.3")];
  let index = 0;
  const run = async (): Promise<void> => {
    while (index < HANDSHAKES) {
      const random = new Random(SEED, index++);
      await attempt(proxy.port, mutated(random.pick(hellos), random), random);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, run));
  await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  await using connection = await connectTls(proxy.port);
  assert.equal(connection.alpn, "http/1.1");
});
