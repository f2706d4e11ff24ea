/**
 * The pool's events as server-sent events, one stream for each who listens
 * (HTML Living Standard, "Server-sent events").
 *
 * The pool never waits for a listener: one that does not keep up is told so
 * and let go.
 *
 * @module
 */

import type { EventEmitter, OutputDemand, PoolEvent } from "../events/mod.ts";
import { eventMessage } from "../log/event_message.ts";

/** Events kept for those who come, or come back. */
const KEPT_EVENTS = 100;

/** Lines of the workers' output kept beside them: what an application writes does not push out what was decided. */
const KEPT_LINES = 200;

/** Messages that may wait for one listener: what was kept, and a burst on top. */
const MAX_BUFFERED = KEPT_EVENTS + KEPT_LINES + 200;

/** Room for messages that is left to other events than lines: nobody is let go because of what an application writes. */
const RESERVED_FOR_EVENTS = MAX_BUFFERED / 4;

/** Between two signs of life: proxies cut connections that are silent for 30 s and more. */
const HEARTBEAT_MS = 15_000;

/** How long a browser waits before it comes back. */
const RETRY_MS = 2000;

const HEARTBEAT = ": still here\n\n";
const GREETING = `retry: ${RETRY_MS}\n\n`;
const FAREWELL = "event: dropped\ndata: " +
  `{"message":"You do not read as fast as events come"}\n\n`;

type Controller = ReadableStreamDefaultController<Uint8Array>;

interface Listener {
  readonly controller: Controller;
  /** Lines that were left out because it does not read fast enough, and not said to be so far. */
  skippedLines: number;
}

interface KeptEvent {
  /** Counted from 1, without gaps. */
  readonly id: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly event: PoolEvent;
}

/** Tells everyone who listens what happens. */
export class EventStreams {
  readonly #listeners = new Set<Listener>();
  readonly #kept = new KeptEvents(KEPT_EVENTS);
  readonly #keptLines = new KeptEvents(KEPT_LINES);
  readonly #events: EventEmitter;
  #unsubscribe: () => void;
  readonly #heartbeatMs: number;
  #lastId = 0;
  #closed = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  /** Takes in what `events` tells from now on; silence is broken every `heartbeatMs`. */
  constructor(events: EventEmitter, heartbeatMs: number = HEARTBEAT_MS) {
    this.#heartbeatMs = heartbeatMs;
    this.#events = events;
    this.#unsubscribe = this.#subscribe("recent");
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
    let listener: Listener;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        listener = { controller, skippedLines: 0 };
        controller.enqueue(encode(GREETING));
        const kept = [...this.#kept.events, ...this.#keptLines.events]
          .filter(({ id }) => id > afterId)
          .sort((a, b) => a.id - b.id);
        for (const event of kept) controller.enqueue(messageOf(event));
        if (follow) this.#add(listener);
        else controller.close();
      },
      cancel: () => this.#remove(listener),
    }, { highWaterMark: MAX_BUFFERED });
  }

  /** Ends all streams, in order. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    for (const listener of this.#listeners) this.#end(listener);
  }

  #add(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#wantOutput("all");
    this.#heartbeat ??= setInterval(
      () => this.#send(encode(HEARTBEAT)),
      this.#heartbeatMs,
    );
  }

  #remove(listener: Listener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    this.#wantOutput("recent");
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  #take(event: PoolEvent): void {
    const kept = { id: ++this.#lastId, at: Date.now(), event };
    const isLine = event.type === "worker-output";
    (isLine ? this.#keptLines : this.#kept).add(kept);
    // Written out only for somebody: events may come by the thousand.
    if (this.#listeners.size === 0) return;
    if (isLine) this.#sendLine(messageOf(kept));
    else this.#send(messageOf(kept));
  }

  /** Sends to everybody, and lets go of those who do not keep up. */
  #send(message: Uint8Array): void {
    for (const listener of this.#listeners) {
      const { controller } = listener;
      if (controller.desiredSize! > 1) {
        controller.enqueue(message);
      } else {
        controller.enqueue(encode(FAREWELL));
        this.#end(listener);
      }
    }
  }

  /** Sends to those who keep up; others are told how many lines they have missed. */
  #sendLine(message: Uint8Array): void {
    for (const listener of this.#listeners) {
      const { controller, skippedLines } = listener;
      if (controller.desiredSize! <= RESERVED_FOR_EVENTS) {
        listener.skippedLines++;
        continue;
      }
      if (skippedLines > 0) {
        controller.enqueue(skippedMessage(skippedLines));
        listener.skippedLines = 0;
      }
      controller.enqueue(message);
    }
  }

  #end(listener: Listener): void {
    this.#remove(listener);
    listener.controller.close();
  }

  /** All lines are wanted while somebody listens; else those alone that would be kept. */
  #wantOutput(output: OutputDemand): void {
    if (this.#closed) return;
    this.#unsubscribe();
    this.#unsubscribe = this.#subscribe(output);
  }

  #subscribe(output: OutputDemand): () => void {
    return this.#events.subscribe((event) => this.#take(event), { output });
  }
}

/**
 * The last events, by where they come from. What has the most of them gives
 * way: a worker that writes much does not push out the last words of another,
 * nor a flood of failed requests the verdict of a reload.
 */
class KeptEvents {
  readonly #bySource = new Map<string | number, KeptEvent[]>();
  readonly #most: number;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** In no order. */
  get events(): readonly KeptEvent[] {
    return [...this.#bySource.values()].flat();
  }

  add(event: KeptEvent): void {
    const source = sourceOf(event);
    const own = this.#bySource.get(source);
    if (own === undefined) this.#bySource.set(source, [event]);
    else own.push(event);
    if (this.#count < this.#most) {
      this.#count++;
      return;
    }
    let longest: KeptEvent[] = [];
    for (const kept of this.#bySource.values()) {
      if (kept.length > longest.length) longest = kept;
    }
    longest.shift();
  }
}

/** Whose line it is, or the type of another event. */
function sourceOf({ event }: KeptEvent): string | number {
  return event.type === "worker-output" ? event.workerId : event.type;
}

function skippedMessage(lines: number): Uint8Array {
  return encode(`event: lines-skipped\ndata: {"lines":${lines}}\n\n`);
}

function messageOf({ id, at, event }: KeptEvent): Uint8Array {
  // JSON has no line breaks of its own, which would end the field.
  const data = JSON.stringify({
    time: new Date(at).toISOString(),
    ...inWords(event),
    ...event,
  });
  return encode(`id: ${id}\nevent: ${event.type}\ndata: ${data}\n\n`);
}

/** The sentence of the log, for those who do not know every type. A line is one itself. */
function inWords(
  event: PoolEvent,
): { readonly level?: string; readonly summary?: string } {
  if (event.type === "worker-output") return {};
  const { level, text } = eventMessage(event);
  return { level, summary: text };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
