/**
 * Passing octets on from one connection to another: taken out of one framing,
 * put into another, never more of them held than one buffer. Reading waits
 * for writing, so that a slow reader slows the sender down.
 *
 * @module
 */

import type { BodyDecoder } from "../../http1/body_decoder.ts";
import type { ByteWriter } from "../../http1/byte_writer.ts";
import {
  LAST_CHUNK,
  lastChunks,
  writeChunkEnd,
  writeChunkSize,
} from "../../http1/chunked_encoding.ts";
import { LARGE_BUFFER_BYTES, MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { InputBuffer } from "./input_buffer.ts";
import type { Link, PipedContent, WriteResult } from "./link.ts";
import { asProxyError, type ProxyError } from "./proxy_error.ts";

/** Octets, in one read or still to come, from which on content goes on unseen where it can: of fewer, a copy costs less than a pipe. */
const LEAST_UNSEEN_BYTES = 16_384;

/**
 * Of what is read, the greatest share of framing with which large buffers are
 * read: a quarter of a megabyte in chunks of one octet each takes some 20 ms to
 * take apart, in which nobody else is served.
 */
const MAX_FRAMING_SHARE = 1 / 16;

/** What a pump is doing. */
export type PumpState =
  /** Waiting for the source. */
  | "reading"
  /** Waiting until the sink has taken what was read. */
  | "writing"
  /** Waiting until the sink has taken the end, which only the connection had shown. */
  | "ending"
  /** Nothing any more. */
  | "over";

/** How a body ended. */
export type PumpOutcome =
  /** All of it was passed on. */
  | "complete"
  /** The source ended before the body did. */
  | "cut"
  /** The sink takes no more. */
  | "sink-gone";

/** Is told of what passes. */
export interface PumpListener {
  /**
   * Octets of content are about to be passed on. Before they are: whoever
   * returns an error keeps them from arriving.
   */
  onProgress(pump: BodyPump, contentBytes: number): ProxyError | null;
  /** The pump is over; an error says that the source broke the framing, or what `onProgress` returned. */
  onPumped(pump: BodyPump, outcome: PumpOutcome | ProxyError): void;
}

/** From where to where, and how. */
export interface PumpOptions {
  readonly source: Link;
  readonly sink: Link;
  readonly decoder: BodyDecoder;
  /** Whether the sink gets it in chunks. */
  readonly chunked: boolean;
  /** Whether the source is lost, and no end of its own: asked when it has ended, and nothing else shows where the body does. @default {never} */
  readonly lost?: () => boolean;
  /** What a source that breaks the framing is called. */
  readonly malformed: "bad-request" | "upstream-malformed";
}

/**
 * Takes the content that is in `input` out of its framing. Returns it framed
 * for the sink, possibly empty, and still in that buffer but for what ends
 * with trailers: write it before anything else is read.
 *
 * @throws {HttpError} When the source breaks the framing.
 */
export function takeContent(
  input: InputBuffer,
  decoder: BodyDecoder,
  chunked: boolean,
): Uint8Array {
  const { bytes } = input;
  unframe(input, decoder);
  const { contentStart, contentEnd, done } = decoder;
  if (!chunked) return bytes.subarray(contentStart, contentEnd);
  if (done && decoder.trailers !== null) {
    const content = bytes.subarray(contentStart, contentEnd);
    return lastChunks(content, decoder.trailers);
  }
  if (contentStart === contentEnd) {
    return done ? LAST_CHUNK : bytes.subarray(0, 0);
  }
  const from = writeChunkSize(bytes, contentStart, contentEnd - contentStart);
  // The last chunk fits: the source's own stood between here and `next`.
  const to = writeChunkEnd(bytes, contentEnd, done);
  return bytes.subarray(from, to);
}

/**
 * Takes the content that is in `input` out of its framing, and writes it to
 * `out`, framed for the sink. Returns it unwritten where that has no room for
 * it: as {@linkcode takeContent} does.
 *
 * @throws {HttpError} When the source breaks the framing.
 */
export function moveContent(
  input: InputBuffer,
  out: ByteWriter,
  decoder: BodyDecoder,
  chunked: boolean,
): Uint8Array | null {
  if (chunked) {
    const content = takeContent(input, decoder, chunked);
    if (content.length > out.room) return content;
    out.write(content);
    return null;
  }
  const { bytes } = input;
  unframe(input, decoder);
  const { contentStart, contentEnd } = decoder;
  if (contentEnd - contentStart > out.room) {
    return bytes.subarray(contentStart, contentEnd);
  }
  out.copy(bytes, contentStart, contentEnd);
  return null;
}

function unframe(input: InputBuffer, decoder: BodyDecoder): void {
  decoder.decode(input.bytes, input.start, input.end);
  input.start = decoder.next;
}

/** Passes on what is still to come of one body. Its owner hands it the events of both links. */
export class BodyPump {
  readonly #options: PumpOptions;
  readonly #listener: PumpListener;
  #state: PumpState = "reading";
  /** Whether the last read brought as much as it could, or the next one may. */
  #quick: boolean;
  /** Whether the source was lost when it ended; `null` before that, or where it is of no interest. */
  #lost: boolean | null = null;

  /** Prepares; nothing is passed on before {@linkcode start}. */
  constructor(options: PumpOptions, listener: PumpListener) {
    this.#options = options;
    this.#listener = listener;
    // Of a body that only the connection ends, much or little may come.
    this.#quick = options.decoder.contentAhead < Infinity;
  }

  /** What it is doing. */
  get state(): PumpState {
    return this.#state;
  }

  /** Passes on what the source has brought already, and goes on. */
  start(): void {
    const { source } = this.#options;
    if (source.input.available > 0) return this.onData();
    // The head has come without it.
    source.acknowledge();
    this.#proceed();
  }

  /** The source has brought more. */
  onData(): void {
    if (this.#state !== "reading") return;
    const { source, decoder, chunked, malformed } = this.#options;
    const piped = source.splicing?.takePiped() ?? null;
    if (piped !== null) return this.#passUnseen(piped);
    const { input } = source;
    let content: Uint8Array;
    const { filled, available } = input;
    try {
      content = takeContent(input, decoder, chunked);
    } catch (error) {
      return this.#end(asProxyError(error, malformed));
    }
    const contentBytes = decoder.contentEnd - decoder.contentStart;
    const refusal = this.#listener.onProgress(this, contentBytes);
    if (refusal !== null) return this.#end(refusal);
    // A buffer that one read fills is too small for a body this quick.
    this.#quick = filled;
    const many = filled || available > MEDIUM_BUFFER_BYTES;
    if (many && !decoder.done) {
      const framingBytes = available - contentBytes;
      const small = framingBytes > available * MAX_FRAMING_SHARE;
      input.continueWith(small ? MEDIUM_BUFFER_BYTES : LARGE_BUFFER_BYTES);
    }
    if (content.length === 0) return this.#proceed();
    this.#write("writing", content, input.detach());
  }

  /** The source has ended. */
  onEnd(): void {
    this.#noteLost();
    // What was read before is passed on first.
    if (this.#state === "reading") this.#proceed();
  }

  /** What was pending is written, or never will be. */
  onWritten(written: boolean): void {
    if (this.#state !== "writing" && this.#state !== "ending") return;
    if (!written) this.#end("sink-gone");
    else if (this.#state === "ending") this.#end("complete");
    else this.#proceed();
  }

  /** Passes nothing on any more, and calls nobody. */
  stop(): void {
    this.#state = "over";
    this.#seeAll();
  }

  /** Passes on what has come without having been seen. */
  #passUnseen(content: PipedContent): void {
    const { sink, decoder } = this.#options;
    const { length } = content;
    decoder.noteUnseen(length);
    const refusal = this.#listener.onProgress(this, length);
    if (refusal !== null) {
      content.release();
      return this.#end(refusal);
    }
    this.#quick = length >= LEAST_UNSEEN_BYTES;
    this.#state = "writing";
    this.#goOn(sink.splicing!.writePiped(content));
  }

  /** Waits for more, if more is to come. */
  #proceed(): void {
    const { source, decoder, chunked } = this.#options;
    if (decoder.done) return this.#end("complete");
    this.#state = "reading";
    if (!source.ended) {
      if (source.input.full) source.input.resize(LARGE_BUFFER_BYTES);
      this.#leaveUnseen();
      source.resume(false);
    } else if (source.failed || !this.#endedWhole()) this.#end("cut");
    else if (chunked) this.#write("ending", LAST_CHUNK, null);
    else this.#end("complete");
  }

  /** Whether the end of the source is that of the body. */
  #endedWhole(): boolean {
    this.#noteLost();
    return this.#options.decoder.endsWithConnection && !this.#lost;
  }

  /** Once: a source that has ended by itself may be lost a moment later. */
  #noteLost(): void {
    const { decoder, lost } = this.#options;
    if (decoder.endsWithConnection) this.#lost ??= lost?.() ?? false;
  }

  /** Has the kernel pass on what comes next, where that is worth it. */
  #leaveUnseen(): void {
    const { source, sink, decoder, chunked } = this.#options;
    const { contentAhead } = decoder;
    if (
      this.#quick && !chunked && contentAhead >= LEAST_UNSEEN_BYTES &&
      source.splicing !== null && sink.splicing !== null
    ) source.splicing.unseen = contentAhead;
  }

  #seeAll(): void {
    const { splicing } = this.#options.source;
    if (splicing !== null) splicing.unseen = 0;
  }

  #write(
    state: "writing" | "ending",
    bytes: Uint8Array,
    owned: Uint8Array<ArrayBuffer> | null,
  ): void {
    this.#state = state;
    this.#goOn(this.#options.sink.write(bytes, owned));
  }

  #goOn(result: WriteResult): void {
    if (result === "pending") this.#options.source.pause();
    else this.onWritten(result === "written");
  }

  #end(outcome: PumpOutcome | ProxyError): void {
    this.#state = "over";
    this.#seeAll();
    this.#options.source.pause();
    this.#listener.onPumped(this, outcome);
  }
}
