/**
 * Of which trace a request is, whether that is recorded, and what its worker
 * is told of it.
 *
 * @module
 */

import { ascii, latin1Slice } from "../../http1/bytes.ts";
import type { RequestHead } from "../../http1/request_head.ts";
import {
  dropTraceContext,
  PARENT_ID_START,
  readTraceContext,
  type TraceContext,
  TRACEPARENT_BYTES,
} from "../../http1/traceparent.ts";
import type { RequestSpan, TracedRequest, Tracer } from "./tracer.ts";

const HEX = ascii("0123456789abcdef");
const UNRECORDED = ascii(`00-${"0".repeat(32)}-${"0".repeat(16)}-00`);
const TRACE_ID_START = 3;
const SPAN_ID_DIGITS = 16;

/** Digits of a random number that are random. */
const DIGITS_AT_ONCE = 8;

/** The trace of one request. */
export interface RequestTrace {
  /** `null` where it is not recorded. */
  readonly span: RequestSpan | null;
  /** To be written as `traceparent`, valid until the next request; `null` where the request's own is passed on. */
  readonly field: Uint8Array | null;
}

/** The client has decided that it is not recorded: what it says is passed on. */
const NOT_SAMPLED: RequestTrace = Object.freeze({ span: null, field: null });

/** Takes requests into their traces. */
export class Traces {
  readonly #tracer: Tracer;
  readonly #ratio: number;
  readonly #random: () => number;
  readonly #field = new Uint8Array(TRACEPARENT_BYTES);

  /** Records `ratio` of the traces that begin here, and those whose parent is recorded. */
  constructor(
    tracer: Tracer,
    { ratio, random = Math.random }: {
      readonly ratio: number;
      readonly random?: () => number;
    },
  ) {
    this.#tracer = tracer;
    this.#ratio = ratio;
    this.#random = random;
  }

  /** The trace of the request in `head`, of which what must not be passed on is marked. */
  begin(
    bytes: Uint8Array,
    head: RequestHead,
    clientAddress: string,
  ): RequestTrace {
    const { fields } = head;
    const parent = readTraceContext(bytes, fields);
    const sampled = parent?.sampled ?? this.#random() < this.#ratio;
    if (parent !== null && !sampled) return NOT_SAMPLED;
    dropTraceContext(bytes, fields, { state: parent === null });
    const span = sampled
      ? this.#tracer.begin(describe(bytes, head, { clientAddress, parent }))
      : null;
    // A worker that samples by itself is told that this trace is not recorded.
    if (span === null) this.#writeUnrecorded();
    else this.#write(span.context);
    return { span, field: this.#field };
  }

  /** In place, and without a text: most requests come here. */
  #writeUnrecorded(): void {
    this.#field.set(UNRECORDED);
    this.#writeDigits(TRACE_ID_START, PARENT_ID_START - 1);
    this.#writeDigits(PARENT_ID_START, PARENT_ID_START + SPAN_ID_DIGITS);
  }

  #writeDigits(start: number, end: number): void {
    for (let at = start; at < end;) {
      let random = this.#random() * 2 ** 32 >>> 0;
      for (const next = at + DIGITS_AT_ONCE; at < next; at++) {
        this.#field[at] = HEX[random & 15]!;
        random >>>= 4;
      }
    }
  }

  #write({ traceId, spanId, sampled }: TraceContext): void {
    const text = `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
    for (let i = 0; i < text.length; i++) this.#field[i] = text.charCodeAt(i);
  }
}

function describe(
  bytes: Uint8Array,
  { methodStart, methodEnd, targetStart, targetEnd }: RequestHead,
  known: Pick<TracedRequest, "clientAddress" | "parent">,
): TracedRequest {
  return {
    method: latin1Slice(bytes, methodStart, methodEnd),
    target: latin1Slice(bytes, targetStart, targetEnd),
    ...known,
  };
}
