/**
 * One request as curl sends it, and the wait for a server that is starting.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Child } from "./children.ts";

/** Resolves after `ms`. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A port that is free at this moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request on a connection of its own, and reads the whole answer.
 *
 * It has no deadline itself: the process it waits for has, and with that
 * process its connection ends.
 *
 * @returns The answer, or `null` while nobody listens.
 */
export async function request(
  port: number,
  path: string,
): Promise<Answer | null> {
  try {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
    ));
    const parts: Uint8Array[] = [];
    const buffer = new Uint8Array(16_384);
    for (let n = await conn.read(buffer); n; n = await conn.read(buffer)) {
      parts.push(buffer.slice(0, n));
    }
    const text = Buffer.concat(parts).toString("latin1");
    const status = text.match(/^HTTP\/1\.[01] (\d{3})/)?.[1];
    if (status === undefined) return null;
    const body = text.slice(text.indexOf("\r\n\r\n") + 4);
    return { status: Number(status), body };
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return null;
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  }
}

/** How a process ended, with the last it has said. */
async function exitError(child: Child): Promise<Error> {
  await child.gone;
  const { code, signal } = child.status ?? {};
  return new Error(
    signal ? `was ended by ${signal}` : `exited with code ${code}`,
    { cause: child.lastOutput },
  );
}

/** Asks for `path` until there is an answer below 500, or `child` has ended. */
export async function firstAnswer(
  child: Child,
  { port, path, pollMs }: { port: number; path: string; pollMs: number },
): Promise<Answer> {
  while (true) {
    const answer = await request(port, path);
    if (answer && answer.status < 500) return answer;
    if (child.status) throw await exitError(child);
    await delay(pollMs);
  }
}
