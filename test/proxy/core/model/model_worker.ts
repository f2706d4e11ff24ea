/**
 * One connection to a worker of the model: reads requests, responds well or
 * badly, and knows what it must not see.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Random } from "../../../fuzz/random.ts";
import type { Peer } from "../../../support/core/core_stand.ts";
import {
  type ReadMessage,
  readRequestAt,
} from "../../../support/core/message_reader.ts";
import type { ScriptedLink } from "../../../support/core/scripted_link.ts";
import { toBytes } from "../../../support/raw_socket.ts";
import {
  contentOf,
  drawResponse,
  type ModelRequest,
  type ModelResponse,
} from "./traffic.ts";

/** How much is sent at once at most. */
const PIECES = [1, 9, 200, 3000, 70_000];

/** What is sent after a switch of protocols. */
const TUNNELLED_BYTES = 2500;

/** What all connections to workers know of. */
export interface WorkerKnowledge {
  readonly random: Random;
  /** Whether nothing goes wrong. */
  readonly calm: boolean;
  /** The requests there are, by their ids. */
  readonly requests: ReadonlyMap<number, ModelRequest>;
  /** How often each has been seen to begin. */
  readonly attempts: Map<number, number>;
}

interface Serving {
  readonly request: ModelRequest;
  readonly response: ModelResponse;
  begun: boolean;
  sentBytes: number;
  tunnelledBytes: number;
  over: boolean;
}

/** A connection to a worker. */
export class ModelWorker implements Peer {
  readonly link: ScriptedLink;
  /** Set by the world: it does nothing any more. */
  frozen = false;
  readonly #known: WorkerKnowledge;
  /** First octet of the request that is being read. */
  #at = 0;
  #serving: Serving | null = null;

  /** Serves what comes on `link`. */
  constructor(link: ScriptedLink, known: WorkerKnowledge) {
    this.link = link;
    this.#known = known;
  }

  react(): boolean {
    const { link } = this;
    if (this.frozen || link.peerEnded) return false;
    const read = this.#read();
    const serving = this.#serving;
    if (serving === null || read === null) {
      if (link.outputEnd === "open") return false;
      link.deliverEnd();
      return true;
    }
    const { response } = serving;
    if (response.early !== "" && !serving.begun) {
      serving.begun = true;
      link.deliver(toBytes(response.early));
      return true;
    }
    if (read.complete && response.switches && serving.over) {
      return this.#tunnel(serving);
    }
    if (serving.over) return this.#goOn(serving, read);
    const content = read.message.text.length;
    if (!read.complete && content < response.afterBytes) {
      return this.#giveUp();
    }
    return this.#send(serving);
  }

  /** Looks at all that has come: whose it is, and whether it was to come here. */
  check(): void {
    const read = this.#read();
    if (read === null) return;
    const { request, response, over } = this.#serving!;
    const { text } = read.message;
    assert.equal(
      text,
      contentOf(`q${request.id}`, text.length),
      "a request's content",
    );
    if (!read.complete) return;
    assert.equal(text.length, request.content.length, "a request's length");
    const rest = this.link.output.slice(read.next);
    if (rest === "") return;
    if (response.switches && over) {
      const expected = contentOf(`u${request.id}`, rest.length);
      return assert.equal(rest, expected, "what came through the tunnel");
    }
    assert.ok(over && response.reusable, "used again before it was free");
    assert.equal(this.link.undelivered, 0, "used again before it was read");
  }

  /** The request at the front, once its head is there. */
  #read(): ReadMessage | null {
    const { output } = this.link;
    if (output.length === this.#at) return null;
    const read = readRequestAt(output, this.#at);
    if (read !== null) this.#serving ??= this.#begin(read);
    return read;
  }

  #begin({ message }: ReadMessage): Serving {
    const [method, target = ""] = message.startLine.split(" ");
    const id = Number(target.slice(1));
    const { requests, attempts } = this.#known;
    const request = requests.get(id);
    assert.ok(request, `a request that nobody has made: ${message.startLine}`);
    assert.equal(method, request.method);
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    assert.ok(attempt === 1 || method !== "POST", "a POST is sent again");
    assert.ok(attempt <= 3, "a request is sent too often");
    const response = drawResponse(request, attempt, this.#known);
    return {
      request,
      response,
      begun: false,
      sentBytes: 0,
      tunnelledBytes: 0,
      over: false,
    };
  }

  /** Nothing more of the request comes, as the other side has ended. */
  #giveUp(): boolean {
    if (this.link.outputEnd === "open") return false;
    this.link.deliverEnd();
    return true;
  }

  #send(serving: Serving): boolean {
    const { response: { text, sentBytes, then } } = serving;
    const upTo = Math.min(sentBytes, text.length);
    const left = upTo - serving.sentBytes;
    if (left > 0) {
      const most = Math.min(this.#known.random.pick(PIECES), left);
      const from = serving.sentBytes;
      serving.sentBytes += most;
      serving.over = serving.sentBytes === upTo && then === "keep";
      this.link.deliver(toBytes(text.slice(from, from + most)));
      return true;
    }
    switch (then) {
      case "keep":
        serving.over = true;
        return true;
      case "stall":
        return this.#giveUp();
      case "close":
        serving.over = true;
        this.link.deliverEnd();
        return true;
      case "reset":
        serving.over = true;
        this.link.reset();
        return true;
    }
  }

  /** The response has been sent: waits for the rest of the request, and goes on with the next. */
  #goOn({ response }: Serving, read: ReadMessage): boolean {
    if (!read.complete || !response.reusable) return this.#giveUp();
    this.check();
    this.#at = read.next;
    this.#serving = null;
    return true;
  }

  #tunnel(serving: Serving): boolean {
    const left = TUNNELLED_BYTES - serving.tunnelledBytes;
    if (left <= 0) {
      this.link.deliverEnd();
      return true;
    }
    const from = serving.tunnelledBytes;
    const to = from + Math.min(left, this.#known.random.pick(PIECES));
    const name = `t${serving.response.name}`;
    this.link.deliver(toBytes(contentOf(name, to).slice(from)));
    serving.tunnelledBytes = to;
    return true;
  }
}
