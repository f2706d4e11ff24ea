/**
 * Two connections joined after `101 Switching Protocols`: octets both ways,
 * whatever they mean.
 *
 * @module
 */

import { bodyDecoder } from "../../http1/body_decoder.ts";
import { UNTIL_CLOSE } from "../../http1/body_length.ts";
import { BodyPump, type PumpListener, type PumpOutcome } from "./body_pump.ts";
import type { Link } from "./link.ts";
import type { ProxyError } from "./proxy_error.ts";

/** How long nothing may pass. As long as HAProxy's users set `timeout tunnel`. */
export const TUNNEL_IDLE_TIMEOUT_MS = 3_600_000;

/** How long nothing may pass once one side has ended: the other has been told, and has little left to say. */
export const TUNNEL_HALF_CLOSED_TIMEOUT_MS = 30_000;

/** Which sides have ended. */
export type TunnelState =
  | "open"
  /** The client has ended its side, and the worker was told. */
  | "client-ended"
  /** The worker has ended its side, and the client has all it said. */
  | "worker-ended"
  /** Both have, or one has broken. */
  | "over";

/** Is told of what passes. */
export interface TunnelListener {
  /** Octets went towards the client (0 for the other way, or an end); the next may take `timeoutMs`. */
  onTunnelProgress(bytesDown: number, timeoutMs: number): void;
  /** Nothing passes any more; both sides are closed where one broke. */
  onTunnelOver(): void;
}

/** Joins a client and a worker. Its owner hands it the events of both links. */
export class Tunnel implements PumpListener {
  readonly #client: Link;
  readonly #worker: Link;
  readonly #listener: TunnelListener;
  readonly #up: BodyPump;
  readonly #down: BodyPump;
  #state: TunnelState = "open";

  /** Prepares; nothing passes before {@linkcode start}. */
  constructor(client: Link, worker: Link, listener: TunnelListener) {
    this.#client = client;
    this.#worker = worker;
    this.#listener = listener;
    this.#up = rawPump(client, worker, this);
    this.#down = rawPump(worker, client, this);
  }

  /** Which sides have ended. */
  get state(): TunnelState {
    return this.#state;
  }

  /** Passes on what has come already, and goes on. */
  start(): void {
    this.#listener.onTunnelProgress(0, TUNNEL_IDLE_TIMEOUT_MS);
    this.#up.start();
    if (this.#state !== "over") this.#down.start();
  }

  /** `from` has brought more. */
  onData(from: Link): void {
    this.#pumpFrom(from).onData();
  }

  /** `from` has ended. */
  onEnd(from: Link): void {
    if (from.failed) this.#break();
    else this.#pumpFrom(from).onEnd();
  }

  /** What was pending towards `to` is written, or never will be. */
  onWritten(to: Link, written: boolean): void {
    (to === this.#client ? this.#down : this.#up).onWritten(written);
  }

  /** Octets that both sides have taken so far; `null` where nothing waits to be written. */
  taken(): number | null {
    const waits = writes(this.#down) || writes(this.#up);
    return waits ? this.#client.taken() + this.#worker.taken() : null;
  }

  /** Passes nothing on any more, and calls nobody. */
  stop(): void {
    this.#state = "over";
    this.#up.stop();
    this.#down.stop();
  }

  onProgress(pump: BodyPump, bytes: number): null {
    const timeoutMs = this.#state === "open"
      ? TUNNEL_IDLE_TIMEOUT_MS
      : TUNNEL_HALF_CLOSED_TIMEOUT_MS;
    this.#listener.onTunnelProgress(pump === this.#down ? bytes : 0, timeoutMs);
    return null;
  }

  onPumped(pump: BodyPump, outcome: PumpOutcome | ProxyError): void {
    if (outcome !== "complete") return this.#break();
    const fromClient = pump === this.#up;
    (fromClient ? this.#worker : this.#client).endWrite();
    const before = this.#state;
    this.#state = before !== "open"
      ? "over"
      : fromClient
      ? "client-ended"
      : "worker-ended";
    this.#listener.onTunnelProgress(0, TUNNEL_HALF_CLOSED_TIMEOUT_MS);
    if (this.#state === "over") this.#listener.onTunnelOver();
  }

  #pumpFrom(link: Link): BodyPump {
    return link === this.#client ? this.#up : this.#down;
  }

  /** One side is gone: the other must not take what it got for all there is. */
  #break(): void {
    if (this.#state === "over") return;
    this.stop();
    this.#client.close();
    this.#worker.close();
    this.#listener.onTunnelOver();
  }
}

function writes({ state }: BodyPump): boolean {
  return state === "writing" || state === "ending";
}

function rawPump(source: Link, sink: Link, listener: PumpListener): BodyPump {
  const decoder = bodyDecoder(UNTIL_CLOSE);
  return new BodyPump(
    { source, sink, decoder, chunked: false, malformed: "bad-request" },
    listener,
  );
}
