/**
 * The part of an answer that did not come with its head: the rest of a body,
 * or what goes both ways after a switch of protocols.
 *
 * @module
 */

import { relay, type RelayOutcome } from "./relay.ts";
import type { ResponsePlan } from "./response_plan.ts";
import type { Socket } from "./socket.ts";
import {
  tunnel,
  TUNNEL_HALF_CLOSED_TIMEOUT_MS,
  TUNNEL_IDLE_TIMEOUT_MS,
} from "./tunnel.ts";

/** From where to where. */
export interface Passage {
  readonly worker: Socket;
  readonly client: Socket;
  /** How long a body may stall, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /**
   * Called at each step with the octets that are about to go to the client,
   * and with how long the next step may take.
   */
  readonly onProgress: (bytes: number, timeoutMs: number) => void;
  /** Called when the worker has ended its side of a tunnel, and the client has all it said. */
  readonly onTunnelDelivered: () => void;
}

/**
 * Sends the client what is still to come of an answer.
 *
 * @throws {HttpError} When the worker breaks the body's framing.
 */
export async function passOn(
  plan: ResponsePlan,
  passage: Passage,
): Promise<RelayOutcome> {
  const { worker, client, bodyTimeoutMs, onProgress } = passage;
  if (plan.status === 101) {
    onProgress(0, TUNNEL_IDLE_TIMEOUT_MS);
    await tunnel(client, worker, (bytesDown, halfClosed) => {
      const timeoutMs = halfClosed
        ? TUNNEL_HALF_CLOSED_TIMEOUT_MS
        : TUNNEL_IDLE_TIMEOUT_MS;
      onProgress(bytesDown, timeoutMs);
    }, passage.onTunnelDelivered);
    return "complete";
  }
  const { rest, decoder, chunked } = plan;
  if (rest !== null && !await client.write(rest)) return "sink-gone";
  if (decoder === null || decoder.done) return "complete";
  return await relay({
    source: worker,
    sink: client,
    decoder,
    chunked,
    onProgress: (bytes) => onProgress(bytes, bodyTimeoutMs),
  });
}
