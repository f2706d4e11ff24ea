/**
 * Clients that each send one request, read the answer and keep their
 * connection open until this process is ended.
 *
 * `deno run -A bench/support/idle_clients_main.ts PORT COUNT`; writes `open`
 * when all have their answer.
 *
 * @module
 */

import { DEFAULT_PATH, ORIGIN_BODIES } from "./origin_bodies.ts";

/** Clients that connect at the same time: fewer than fit in any backlog. */
const AT_ONCE = 100;

/** Longer than the answer of the benchmark with its head. */
const BUFFER_BYTES = 4096;

const [port = 0, count = 0] = Deno.args.map(Number);

const request = new TextEncoder().encode(
  `GET ${DEFAULT_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
);
const body = ORIGIN_BODIES.get(DEFAULT_PATH)!.text;

/** Held, so that none is collected as garbage. */
const connections: Deno.TcpConn[] = [];

let left = count;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) connections.push(await use());
  }),
);
console.log("open");
// A listener keeps the process; the reads that are over do not.
await new Promise(() => setInterval(() => {}, 60_000));

async function use(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(request);
  const buffer = new Uint8Array(BUFFER_BYTES);
  const decoder = new TextDecoder();
  let answer = "";
  while (!answer.endsWith(body)) {
    const read = await conn.read(buffer);
    if (read === null) throw new Error(`Cannot go on: closed after ${answer}`);
    answer += decoder.decode(buffer.subarray(0, read), { stream: true });
  }
  return conn;
}
