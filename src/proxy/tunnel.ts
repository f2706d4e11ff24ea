/**
 * Two connections joined after `101 Switching Protocols`: bytes both ways,
 * whatever they mean.
 *
 * @module
 */

import { LARGE_BUFFER_BYTES } from "./buffer_pool.ts";
import type { Socket } from "./socket.ts";

/** How long nothing may pass. As long as HAProxy's users set `timeout tunnel`. */
export const TUNNEL_IDLE_TIMEOUT_MS = 3_600_000;

/** How long nothing may pass once one side has ended: the other has been told, and has little left to say. */
export const TUNNEL_HALF_CLOSED_TIMEOUT_MS = 30_000;

/** Is told of bytes that went towards the client (0 for the other way, or an end), and whether a side has ended. */
export type TunnelListener = (bytesDown: number, halfClosed: boolean) => void;

/**
 * Passes bytes both ways until both sides have ended. The end of one side is
 * passed on to the other; when a side breaks, both are closed. `onDelivered` is
 * called when upstream has ended and all it said has gone downstream.
 */
export async function tunnel(
  downstream: Socket,
  upstream: Socket,
  onProgress: TunnelListener,
  onDelivered: () => void,
): Promise<void> {
  let halfClosed = false;
  const end = (): void => {
    halfClosed = true;
    onProgress(0, true);
  };
  await Promise.all([
    pump(downstream, upstream, () => onProgress(0, halfClosed)).then(end),
    pump(upstream, downstream, (bytes) => onProgress(bytes, halfClosed))
      .then(end).then(onDelivered),
  ]);
}

async function pump(
  source: Socket,
  sink: Socket,
  onProgress: (bytes: number) => void,
): Promise<void> {
  for (;;) {
    const bytes = source.available;
    if (bytes > 0) {
      const filled = source.full;
      const content = source.buffer.subarray(source.start, source.end);
      source.start = source.end;
      if (!await sink.write(content)) break;
      onProgress(bytes);
      if (filled) source.resize(LARGE_BUFFER_BYTES);
    }
    if (!await source.more()) {
      if (source.failed || source.closed) break;
      await sink.endWriting();
      return;
    }
  }
  source.close();
  sink.close();
}
