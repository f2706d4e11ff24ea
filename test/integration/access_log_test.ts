/** Each request has its line in the access log, whoever reads it, and however the pool ends. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { get } from "../support/message_text.ts";
import { RawClient } from "../support/raw_client.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

const CLIENTS = 10;

const REQUESTS_OF_CLIENT = 500;

/** How a line says what was asked for. */
const ASKED = /\/\?(\d+)-(\d+)\b/;

/** A pool whose log is read when the test says so, and then to its end. */
class UnreadPool implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(env: Readonly<Record<string, string>>) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-prompt", PROGRAM],
      env: {
        HOST: "127.0.0.1",
        PORT: "0",
        WORKER_PORT: "0",
        POOL_SIZE: "1",
        MAX_WORKERS: "1",
        ...env,
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    this.#lines = text.getReader();
  }

  /** Reads as far as where it listens, and no further. */
  async port(): Promise<number> {
    for (;;) {
      const port = /listening on http:\/\/[\d.]+:(\d+)/.exec(this.#text)?.[1];
      if (port !== undefined) return Number(port);
      assert.ok(await this.#readSome(), `it has ended:\n${this.#text}`);
    }
  }

  /** Asks it to end, and returns its whole log. */
  async stop(): Promise<string> {
    this.#child.kill("SIGTERM");
    while (await this.#readSome());
    assert.equal((await this.#child.status).code, 0);
    return this.#text;
  }

  async #readSome(): Promise<boolean> {
    const { value, done } = await this.#lines.read();
    this.#text += value ?? "";
    return !done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Sends all requests of client number `id`, and counts responses, to the end of the connection or of what was asked for. */
async function load(
  port: number,
  id: number,
  onResponse: () => void = () => {},
): Promise<number> {
  await using client = await RawClient.connect({ port });
  const targets = Array.from(
    { length: REQUESTS_OF_CLIENT },
    (_, i) => `/?${id}-${i}`,
  );
  let responses = 0;
  try {
    await client.send(targets.map((target) => get(target)).join(""));
    for (const _ of targets) {
      const { status } = await client.readResponse();
      assert.equal(status, 200);
      responses++;
      onResponse();
    }
  } catch (error) {
    // The pool has ended it.
    if (error instanceof assert.AssertionError) throw error;
  }
  return responses;
}

/** Which requests of each client are in the log, in its order. */
function requestsIn(log: string): number[][] {
  const requests = Array.from({ length: CLIENTS }, (): number[] => []);
  for (const line of log.split("\n")) {
    const [, client, request] = ASKED.exec(line) ?? [];
    if (client !== undefined) requests[Number(client)]!.push(Number(request));
  }
  return requests;
}

const clients = Array.from({ length: CLIENTS }, (_, id) => id);

for (
  const [transport, format] of [
    ["epoll", "on"],
    ["epoll", "json"],
    ["epoll", "combined"],
    ["deno", "on"],
    ["deno", "json"],
    ["deno", "combined"],
  ] as const
) {
  Deno.test({
    name:
      `5,000 requests are 5,000 lines (${format}, ${transport}), though nobody reads until all are over and the pool ends`,
    ignore: transport === "epoll" && Deno.build.os !== "linux",
    async fn(): Promise<void> {
      await using pool = new UnreadPool({
        TRANSPORT: transport,
        ACCESS_LOG: format,
      });
      const port = await pool.port();
      await Promise.all(clients.map((id) => load(port, id)));
      const all = Array.from({ length: REQUESTS_OF_CLIENT }, (_, i) => i);
      for (const requests of requestsIn(await pool.stop())) {
        assert.deepEqual(requests, all);
      }
    },
  });
}

for (const transport of ["epoll", "deno"] as const) {
  Deno.test({
    name:
      `a pool that ends under load has a line for each response (${transport})`,
    ignore: transport === "epoll" && Deno.build.os !== "linux",
    async fn(): Promise<void> {
      await using pool = new UnreadPool({
        TRANSPORT: transport,
        ACCESS_LOG: "on",
      });
      const port = await pool.port();
      let seen = 0;
      const half = Promise.withResolvers<void>();
      const loads = clients.map((id) =>
        load(port, id, () => {
          if (++seen === CLIENTS * REQUESTS_OF_CLIENT / 2) half.resolve();
        })
      );
      await half.promise;
      const [log, ...counts] = await Promise.all([pool.stop(), ...loads]);
      for (const [id, requests] of requestsIn(log).entries()) {
        assert.ok(requests.length >= counts[id]!);
        assert.ok(requests.every((request, i) => request === i));
      }
    },
  });
}
