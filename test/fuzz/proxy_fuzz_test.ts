/**
 * The data plane itself, with real sockets, between mutated requests and an
 * origin that records, and between a client and mutated responses. The same
 * settings as in `fuzz_test.ts`.
 */

import assert from "node:assert/strict";
import { CutMessageError, type RawRequest } from "../support/http_message.ts";
import { get, head } from "../support/message_text.ts";
import { answering, type OriginScript } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { toBytes, toText } from "../support/raw_socket.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { arrivalOf } from "./arrival.ts";
import { notationOf, readCorpus } from "./corpus.ts";
import { fuzzOptions, mutant } from "./fuzz.ts";
import { type OurView, readRequests, readResponse } from "./our_view.ts";
import { REQUEST_SEEDS, RESPONSE_SEEDS } from "./seeds.ts";

/** Mutants that go through sockets when the environment does not say. */
const DEFAULT_ITERATIONS = 300;

/** An answer without a body, which fits any request. */
const NO_CONTENT = head("HTTP/1.1 204 No Content");

Deno.test("of mutated requests the origin sees those that were sent, and nothing else", async () => {
  await using origin = await RecordingOrigin.start([answering(NO_CONTENT)]);
  await using proxy = startProxy({ origins: [origin.port] });
  let sent = 0;
  for (const input of inputsOf("requests", REQUEST_SEEDS)) {
    await explained(input, async () => {
      const ours = readRequests(input);
      sent += ours.messages.length;
      const ids = await converse(proxy.port, input, ours);
      const recorded = requestsById(origin);
      assert.equal(recorded.size, sent, "requests at the origin");
      assert.deepEqual(
        ids.map((id) => summaryOf(recorded.get(id))),
        ours.messages.map(({ start, body }) => `${start}\n${body}`),
      );
    });
  }
});

Deno.test("of mutated responses the client gets whole ones as they were sent, a 502, or a visible cut", async () => {
  const inputs = inputsOf("responses", RESPONSE_SEEDS);
  await using origin = await RecordingOrigin.start(inputs.map(answeringOnce));
  await using proxy = startProxy({ origins: [origin.port] });
  // A connection that ends without an answer costs the request another one.
  while (origin.connections.length < inputs.length) {
    await using client = await RawClient.connect(proxy);
    await client.send(get("/", "Connection: close"));
    const { id, answer } = await readAnswer(client);
    const last = origin.connections.findLast(({ requests }) =>
      requests.some((request) => request.headers.get("x-request-id") === id)
    );
    // A cut answer need not have an id; it is the last one's.
    const { index } = last ?? origin.connections.at(-1)!;
    await explained(inputs[index]!, () => {
      checkAnswer(answer, readResponse(inputs[index]!, "GET"));
    });
  }
});

/** The corpus and some mutants. */
function inputsOf(corpus: string, seeds: readonly string[]): string[] {
  const { seed, iterations } = fuzzOptions(DEFAULT_ITERATIONS);
  return [
    ...readCorpus(corpus).map(({ input }) => input),
    ...Array.from({ length: iterations }, (_, i) => mutant(seeds, seed, i)),
  ];
}

/** Calls `check`; a failure names the input. */
async function explained(
  input: string,
  check: () => Promise<void> | void,
): Promise<void> {
  try {
    await check();
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${notationOf(input)}`, {
      cause,
    });
  }
}

/** Sends the input and takes in the answers it must have; returns the ids of those from the origin. */
async function converse(
  port: number,
  input: string,
  ours: OurView,
): Promise<string[]> {
  await using client = await RawClient.connect({ port });
  const { cuts } = arrivalOf(input);
  const bytes = toBytes(input);
  for (const [i, cut] of [0, ...cuts].entries()) {
    await client.send(bytes.subarray(cut, cuts[i]));
  }
  const ids: string[] = [];
  for (const _ of ours.messages) {
    const { status, headers } = await client.readResponse();
    assert.equal(status, 204);
    ids.push(headers.get("x-request-id")!);
  }
  if (ours.reason !== null) {
    const { status } = await client.readResponse();
    assert.equal(status, parseInt(ours.reason));
  }
  if (ours.reason !== null || ours.closed) {
    const { bytes } = await client.readUntilEnd();
    assert.equal(toText(bytes), "");
  }
  return ids;
}

function requestsById(origin: RecordingOrigin): Map<string, RawRequest> {
  return new Map(origin.requests.map((request) => [
    request.headers.get("x-request-id")!,
    request,
  ]));
}

function summaryOf(request: RawRequest | undefined): string {
  return request === undefined
    ? "not seen"
    : `${request.method} ${request.target}\n${request.text}`;
}

function answeringOnce(response: string): OriginScript {
  return [
    { do: "read-request" },
    { do: "send", data: response },
    { do: "half-close" },
  ];
}

/** What a client got: all statuses and the body, or `null` when it was cut. */
type Answer = { readonly start: string; readonly body: string } | null;

async function readAnswer(
  client: RawClient,
): Promise<{ readonly id: string | undefined; readonly answer: Answer }> {
  let start = "";
  try {
    for (;;) {
      const { status, headers, text } = await client.readResponse();
      start += status;
      if (status >= 200) {
        const { bytes } = await client.readUntilEnd();
        assert.equal(toText(bytes), "", "behind the answer");
        const id = headers.get("x-request-id");
        return { id, answer: { start, body: text } };
      }
      start += " ";
    }
  } catch (error) {
    if (!(error instanceof CutMessageError)) throw error;
    const id = error.partial?.headers.get("x-request-id");
    return { id, answer: null };
  }
}

/** Whether a client may have got this answer of a worker whose answer we read like that. */
function checkAnswer(answer: Answer, { messages: [whole] }: OurView): void {
  if (whole !== undefined && !whole.start.endsWith("101")) {
    assert.deepEqual(answer, { start: whole.start, body: whole.body });
  } else if (answer !== null) {
    assert.match(answer.start, /502$/);
  }
}
