/**
 * WebSockets through the pool, between other people's clients and server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import ws from "ws";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../support/deadline.ts";
import { startPool } from "../support/pool_process.ts";

const WORKER = [
  Deno.execPath(),
  "run",
  "-A",
  fileURLToPath(new URL("../fixtures/ws_echo.mjs", import.meta.url)),
];

/** The `ws` package follows the interface of browsers. */
const CLIENTS: Readonly<Record<string, typeof WebSocket>> = {
  "Deno's own client": WebSocket,
  "the client of the ws package": ws,
};

/** The next event of a type. */
function next<T extends keyof WebSocketEventMap>(
  socket: WebSocket,
  type: T,
): Promise<WebSocketEventMap[T]> {
  const event = new Promise<WebSocketEventMap[T]>((resolve) =>
    socket.addEventListener(type, resolve, { once: true })
  );
  return withDeadline(
    event,
    DEFAULT_DEADLINE_MS,
    () => `There was no ${type} event`,
  );
}

for (const [name, Client] of Object.entries(CLIENTS)) {
  Deno.test(`${name} talks to a worker through the pool until it closes`, async () => {
    await using pool = await startPool({
      env: { POOL_SIZE: "1" },
      command: WORKER,
    });
    const socket = new Client(`ws://127.0.0.1:${pool.port}/`);
    socket.binaryType = "arraybuffer";
    // Sent together with the 101, or right behind it.
    assert.equal((await next(socket, "message")).data, "worker 0");
    for (const length of [0, 125, 65_536, 1_000_000]) {
      const text = "x".repeat(length);
      socket.send(text);
      assert.equal((await next(socket, "message")).data, text);
      const bytes = new Uint8Array(length).fill(7);
      socket.send(bytes);
      const { data } = await next(socket, "message");
      assert.deepEqual(new Uint8Array(data), bytes);
    }
    assert.equal((await pool.metrics()).inFlight, 1);
    socket.close(1000, "done");
    const { code, wasClean } = await next(socket, "close");
    assert.deepEqual([code, wasClean], [1000, true]);
  });

  Deno.test(`${name} is told at once when its worker has died`, async () => {
    await using pool = await startPool({
      env: { POOL_SIZE: "1" },
      command: WORKER,
    });
    const socket = new Client(`ws://127.0.0.1:${pool.port}/`);
    await next(socket, "message");
    // Its client reports the broken connection as an error first.
    socket.addEventListener("error", (event) => event.preventDefault());
    const closed = next(socket, "close");
    Deno.kill(pool.workerPids[0]!, "SIGKILL");
    assert.equal((await closed).wasClean, false);
  });
}
