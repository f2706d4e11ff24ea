/**
 * Plain GET requests, for tests that want an answer and not its bytes.
 *
 * @module
 */

import type { RawResponse } from "./http_message.ts";
import { RawClient } from "./raw_client.ts";

/** A GET request that keeps its connection; `fields` are whole field lines. */
export function getRequest(target: string, ...fields: string[]): string {
  return [`GET ${target} HTTP/1.1`, "Host: localhost", ...fields, "", ""]
    .join("\r\n");
}

/** Asks once, on a connection of its own. */
export async function get(
  port: number,
  target: string,
  ...fields: string[]
): Promise<RawResponse> {
  await using client = await RawClient.connect({ port });
  return await client.ask(getRequest(target, "Connection: close", ...fields));
}

/** Who answered, in the demo's words. */
export interface Answerer {
  readonly workerId: number;
  readonly pid: number;
}

/** Asks which worker of the demo application answers, on a connection of its own. */
export async function whoAnswers(port: number): Promise<Answerer> {
  return readAnswerer(await get(port, "/api/health"));
}

/** Who gave this answer to `/api/health` of the demo application. */
export function readAnswerer(response: RawResponse): Answerer {
  if (response.status !== 200) {
    throw new Error(`Cannot tell who answered: ${response.startLine}`);
  }
  const { workerId, pid } = JSON.parse(response.text);
  return { workerId: Number(workerId), pid };
}
