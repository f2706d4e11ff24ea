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
import { type AnyProxy, openProxy } from "../support/any_proxy.ts";
import { Dispatcher } from "../../src/upstream/dispatcher.ts";
import { roundRobin } from "../../src/upstream/policy/round_robin.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { CutMessageError } from "../support/http_message.ts";
import { RawClient } from "../support/raw_client.ts";
import { isReset, toText } from "../support/raw_socket.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import {
  checkMessage,
  checkWorker,
  PROBE,
  scriptsOf,
  SETTINGS,
  SETUPS,
} from "./case_check.ts";
import type {
  ConformanceCase,
  ExpectedResponse,
  Setup,
} from "./conformance_case.ts";

/** Cuts what is sent into the pieces that are written one by one. */
export type Cut = (bytes: Uint8Array) => readonly Uint8Array[];

const STOP_TIMEOUT_MS = 60_000;

/** Plays `subject`, the client writing what it sends piece by piece. @throws {AssertionError} when somebody sees what they should not. */
export async function runCase(
  subject: ConformanceCase,
  cut: Cut,
): Promise<void> {
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
  const clock = () => performance.now();
  const dispatcher = new Dispatcher({
    policy: roundRobin,
    workerConcurrency: 0,
    maxQueue: 10,
    queueTimeoutMs: 100,
    clock,
  });
  const address = { id: 0, hostname: "127.0.0.1", port: workerPort };
  if (setup !== "workerless") {
    dispatcher.publish([new Upstream({ ...address, generation: 1 })]);
  }
  return openProxy({ ...SETTINGS, ...SETUPS[setup] }, {
    tls: null,
    dispatcher,
    clock,
    counters: new Counters(),
    events: new EventEmitter(),
    admin: null,
  });
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
      const { bytes, together } = waiting.shift()!;
      await sendPieces(client, together ? [bytes] : cut(bytes));
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
