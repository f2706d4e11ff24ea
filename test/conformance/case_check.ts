/**
 * How a conformance case is set up, and what is looked at once it has been
 * played: the same over sockets and in memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EngineSettings } from "../../src/proxy/core/engine.ts";
import type { HttpMessage } from "../support/http_message.ts";
import type { OriginScript, OriginStep } from "../support/origin_script.ts";
import { concatBytes, toText } from "../support/raw_socket.ts";
import type {
  ConformanceCase,
  ExpectedMessage,
  Setup,
  WorkerAnswer,
} from "./conformance_case.ts";

const DEFAULT_ANSWER: WorkerAnswer = {
  bytes: new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ),
  after: "request",
  then: "keep",
  together: false,
};

/** More than any case asks for on one connection, the probe included. */
const MAX_DEFAULT_ANSWERS = 8;

/** Shows that a connection still serves, and that nothing is left over on it. */
export const PROBE = "GET /probe HTTP/1.1\r\nHost: a\r\n\r\n";

/** What holds where a case does not say otherwise. */
export const SETTINGS: EngineSettings = {
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

/** What each setup changes of that. */
export const SETUPS: Readonly<Record<Setup, Partial<EngineSettings>>> = {
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

/** What a worker has got. */
export interface SeenByWorker {
  /** Requests that came whole. */
  readonly requests: readonly HttpMessage[];
  readonly connections: readonly {
    /** Every octet that came, one character each. */
    readonly text: string;
    readonly requests: readonly HttpMessage[];
  }[];
}

/** One script a connection: it goes on with the answer after the last one that ended a connection. */
export function scriptsOf(answers: readonly WorkerAnswer[]): OriginScript[] {
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

/** The message is what is expected; `port` is the one that the client knows. @throws {AssertionError} */
export function checkMessage(
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

/** The worker saw the requests it should have seen, and not a byte beside them. @throws {AssertionError} */
export function checkWorker(
  subject: ConformanceCase,
  origin: SeenByWorker,
  port: number,
): void {
  if (subject.worker === null) return;
  const requests = origin.requests
    .filter(({ startLine }) => !startLine.includes(" /probe "));
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
