/**
 * All that the `ws` package's client and server can say to each other, through
 * the pool.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { WebSocket as Client } from "ws";
import {
  DEFAULT_DEADLINE_MS,
  eventually,
  withDeadline,
} from "../support/deadline.ts";
import { postHead } from "../support/message_text.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";

const WORKER = [
  Deno.execPath(),
  "run",
  "-A",
  fileURLToPath(new URL("../fixtures/ws_echo.mjs", import.meta.url)),
];

/** Octets of the large message: beyond every buffer, within the limit of the ws package (100 MiB). */
const LARGE_BYTES = 64 * 1024 * 1024;

/** Sockets at once. A thousand were tried by hand. */
const MANY = 200;

/** Longer than any test: what ends within one has not been cut. */
const NEVER_MS = "600000";

/** What is used of the package's client, which comes without types. */
interface Socket extends EventEmitter {
  readonly extensions: string;
  send(data: string | Buffer, options?: { readonly fin: boolean }): void;
  ping(data: string): void;
  close(code: number): void;
}

function startEchoPool(env: Record<string, string> = {}): Promise<PoolProcess> {
  return startPool({ env: { POOL_SIZE: "2", ...env }, command: WORKER });
}

/** Connects and waits for the greeting. */
async function connect(
  pool: PoolProcess,
  options: { readonly perMessageDeflate: boolean } = {
    perMessageDeflate: false,
  },
): Promise<Socket> {
  const socket: Socket = new Client(
    `ws://127.0.0.1:${pool.port}/`,
    options,
  );
  const [greeting] = await next(socket, "message");
  assert.match(String(greeting), /^worker \d$/);
  return socket;
}

/** The arguments of the next event of this name. */
function next(socket: Socket, name: string): Promise<unknown[]> {
  return withDeadline(
    once(socket, name),
    DEFAULT_DEADLINE_MS,
    () => `There was no ${name} event`,
  );
}

Deno.test("fragments, pings and close codes pass through the pool both ways", async () => {
  await using pool = await startEchoPool();
  const socket = await connect(pool);

  socket.send("one ", { fin: false });
  socket.send("two ", { fin: false });
  // Control frames may come between fragments (RFC 6455 §5.4).
  const pong = next(socket, "pong");
  socket.ping("from the client");
  assert.equal(String((await pong)[0]), "from the client");
  const message = next(socket, "message");
  socket.send("three", { fin: true });
  assert.equal(String((await message)[0]), "one two three");

  const answered = next(socket, "message");
  const ping = next(socket, "ping");
  socket.send("ping");
  assert.equal(String((await ping)[0]), "from the worker");
  assert.equal(String((await answered)[0]), "pong from the worker");

  const closed = next(socket, "close");
  socket.send("close 4001");
  const [code, reason] = await closed;
  assert.deepEqual([code, String(reason)], [4001, "as asked"]);
});

Deno.test("compression is agreed on end to end", async () => {
  await using pool = await startEchoPool();
  const socket = await connect(pool, { perMessageDeflate: true });
  assert.match(socket.extensions, /permessage-deflate/);
  const text = "all the same ".repeat(10_000);
  const message = next(socket, "message");
  socket.send(text);
  assert.equal(String((await message)[0]), text);
  // Ended in order, so that the compressor is let go of.
  socket.close(1000);
  assert.equal((await next(socket, "close"))[0], 1000);
});

Deno.test("a message of 64 MiB passes through the pool unchanged", async () => {
  await using pool = await startEchoPool();
  const socket = await connect(pool);
  const sent = Buffer.alloc(LARGE_BYTES, "a message without end, ");
  const message = next(socket, "message");
  socket.send(sent);
  const [received] = await message;
  assert.ok(sent.equals(received as Buffer));
  socket.close(1000);
  await next(socket, "close");
});

Deno.test(`${MANY} sockets at once are served, and closed by their workers when the pool stops`, async () => {
  await using pool = await startEchoPool({ DRAIN_TIMEOUT_MS: NEVER_MS });
  const sockets = await Promise.all(
    Array.from({ length: MANY }, () => connect(pool)),
  );
  assert.equal((await pool.metrics()).inFlight, MANY);
  await Promise.all(sockets.map(async (socket, index) => {
    const message = next(socket, "message");
    socket.send(`message ${index}`);
    assert.equal(String((await message)[0]), `message ${index}`);
  }));
  const closed = sockets.map((socket) => next(socket, "close"));
  const stopped = pool.stop();
  // RFC 6455 §7.4.1: the endpoint is going away.
  for (const [code] of await Promise.all(closed)) assert.equal(code, 1001);
  assert.equal((await stopped).code, 0);
  const { streams, requests } = await pool.waitForEvent("stop-waiting");
  assert.deepEqual([streams, requests], [MANY, 0]);
});

Deno.test("a socket goes on while a request is waited for, and is closed by its worker then", async () => {
  await using pool = await startEchoPool({ DRAIN_TIMEOUT_MS: NEVER_MS });
  const socket = await connect(pool);
  await using upload = await RawClient.connect(pool);
  await upload.send(postHead("/", "Content-Length: 2") + "a");
  await eventually(async () =>
    assert.equal((await pool.metrics()).inFlight, 2)
  );
  const stopped = pool.stop();
  const waiting = await pool.waitForEvent("stop-waiting");
  assert.deepEqual([waiting.requests, waiting.streams], [1, 1]);
  const message = next(socket, "message");
  socket.send("still here");
  assert.equal(String((await message)[0]), "still here");
  const closed = next(socket, "close");
  assert.equal((await upload.ask("b")).status, 200);
  assert.equal((await closed)[0], 1001);
  assert.equal((await stopped).code, 0);
});
