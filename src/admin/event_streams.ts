/**
 * The pool's events as server-sent events, one stream for each who listens
 * (HTML Living Standard, "Server-sent events").
 *
 * The pool never waits for a listener: one that does not keep up is told so
 * and let go.
 *
 * @module
 */

import type { EventEmitter, PoolEvent } from "../events.ts";

/** Events kept for those who come, or come back. */
const KEPT_EVENTS = 100;

/** Messages that may wait for one listener: what was kept, and a burst on top. */
const MAX_BUFFERED = 4 * KEPT_EVENTS;

/** Between two signs of life: proxies cut connections that are silent for 30 s and more. */
const HEARTBEAT_MS = 15_000;

/** How long a browser waits before it comes back. */
const RETRY_MS = 2000;

const HEARTBEAT = ": still here\n\n";
const GREETING = `retry: ${RETRY_MS}\n\n`;
const FAREWELL = "event: dropped\ndata: " +
  `{"message":"You do not read as fast as events come"}\n\n`;

type Controller = ReadableStreamDefaultController<Uint8Array>;

interface KeptEvent {
  /** Counted from 1, without gaps. */
  readonly id: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly event: PoolEvent;
}

/** Tells everyone who listens what happens. */
export class EventStreams {
  readonly #listeners = new Set<Controller>();
  readonly #kept: KeptEvent[] = [];
  readonly #unsubscribe: () => void;
  readonly #heartbeatMs: number;
  #lastId = 0;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  /** Takes in what `events` tells from now on; silence is broken every `heartbeatMs`. */
  constructor(events: EventEmitter, heartbeatMs: number = HEARTBEAT_MS) {
    this.#heartbeatMs = heartbeatMs;
    this.#unsubscribe = events.subscribe((event) => this.#take(event));
  }

  /**
   * A stream of what happens from now on, and before that of what has happened
   * since the event `afterId`, as far as it is kept. Cancel it to leave.
   * Without `follow` it ends with what is kept.
   */
  open(
    afterId: number,
    { follow = true }: { readonly follow?: boolean } = {},
  ): ReadableStream<Uint8Array> {
    let listener: Controller;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        listener = controller;
        controller.enqueue(encode(GREETING));
        for (const kept of this.#kept) {
          if (kept.id > afterId) controller.enqueue(messageOf(kept));
        }
        if (follow) this.#add(controller);
        else controller.close();
      },
      cancel: () => this.#remove(listener),
    }, { highWaterMark: MAX_BUFFERED });
  }

  /** Ends all streams, in order. */
  close(): void {
    this.#unsubscribe();
    for (const listener of this.#listeners) this.#end(listener);
  }

  #add(listener: Controller): void {
    this.#listeners.add(listener);
    this.#heartbeat ??= setInterval(
      () => this.#send(encode(HEARTBEAT)),
      this.#heartbeatMs,
    );
  }

  #remove(listener: Controller): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  #take(event: PoolEvent): void {
    const kept = { id: ++this.#lastId, at: Date.now(), event };
    this.#kept.push(kept);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    // Written out only for somebody: events may come by the thousand.
    if (this.#listeners.size > 0) this.#send(messageOf(kept));
  }

  #send(message: Uint8Array): void {
    for (const listener of this.#listeners) {
      if (listener.desiredSize! > 1) {
        listener.enqueue(message);
      } else {
        listener.enqueue(encode(FAREWELL));
        this.#end(listener);
      }
    }
  }

  #end(listener: Controller): void {
    this.#remove(listener);
    listener.close();
  }
}

function messageOf({ id, at, event }: KeptEvent): Uint8Array {
  // JSON has no line breaks of its own, which would end the field.
  const data = JSON.stringify({ time: new Date(at).toISOString(), ...event });
  return encode(`id: ${id}\nevent: ${event.type}\ndata: ${data}\n\n`);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
