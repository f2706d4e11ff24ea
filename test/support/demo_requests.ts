/**
 * Requests to a pool with the embedded demo application, and what they bring.
 *
 * @module
 */

import { get, head } from "./message_text.ts";
import type { RawClient } from "./raw_client.ts";

/** The forwarding fields that a worker got, of the demo application's `/echo`. */
export async function echoedFields(
  client: RawClient,
  before: string,
  ...fields: string[]
): Promise<Record<string, string>> {
  const response = await client.ask(before + get("/echo", ...fields));
  return JSON.parse(response.text).headers;
}

/** Asks for an admin page as a person on this machine would. */
export function askMetrics(...fields: string[]): string {
  return head("GET /_metrics HTTP/1.1", "Host: localhost", ...fields);
}
