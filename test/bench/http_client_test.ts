/**
 * The benchmarks' client tells failures apart and hides none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HttpClient, type Outcome } from "../../bench/support/http_client.ts";
import { freePort } from "../support/free_port.ts";
import { toBytes } from "../support/raw_socket.ts";

const REQUEST = toBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Long enough never to be what ends a request that is not meant to time out. */
const DEADLINE_MS = 60_000;

/** What a server does with one request: bytes to send, then whether the connection is closed. */
type Step = { readonly send: string; readonly close: boolean };

/** Serves connections one after the other, each with its list of steps, then closes its listener. */
class Script implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done: Promise<void>;
  readonly port = this.#listener.addr.port;

  constructor(...connections: readonly (readonly Step[])[]) {
    this.#done = this.#run(connections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#done;
  }

  async #run(connections: readonly (readonly Step[])[]): Promise<void> {
    using _listener = this.#listener;
    for (const steps of connections) {
      using conn = await this.#listener.accept();
      for (const { send, close } of steps) {
        await conn.read(new Uint8Array(1024));
        await conn.write(toBytes(send));
        if (close) break;
      }
      // Open until the client closes, unless a step has said otherwise.
      if (!steps.at(-1)!.close) await conn.read(new Uint8Array(1024));
    }
  }
}

function statusOf(outcome: Outcome): number | string {
  return typeof outcome === "string" ? outcome : outcome.status;
}

Deno.test("an answer is an answer, whatever its status", async () => {
  const refusal = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  await using script = new Script([
    { send: ANSWER, close: false },
    { send: refusal, close: false },
  ]);
  using client = new HttpClient({ port: script.port, deadlineMs: DEADLINE_MS });
  assert.equal(statusOf(await client.ask(REQUEST)), 200);
  assert.equal(statusOf(await client.ask(REQUEST)), 503);
});

Deno.test("where nobody listens a request is refused", async () => {
  using client = new HttpClient({ port: freePort(), deadlineMs: DEADLINE_MS });
  assert.equal(await client.ask(REQUEST), "refused");
});

Deno.test("a new connection that ends without an answer is reset", async () => {
  await using script = new Script([{ send: "", close: true }]);
  using client = new HttpClient({ port: script.port, deadlineMs: DEADLINE_MS });
  assert.equal(await client.ask(REQUEST), "reset");
});

Deno.test("a used connection that ends without an answer is stale", async () => {
  await using script = new Script([
    { send: ANSWER, close: false },
    { send: "", close: true },
  ]);
  using client = new HttpClient({ port: script.port, deadlineMs: DEADLINE_MS });
  assert.equal(statusOf(await client.ask(REQUEST)), 200);
  assert.equal(await client.ask(REQUEST), "stale");
});

Deno.test("an answer that ends early is cut", async () => {
  await using script = new Script([{ send: ANSWER.slice(0, -1), close: true }]);
  using client = new HttpClient({ port: script.port, deadlineMs: DEADLINE_MS });
  assert.equal(await client.ask(REQUEST), "cut");
});

Deno.test("an answer that does not come in time is a timeout", async () => {
  await using script = new Script([{
    send: ANSWER.slice(0, -1),
    close: false,
  }]);
  using client = new HttpClient({ port: script.port, deadlineMs: 50 });
  assert.equal(await client.ask(REQUEST), "timeout");
});

Deno.test("a connection that the server has announced to close is not used again", async () => {
  const last = ANSWER.replace("\r\n", "\r\nConnection: close\r\n");
  await using script = new Script(
    [{ send: last, close: false }],
    [{ send: ANSWER, close: false }],
  );
  using client = new HttpClient({ port: script.port, deadlineMs: DEADLINE_MS });
  assert.equal(statusOf(await client.ask(REQUEST)), 200);
  assert.equal(statusOf(await client.ask(REQUEST)), 200);
});
