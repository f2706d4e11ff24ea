/**
 * Plays a conformance case over sockets: a client, the whole data plane, and
 * a worker that follows its script.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { EventEmitter } from "../../src/events/mod.ts";
import { Counters } from "../../src/proxy/core/counters.ts";
import type { ProxySettings } from "../../src/plane/deno_proxy.ts";
import { type AnyProxy, openProxy } from "../support/any_proxy.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { CutMessageError, type HttpMessage } from "../support/http_message.ts";
import type { OriginScript, OriginStep } from "../support/origin_script.ts";
import { PatientClock } from "../support/patient_clock.ts";
import { RawClient } from "../support/raw_client.ts";
import { concatBytes, isReset, toText } from "../support/raw_socket.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import type {
  ConformanceCase,
  ExpectedMessage,
  ExpectedResponse,
  Setup,
  WorkerAnswer,
} from "./conformance_case.ts";

/** Cuts what is sent into the pieces that are written one by one. */
export type Cut = (bytes: Uint8Array) => readonly Uint8Array[];

const DEFAULT_ANSWER: WorkerAnswer = {
  bytes: new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ),
  after: "request",
  then: "keep",
};

/** More than any case asks for on one connection, the probe included. */
const MAX_DEFAULT_ANSWERS = 8;

/** Shows that a connection still serves, and that nothing is left over on it. */
const PROBE = "GET /probe HTTP/1.1\r\nHost: a\r\n\r\n";

const STOP_TIMEOUT_MS = 60_000;

const SETTINGS: ProxySettings = {
  maxConnections: 10,
  headTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  bodyTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  maxRetries: 2,
  maxHeadBytes: 16_384,
  maxBodyBytes: 0,
  trustedProxies: [],
  rateLimit: null,
  skewProtection: false,
  proxyProtocol: false,
};

const SETUPS: Readonly<Record<Setup, Partial<ProxySettings>>> = {
  default: {},
  trusted: { trustedProxies: ["127.0.0.1/32"] },
  limited: { maxBodyBytes: 10, maxHeadBytes: 1024 },
  impatient: {
    headTimeoutMs: 300,
    idleTimeoutMs: 300,
    bodyTimeoutMs: 300,
    requestTimeoutMs: 300,
  },
  workerless: {},
};

/** Plays `subject`, the client writing what it sends piece by piece. @throws {AssertionError} when somebody sees what they should not. */
export async function runCase(
  subject: ConformanceCase,
  cut: Cut,
): Promise<void> {
  using _clock = subject.setup === "impatient" ? new PatientClock() : null;
  await using origin = await RecordingOrigin.start(scriptsOf(subject.answers));
  const proxy = startProxy(origin.port, subject.setup);
  const { port } = proxy;
  try {
    await converse(subject, port, cut);
    if (subject.fate === "closed" && subject.answers.at(-1)?.then === "last") {
      assert.equal(proxy.idleUpstreamConnections, 0, "kept to the worker");
    }
  } finally {
    await proxy.stop(STOP_TIMEOUT_MS);
  }
  checkWorker(subject, origin, port);
}

function startProxy(
  workerPort: number,
  setup: Setup,
): AnyProxy {
  const dispatcher = new Dispatcher({
    policy: roundRobin,
    workerConcurrency: 0,
    maxQueue: 10,
    queueTimeoutMs: 100,
  });
  const address = { id: 0, hostname: "127.0.0.1", port: workerPort };
  if (setup !== "workerless") {
    dispatcher.publish([new Upstream({ ...address, generation: 1 })]);
  }
  return openProxy({ ...SETTINGS, ...SETUPS[setup] }, {
    tls: null,
    dispatcher,
    counters: new Counters(),
    events: new EventEmitter(),
    admin: null,
  });
}

/** One script a connection: it goes on with the answer after the last one that ended a connection. */
function scriptsOf(answers: readonly WorkerAnswer[]): OriginScript[] {
  const scripts: OriginStep[][] = [[]];
  for (const answer of answers) {
    scripts.at(-1)!.push(...stepsOf(answer));
    if (answer.then !== "keep") scripts.push([]);
  }
  const more = Array.from(
    { length: MAX_DEFAULT_ANSWERS },
    () => stepsOf(DEFAULT_ANSWER),
  ).flat();
  scripts.at(-1)!.push(...more);
  return scripts;
}

function stepsOf({ bytes, after, then }: WorkerAnswer): OriginStep[] {
  const steps: OriginStep[] = [
    typeof after === "number"
      ? { do: "read-bytes", count: after }
      : { do: after === "head" ? "read-head" : "read-request" },
    { do: "send", data: toText(bytes) },
  ];
  if (then === "close" || then === "reset") steps.push({ do: then });
  if (then === "last") steps.push({ do: "read-end" });
  return steps;
}

async function converse(
  subject: ConformanceCase,
  port: number,
  cut: Cut,
): Promise<void> {
  await using client = await RawClient.connect({
    port,
  });
  const waiting = [...subject.sendings];
  const sendReady = async (responses: number): Promise<void> => {
    while (waiting[0] && waiting[0].afterResponses <= responses) {
      await sendPieces(client, cut(waiting.shift()!.bytes));
    }
  };
  await sendReady(0);
  if (subject.endsWriting) await client.closeWrite();
  for (const [index, expected] of subject.client.entries()) {
    await checkResponse(client, expected, port);
    await sendReady(index + 1);
  }
  if (subject.fate === "closed") {
    const { bytes, peer } = await client.readUntilEnd();
    assert.equal(toText(bytes), "", "after the last response");
    // A reset may overtake an answer and take it away (RFC 9112 §9.6).
    if (!subject.client.at(-1)?.cut) assert.equal(peer, "closed");
  } else if (subject.fate === "kept") {
    assert.equal((await client.ask(PROBE)).status, 200, "to the probe");
  }
}

async function sendPieces(
  client: RawClient,
  pieces: readonly Uint8Array[],
): Promise<void> {
  try {
    for (const [index, piece] of pieces.entries()) {
      // Gives the proxy, which shares this thread, a turn to read the last one.
      if (index > 0) await new Promise((resolve) => setImmediate(resolve));
      await client.send(piece);
    }
  } catch (error) {
    // It has had its answer and was cut off: the answer is what is checked.
    if (!isReset(error)) throw error;
  }
}

async function checkResponse(
  client: RawClient,
  expected: ExpectedResponse,
  port: number,
): Promise<void> {
  const method = expected.toHead ? "HEAD" : "GET";
  try {
    const response = await client.readResponse(method);
    assert.equal(response.status, expected.status, `${response.text}`);
    assert.ok(!expected.cut, "the response is complete");
    checkMessage(response, expected, port);
  } catch (error) {
    if (!expected.cut || !(error instanceof CutMessageError)) throw error;
    assert.ok(error.partial, "the head had not come");
    checkMessage(error.partial, expected, port);
  }
}

function checkMessage(
  message: HttpMessage,
  expected: ExpectedMessage,
  port: number,
): void {
  for (const [name, value] of expected.fields) {
    const actual = message.headers.get(name);
    if (value === null) assert.equal(actual, undefined, name);
    else if (value === "*") assert.notEqual(actual ?? "", "", name);
    else assert.equal(actual, value.replaceAll("{port}", `${port}`), name);
  }
  const trailers = message.trailers.map((field) => field.join(": "));
  assert.deepEqual(trailers, expected.trailers, "trailers");
  if (expected.body !== null) assert.equal(message.text, expected.body);
}

/** The worker saw the requests it should have seen, and not a byte beside them. */
function checkWorker(
  subject: ConformanceCase,
  origin: RecordingOrigin,
  port: number,
): void {
  if (subject.worker === null) return;
  const requests = origin.requests.filter((r) => r.target !== "/probe");
  assert.deepEqual(
    requests.map((request) => request.startLine),
    subject.worker.map((expected) => expected.startLine),
    "requests the worker saw",
  );
  for (const [index, expected] of subject.worker.entries()) {
    checkMessage(requests[index]!, expected, port);
  }
  if (subject.mayBeginRequest) return;
  for (const { text, requests } of origin.connections) {
    const whole = concatBytes(...requests.map((request) => request.raw));
    assert.equal(text, toText(whole), "bytes the worker got");
  }
}
