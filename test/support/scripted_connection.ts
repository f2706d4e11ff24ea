/**
 * One connection of an origin server: does what its script says and keeps
 * every byte it gets.
 *
 * @module
 */

import { ByteReader, CutError, type PeerState } from "./byte_reader.ts";
import type { Changes } from "./changes.ts";
import { delay } from "./deadline.ts";
import {
  type HttpMessage,
  type RawRequest,
  readHead,
  readRequest,
} from "./http_message.ts";
import type { OriginScript, OriginStep } from "./origin_script.ts";
import {
  concatBytes,
  isReset,
  type RawSocket,
  toBytes,
  toText,
} from "./raw_socket.ts";

/** How much of a long body is sent in one write. */
const FILL_BYTES = 64 * 1024;

/** One connection an origin has had, as far as it has come. */
export interface RecordedConnection {
  /** 0 for the first connection. */
  readonly index: number;
  /** Every byte read. */
  readonly received: Uint8Array;
  /** The same, one character a byte. */
  readonly text: string;
  /** Requests read by `read-request`. */
  readonly requests: readonly RawRequest[];
  /** Bytes the kernel has taken from us. */
  readonly sentBytes: number;
  /** How it ended; `"origin"`: we closed or reset it. `null` while it has not. */
  readonly end: Exclude<PeerState, "open"> | "origin" | null;
}

/** Runs a script on a connection and keeps what comes. */
export class ScriptedConnection implements RecordedConnection {
  readonly index: number;
  readonly requests: RawRequest[] = [];
  sentBytes = 0;
  end: RecordedConnection["end"] = null;

  readonly #socket: RawSocket;
  readonly #reader: ByteReader;
  readonly #received: Uint8Array[] = [];
  readonly #changes: Changes;

  /**
   * Takes over a connection.
   *
   * @param first What has been read of it already.
   * @param changes Told of everything that happens.
   */
  constructor(
    index: number,
    socket: RawSocket,
    first: Uint8Array | null,
    changes: Changes,
  ) {
    this.index = index;
    this.#socket = socket;
    this.#changes = changes;
    let early = first;
    this.#reader = new ByteReader(async () => {
      const bytes = early ?? await socket.read();
      early = null;
      if (bytes !== null) {
        this.#received.push(bytes);
        this.#changes.notify();
      }
      return bytes;
    });
  }

  /** Every byte read. */
  get received(): Uint8Array {
    return concatBytes(...this.#received);
  }

  /** The same, one character a byte. */
  get text(): string {
    return toText(this.received);
  }

  /** Does what the script says until it or the connection ends; `pass` waits for a gate. */
  async run(
    script: OriginScript,
    pass: (gate: string) => Promise<void>,
  ): Promise<void> {
    try {
      for (let at = 0; at < script.length && this.end === null; at++) {
        const step = script[at]!;
        if (step.do === "repeat") at = -1;
        else if (step.do === "gate") await pass(step.name);
        else await this.#do(step);
      }
      if (this.end === null) await this.#reader.takeRest();
    } catch (error) {
      // A peer that ends in the middle is something to record, not a failure.
      if (isReset(error)) this.end = "reset";
      else if (!(error instanceof CutError)) throw error;
    }
    this.end ??= this.#reader.peer === "open" ? "origin" : this.#reader.peer;
    this.#changes.notify();
  }

  async #do(
    step: Exclude<OriginStep, { readonly do: "repeat" | "gate" }>,
  ): Promise<HttpMessage | Uint8Array | void> {
    switch (step.do) {
      case "read-head":
        return await readHead(this.#reader);
      case "read-request":
        this.requests.push(await readRequest(this.#reader));
        return this.#changes.notify();
      case "read-bytes":
        return await this.#reader.take(step.count);
      case "read-through":
        return await this.#reader.takeThrough(step.delimiter);
      case "read-end":
        return await this.#reader.takeRest();
      case "send":
        return await this.#send(step);
      case "send-fill":
        return await this.#fill(step.count);
      case "wait":
        return await delay(step.ms);
      case "half-close":
        return await this.#socket.closeWrite();
      case "close":
        this.end = "origin";
        return await this.#socket.close();
      case "reset":
        this.end = "origin";
        return await this.#socket.reset();
    }
  }

  async #send(step: OriginStep & { readonly do: "send" }): Promise<void> {
    const bytes = toBytes(step.data);
    const pieceBytes = step.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (at > 0) await delay(step.pauseMs ?? 0);
      await this.#write(bytes.subarray(at, at + pieceBytes));
    }
  }

  async #fill(count: number): Promise<void> {
    const block = toBytes("x".repeat(FILL_BYTES));
    for (let missing = count; missing > 0; missing -= FILL_BYTES) {
      await this.#write(block.subarray(0, missing));
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#socket.write(bytes);
    this.sentBytes += bytes.length;
    this.#changes.notify();
  }
}
