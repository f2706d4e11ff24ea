/**
 * A worker in memory that does what its scripts say, connection by connection.
 *
 * @module
 */

import type { HttpMessage } from "../http_message.ts";
import type { OriginScript, OriginStep } from "../origin_script.ts";
import { toBytes } from "../raw_socket.ts";
import type { Peer } from "./core_stand.ts";
import { readRequestAt } from "./message_reader.ts";
import type { ScriptedLink } from "./scripted_link.ts";

/** Cuts what is sent into the pieces that are sent one by one. */
export type Pieces = (bytes: Uint8Array) => readonly Uint8Array[];

/** How an origin behaves beside its scripts. */
export interface MemoryOriginOptions {
  /** @default {whole} */
  readonly pieces?: Pieces;
  /** Octets that it sends in all before it falls silent. @default {Infinity} */
  readonly budget?: number;
}

/** One connection to a worker. */
export class MemoryOriginConnection implements Peer {
  readonly link: ScriptedLink;
  /** Requests that were read whole. */
  readonly requests: HttpMessage[] = [];
  readonly #script: OriginScript;
  readonly #origin: MemoryOrigin;
  /** Pieces that are still to be sent. */
  #sending: Uint8Array[] = [];
  #step = 0;
  /** First octet that was not read. */
  #at = 0;

  /** Follows `script` on `link`. */
  constructor(link: ScriptedLink, script: OriginScript, origin: MemoryOrigin) {
    this.link = link;
    this.#script = script;
    this.#origin = origin;
  }

  /** Every octet that has come, one character each. */
  get text(): string {
    return this.link.output;
  }

  react(): boolean {
    const { link } = this;
    if (link.peerEnded) return false;
    if (this.#sending.length > 0) {
      // Each comes in a read of its own, when the last has been taken in.
      if (link.undelivered > 0 || this.#origin.silent) return false;
      link.deliver(this.#origin.spend(this.#sending.shift()!));
      return true;
    }
    const step = this.#script[this.#step];
    if (step === undefined) {
      if (link.outputEnd === "open") return false;
      link.deliverEnd();
      return true;
    }
    if (!this.#do(step)) return false;
    this.#step++;
    return true;
  }

  #do(step: OriginStep): boolean {
    const { link } = this;
    switch (step.do) {
      case "read-head": {
        const end = link.output.indexOf("\r\n\r\n", this.#at);
        if (end < 0) return false;
        this.#at = end + 4;
        return true;
      }
      case "read-request":
        return this.#readRequest();
      case "read-bytes":
        if (link.output.length < this.#at + step.count) return false;
        this.#at += step.count;
        return true;
      case "read-end":
        this.#at = link.output.length;
        return link.outputEnd !== "open";
      case "send":
        this.#sending.push(...this.#origin.pieces(toBytes(step.data)));
        return true;
      case "half-close":
      case "close":
        if (this.#origin.silent) return false;
        link.deliverEnd();
        return true;
      case "reset":
        // What was sent before is read before: the proxy has had its time.
        if (this.#origin.silent || link.undelivered > 0) return false;
        link.reset();
        return true;
      default:
        throw new Error(`Cannot do "${step.do}" in memory`);
    }
  }

  #readRequest(): boolean {
    const read = readRequestAt(this.link.output, this.#at);
    if (read === null || !read.complete) return false;
    this.requests.push(read.message);
    this.#at = read.next;
    return true;
  }
}

/** The worker. */
export class MemoryOrigin {
  readonly connections: MemoryOriginConnection[] = [];
  readonly pieces: Pieces;
  readonly #scripts: readonly OriginScript[];
  #budget: number;

  /** The first connection gets the first script, and so on; the last serves all further ones. */
  constructor(
    scripts: readonly OriginScript[],
    options: MemoryOriginOptions = {},
  ) {
    this.#scripts = scripts;
    this.pieces = options.pieces ?? ((bytes) => [bytes]);
    this.#budget = options.budget ?? Infinity;
  }

  /** All requests that were read whole, by connection. */
  get requests(): readonly HttpMessage[] {
    return this.connections.flatMap(({ requests }) => requests);
  }

  /** Whether it does nothing any more. */
  get silent(): boolean {
    return this.#budget <= 0;
  }

  /** What of `bytes` is sent. */
  spend(bytes: Uint8Array): Uint8Array {
    const sent = bytes.subarray(0, this.#budget);
    this.#budget -= bytes.length;
    return sent;
  }

  /** Serves another connection. */
  serve(link: ScriptedLink): MemoryOriginConnection {
    const index = Math.min(this.connections.length, this.#scripts.length - 1);
    const script = this.#scripts[index] ?? [];
    const connection = new MemoryOriginConnection(link, script, this);
    this.connections.push(connection);
    return connection;
  }
}
