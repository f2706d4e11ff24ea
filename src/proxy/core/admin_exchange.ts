/**
 * One request for a page of our own, and its response: read whole, handed
 * over, and written with a length, or as it comes.
 *
 * Knows nothing of the pages: those are behind the port in the context.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder } from "../../http1/body_decoder.ts";
import { ascii, concatenated } from "../../http1/bytes.ts";
import { LAST_CHUNK } from "../../http1/chunked_encoding.ts";
import { errorResponse } from "../../http1/error_response.ts";
import { HttpError } from "../../http1/http_error.ts";
import { Method } from "../../http1/request_head.ts";
import { adminChunk, adminHead } from "./admin_message.ts";
import type {
  AdminHead,
  AdminPage,
  AdminResponse,
  AdminSink,
} from "./admin_port.ts";
import { MEDIUM_BUFFER_BYTES } from "./buffer_pool.ts";
import type { ProxyContext } from "./context.ts";
import type { Link } from "./link.ts";
import { StallDeadline } from "./stall_deadline.ts";

/** Largest request body: what is asked of the pages fits many times over. */
const MAX_BODY_BYTES = 4096;

const CONTINUE = ascii("HTTP/1.1 100 Continue\r\n\r\n");

/** What an exchange with a page waits for. */
export type AdminExchangeState =
  /** The client to be asked for its body. */
  | { readonly type: "writing-continue" }
  /** The rest of the request. */
  | { readonly type: "reading-body" }
  /** The page. */
  | { readonly type: "awaiting-head"; readonly response: AdminResponse }
  /** The whole of the page's body, whose head is there. */
  | {
    readonly type: "awaiting-body";
    readonly response: AdminResponse;
    readonly head: AdminHead;
  }
  /** The next part of the page. */
  | { readonly type: "awaiting-part"; readonly response: AdminResponse }
  /** The client, to take what was written last; `next` is what follows. */
  | {
    readonly type: "writing";
    readonly response: AdminResponse | null;
    readonly next: "part" | "end";
    readonly reusable: boolean;
  }
  | { readonly type: "over" };

const OVER: AdminExchangeState = Object.freeze({ type: "over" });

/** Serves one request for a page of our own. */
export class AdminExchange implements AdminSink {
  readonly #context: ProxyContext;
  readonly #link: Link;
  readonly #onOver: (reusable: boolean) => void;
  readonly #page: AdminPage;
  readonly #decoder: BodyDecoder;
  readonly #body = new Uint8Array(MAX_BODY_BYTES);
  readonly #keepAlive: boolean;
  readonly #toHead: boolean;
  readonly #http10: boolean;
  readonly #expectsContinue: boolean;
  readonly #stall = new StallDeadline();
  #bodyBytes = 0;
  #state: AdminExchangeState = { type: "reading-body" };
  /** Whether the response is ended in order as soon as what is being written is. */
  #ending = false;

  /** Prepares to serve the request in `context.requestHead`, whose body begins where the input is. */
  constructor(
    context: ProxyContext,
    parts: {
      readonly link: Link;
      readonly page: AdminPage;
      /** Called once, with whether the connection may be used again. */
      readonly onOver: (reusable: boolean) => void;
    },
  ) {
    const { requestHead: head } = context;
    this.#context = context;
    this.#link = parts.link;
    this.#onOver = parts.onOver;
    this.#page = parts.page;
    this.#decoder = bodyDecoder(head.body);
    this.#keepAlive = head.keepAlive;
    this.#toHead = head.method === Method.HEAD;
    this.#http10 = head.minorVersion === 0;
    this.#expectsContinue = head.expectsContinue;
  }

  /** When to look whether the present read or write has lasted too long. */
  get deadline(): number {
    return this.#stall.at;
  }

  /** What it waits for. */
  get state(): AdminExchangeState {
    return this.#state;
  }

  /** Begins. */
  run(): void {
    this.#touch();
    if (!this.#expectsContinue) return this.onData();
    this.#state = { type: "writing-continue" };
    const result = this.#link.write(CONTINUE, null);
    if (result !== "pending") this.onWritten(result === "written");
  }

  /** Ends a response that has no end of its own, in order: the client ends, or the pool stops. */
  end(): void {
    const state = this.#state;
    if (state.type === "awaiting-part") {
      state.response.cancel();
      this.#endParts();
    } else this.#ending = true;
  }

  /** Cuts a client that has kept us waiting for too long. */
  expire(now: number): void {
    const reads = this.#state.type === "reading-body";
    if (this.#stall.look(now, reads ? null : this.#link.taken())) this.cut();
  }

  /** Ends it at once: the response is cut, and whoever makes it is told. */
  cut(): void {
    this.#link.close();
    this.#over(false);
  }

  /** The client has brought more. */
  onData(): void {
    if (this.#state.type !== "reading-body") return;
    try {
      if (!this.#readBody()) return this.#awaitMore();
    } catch (error) {
      if (error instanceof HttpError) return this.#refuse(error);
      throw error;
    }
    this.#stall.stop();
    this.#link.watch(false);
    const body = this.#body.subarray(0, this.#bodyBytes);
    const response = this.#page.respond(body, this);
    this.#state = { type: "awaiting-head", response };
  }

  /** The client sends no more. */
  onClientEnd(): void {
    if (this.#link.failed || this.#state.type === "reading-body") this.cut();
    else this.end();
  }

  /** What was pending is written, or never will be. */
  onWritten(written: boolean): void {
    const state = this.#state;
    this.#stall.stop();
    if (!written) return this.cut();
    if (state.type === "writing-continue") {
      this.#state = { type: "reading-body" };
      this.#touch();
      return this.onData();
    }
    if (state.type !== "writing") return;
    const { response, next, reusable } = state;
    if (next === "end" || response === null) return this.#over(reusable);
    if (this.#ending) {
      response.cancel();
      return this.#endParts();
    }
    this.#state = { type: "awaiting-part", response };
    response.pull();
  }

  onHead(head: AdminHead): void {
    if (this.#state.type !== "awaiting-head") return;
    const { response } = this.#state;
    if (!head.streamed) {
      this.#state = { type: "awaiting-body", response, head };
      return response.pull();
    }
    const framing = [
      // A 1.0 client does not know chunks: the end of the connection is the end.
      ...(this.#http10 ? [] : ["transfer-encoding: chunked"]),
      "connection: close",
    ];
    this.#ending ||= this.#toHead || this.#context.draining;
    if (this.#toHead) response.cancel();
    this.#write(this.#head(head, framing), {
      response,
      next: this.#toHead ? "end" : "part",
      reusable: false,
    });
  }

  onPart(part: Uint8Array): void {
    const state = this.#state;
    if (state.type === "awaiting-body") {
      return this.#send(state.head, part);
    }
    if (state.type !== "awaiting-part") return;
    const { response } = state;
    const content = this.#http10 ? part : adminChunk(part);
    this.#write(content, { response, next: "part", reusable: false });
  }

  onDone(): void {
    if (this.#state.type === "awaiting-part") this.#endParts();
  }

  onBroken(reason: string): void {
    // Not for the host to fall over: the page's fault ends the page.
    const message = `An admin page broke off: ${reason}`;
    this.#context.events.emit({ type: "notice", level: "error", message });
    this.cut();
  }

  /**
   * Takes what has come of the body; returns whether that is all.
   *
   * @throws {HttpError} When it is malformed or too large.
   */
  #readBody(): boolean {
    const decoder = this.#decoder;
    const { input } = this.#link;
    decoder.decode(input.bytes, input.start, input.end);
    const { contentStart, contentEnd } = decoder;
    const content = input.bytes.subarray(contentStart, contentEnd);
    input.start = decoder.next;
    if (this.#bodyBytes + content.length > MAX_BODY_BYTES) {
      throw new HttpError(413, `The body exceeds ${MAX_BODY_BYTES} bytes`);
    }
    this.#body.set(content, this.#bodyBytes);
    this.#bodyBytes += content.length;
    return decoder.done;
  }

  #awaitMore(): void {
    if (this.#link.ended) return this.cut();
    // What is not consumed is a part of the trailers: they come whole.
    const { input } = this.#link;
    if (input.full) input.resize(MEDIUM_BUFFER_BYTES);
    this.#link.resume(false);
  }

  #refuse({ status, message }: HttpError): void {
    const dateLine = this.#context.dateLine.text;
    this.#link.pause();
    this.#write(errorResponse({ status, message, dateLine }).bytes, {
      response: null,
      next: "end",
      reusable: false,
    });
  }

  /** Writes a response that is there at once, head and body together. */
  #send(head: AdminHead, body: Uint8Array): void {
    const keep = this.#keepAlive && !this.#context.draining;
    const octets = this.#head(head, [
      `content-length: ${body.length}`,
      `connection: ${keep ? "keep-alive" : "close"}`,
    ]);
    this.#write(this.#toHead ? octets : concatenated(octets, body), {
      response: null,
      next: "end",
      reusable: keep,
    });
  }

  #endParts(): void {
    const last = { response: null, next: "end", reusable: false } as const;
    if (this.#http10) this.#over(false);
    else this.#write(LAST_CHUNK, last);
  }

  #head(head: AdminHead, framing: readonly string[]): Uint8Array {
    const dateField = this.#context.dateLine.text;
    return adminHead(head, { dateField, framing });
  }

  #write(
    bytes: Uint8Array,
    then: Omit<AdminExchangeState & { readonly type: "writing" }, "type">,
  ): void {
    this.#touch();
    this.#state = { type: "writing", ...then };
    const result = this.#link.write(bytes, null);
    if (result !== "pending") this.onWritten(result === "written");
  }

  #over(reusable: boolean): void {
    const state = this.#state;
    if (state.type === "over") return;
    this.#state = OVER;
    this.#stall.stop();
    if ("response" in state) state.response?.cancel();
    this.#onOver(reusable);
  }

  /** Gives the client as long as a body may stall. */
  #touch(): void {
    const { deadlines, options } = this.#context;
    this.#stall.touch(deadlines.now, options.bodyTimeoutMs);
  }
}
