/**
 * What a test does on the network of a container, in a process of its own:
 *
 *     load PORT       asks and asks, until its input ends; says what came of it
 *     get PORT PATH   asks once; says status and body
 *     hold PORT       holds the port until its input ends
 *
 * Each says "begun" first, on a line of its own, once it has.
 *
 * @module
 */

import { eventually } from "../support/deadline.ts";
import { get } from "../support/message_text.ts";
import { startMixedLoad } from "../support/mixed_load.ts";
import { RawClient } from "../support/raw_client.ts";

const [mode, portText, path = "/"] = Deno.args;
const port = Number(portText);

/** Resolves when nobody will write to us any more. */
async function inputEnded(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

async function load(): Promise<string> {
  const running = startMixedLoad(port);
  await eventually(() => {
    if (running.answered > 0) return Promise.resolve();
    return Promise.reject(new Error("No response yet"));
  });
  console.log("begun");
  await inputEnded();
  return JSON.stringify(await running.stop());
}

async function ask(): Promise<string> {
  await using client = await RawClient.connect({ port });
  await client.send(get(path));
  console.log("begun");
  const { status, body } = await client.readResponse();
  return JSON.stringify({ status, text: new TextDecoder().decode(body) });
}

async function hold(): Promise<string> {
  using _listener = Deno.listen({ hostname: "0.0.0.0", port });
  console.log("begun");
  await inputEnded();
  return "{}";
}

const modes: Readonly<Record<string, () => Promise<string>>> = {
  load,
  get: ask,
  hold,
};
console.log(await modes[mode ?? ""]!());
