/**
 * Plays a conformance case on the core alone, in memory: everything happens
 * when it is told to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CORE_PORT, CoreStand } from "../support/core/core_stand.ts";
import { MemoryOrigin, type Pieces } from "../support/core/memory_origin.ts";
import {
  type ReadMessage,
  readResponseAt,
  statusOf,
} from "../support/core/message_reader.ts";
import type {
  ScriptedLink,
  ScriptedLinkOptions,
} from "../support/core/scripted_link.ts";
import { toBytes } from "../support/raw_socket.ts";
import {
  checkMessage,
  checkWorker,
  PROBE,
  scriptsOf,
  SETTINGS,
  SETUPS,
} from "./case_check.ts";
import type { ConformanceCase, ExpectedResponse } from "./conformance_case.ts";

/** How everything around the core behaves in one run. */
export interface Manner {
  readonly links: ScriptedLinkOptions;
  /** Whether reads come only when nothing else is left to do. */
  readonly readsLate: boolean;
  readonly clientPieces: Pieces;
  readonly workerPieces: Pieces;
}

/** At which octet one of the four ways falls silent. */
export interface Silence {
  readonly of:
    | "client sends"
    | "worker sends"
    | "client takes"
    | "worker takes";
  readonly afterBytes: number;
}

/** How long a response is waited for, in the time of the stand: no case waits for longer. */
const PATIENCE_MS = 3000;

/** How often it is looked for meanwhile. */
const LOOK_MS = 50;

/** Plays `subject`. @throws {AssertionError} when somebody sees what they should not, or something is left. */
export function runInMemory(subject: ConformanceCase, manner: Manner): void {
  const { stand, origin } = setUp(subject, manner, Infinity);
  const client = new CaseClient(stand, manner, stand.accept());
  client.converse(subject);
  if (subject.fate === "closed" && subject.answers.at(-1)?.then === "last") {
    const { idleUpstreamConnections } = stand.engine;
    assert.equal(idleUpstreamConnections, 0, "kept to the worker");
  }
  client.end();
  stand.checkEnds();
  checkWorker(subject, origin, CORE_PORT);
}

/**
 * Plays `subject` up to where somebody falls silent for good.
 *
 * @throws {AssertionError} when something does not end, or is left, or ends as if it were complete.
 */
export function runIntoSilence(
  subject: ConformanceCase,
  manner: Manner,
  { of, afterBytes }: Silence,
): void {
  const capacity = { capacity: afterBytes, writesAtOnce: false };
  const budget = of === "worker sends" ? afterBytes : Infinity;
  const { stand } = setUp(
    subject,
    manner,
    budget,
    of === "worker takes" ? capacity : {},
  );
  const link = stand.accept(of === "client takes" ? capacity : {});
  const client = new CaseClient(stand, manner, link);
  client.sendAll(subject, of === "client sends" ? afterBytes : Infinity);
  stand.checkEnds();
  client.checkPrefix(subject);
}

function setUp(
  subject: ConformanceCase,
  manner: Manner,
  budget: number,
  worker: ScriptedLinkOptions = {},
): { stand: CoreStand; origin: MemoryOrigin } {
  const stand = new CoreStand({
    settings: {
      ...SETTINGS,
      ...SETUPS[subject.setup],
      maxQueue: 10,
      queueTimeoutMs: 100,
    },
    workers: subject.setup === "workerless" ? 0 : 1,
    links: manner.links,
  });
  const pieces = subject.answers.some(({ together }) => together)
    ? (bytes: Uint8Array) => [bytes]
    : manner.workerPieces;
  const scripts = scriptsOf(subject.answers);
  const origin = new MemoryOrigin(scripts, { pieces, budget });
  stand.onConnect = (attempt) => () => {
    const link = stand.newWorkerLink(worker);
    stand.peers.push(origin.serve(link));
    attempt.succeed(link);
  };
  return { stand, origin };
}

/** The client of a case. */
class CaseClient {
  readonly #stand: CoreStand;
  readonly #manner: Manner;
  readonly #link: ScriptedLink;
  /** First octet that was not read. */
  #at = 0;

  constructor(stand: CoreStand, manner: Manner, link: ScriptedLink) {
    this.#stand = stand;
    this.#manner = manner;
    this.#link = link;
  }

  /** Sends and reads what the case says. */
  converse(subject: ConformanceCase): void {
    this.#sendReady(subject, -1, 0);
    if (subject.endsWriting) {
      this.#link.deliverEnd();
      this.#run();
    }
    for (const [index, expected] of subject.client.entries()) {
      this.#checkResponse(expected);
      this.#sendReady(subject, index, index + 1);
    }
    if (subject.fate === "closed") this.#checkClosed(subject);
    else if (subject.fate === "kept") this.#probe();
  }

  /** Sends all that the case has it send, up to so many octets, and waits for nothing. */
  sendAll({ sendings, endsWriting }: ConformanceCase, most: number): void {
    let left = most;
    for (const { bytes } of sendings) {
      this.#send([bytes.subarray(0, left)]);
      left = Math.max(0, left - bytes.length);
    }
    if (endsWriting && most === Infinity) this.#link.deliverEnd();
    this.#run();
  }

  /** Closes, if it has not been closed. */
  end(): void {
    this.#link.deliverEnd();
    this.#run();
  }

  /** What came is a part of what was expected: no response that is complete but cut, and none that is another. */
  checkPrefix({ client }: ConformanceCase): void {
    const { output } = this.#link;
    let expected = 0;
    for (let at = 0; at < output.length;) {
      const read = this.#readAt(at, client[expected]?.toHead ?? false);
      if (read === null || !read.complete) return;
      const status = statusOf(read.message);
      const foreseen = client[expected]?.status;
      // Or why there is none, or why the next is not served.
      const failures = [400, 408, 413, 431, 502, 503, 504];
      if (status !== foreseen) {
        assert.ok(failures.includes(status), `${status}`);
      } else assert.ok(!client[expected]!.cut, "a cut response looks complete");
      expected++;
      at = read.next;
    }
  }

  #sendReady(
    { sendings }: ConformanceCase,
    before: number,
    responses: number,
  ): void {
    for (const { bytes, afterResponses, together } of sendings) {
      if (afterResponses <= before || afterResponses > responses) continue;
      this.#send(together ? [bytes] : this.#manner.clientPieces(bytes));
    }
  }

  #send(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      if (this.#link.outputEnd === "reset") return;
      this.#link.deliver(piece);
      this.#run();
    }
  }

  #run(): void {
    this.#stand.run(this.#manner);
  }

  #checkResponse(expected: ExpectedResponse): void {
    const read = this.#await(() => {
      const read = this.#readAt(this.#at, expected.toHead);
      return read?.complete || this.#ended ? read : null;
    });
    assert.ok(read, `no response: ${JSON.stringify(this.#link.output)}`);
    const { message, complete } = read;
    assert.equal(statusOf(message), expected.status, message.text);
    assert.equal(complete, !expected.cut, "whether it is complete");
    checkMessage(message, expected, CORE_PORT);
    this.#at = read.next;
  }

  #checkClosed({ client }: ConformanceCase): void {
    this.#await(() => this.#ended ? true : null);
    const { output, outputEnd } = this.#link;
    assert.equal(output.slice(this.#at), "", "after the last response");
    if (!client.at(-1)?.cut) assert.equal(outputEnd, "ended");
  }

  #probe(): void {
    this.#send([toBytes(PROBE)]);
    const read = this.#await(() => this.#readAt(this.#at, false));
    assert.equal(read && statusOf(read.message), 200, "to the probe");
  }

  get #ended(): boolean {
    return this.#link.outputEnd !== "open";
  }

  #readAt(at: number, toHead: boolean): ReadMessage | null {
    const { output, outputEnd } = this.#link;
    const ended = outputEnd === "ended";
    const method = toHead ? "HEAD" : "GET";
    return readResponseAt(output, at, { method, ended });
  }

  /** What `look` returns, as soon as it is something; time passes meanwhile. */
  #await<T>(look: () => T | null): T | null {
    let found = look();
    for (let ms = 0; found === null && ms < PATIENCE_MS; ms += LOOK_MS) {
      this.#stand.pass(LOOK_MS);
      this.#run();
      found = look();
    }
    return found;
  }
}
