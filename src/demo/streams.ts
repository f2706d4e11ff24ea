/**
 * Bodies of any length in constant memory, for the demo application.
 *
 * Knows nothing of HTTP.
 *
 * @module
 */

/** Large enough that the cost of a piece does not count, small enough for hundreds of streams. */
const BLOCK_BYTES = 64 * 1024;

// Shared by all streams: it is only ever read.
const BLOCK = new Uint8Array(BLOCK_BYTES);

/** A stream of `count` zero bytes, made as fast as it is read and no faster. */
export function zeroStream(
  count: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let missing = count;
  return new ReadableStream({
    pull(controller): void {
      if (missing === 0) return controller.close();
      const size = Math.min(missing, BLOCK_BYTES);
      missing -= size;
      controller.enqueue(BLOCK.subarray(0, size));
    },
  }, { highWaterMark: 0 });
}

/**
 * Reads a body to its end and returns how many bytes it had.
 *
 * @param see Shown each piece and the count with it; what it throws ends the reading.
 */
export async function countBytes(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  see: (part: Uint8Array<ArrayBuffer>, total: number) => void = () => {},
): Promise<number> {
  let total = 0;
  for await (const part of body ?? []) {
    total += part.length;
    see(part, total);
  }
  return total;
}

/** What an event stream says, and until when. */
export interface EventStreamOptions {
  readonly intervalMs: number;
  readonly workerId: string;
  /** Ends the stream. */
  readonly stopping: AbortSignal;
}

/** Server-sent events named `tick`, the first at once, then one each interval. */
export function eventStream(
  options: EventStreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { intervalMs, workerId, stopping } = options;
  const encoder = new TextEncoder();
  let id = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  let close = (): void => {};
  const release = (): void => {
    clearInterval(timer);
    stopping.removeEventListener("abort", close);
  };
  return new ReadableStream({
    start(controller): void {
      const tick = (): void => {
        // A client that does not read misses events; they do not pile up.
        if ((controller.desiredSize ?? 0) <= 0) return;
        const data = JSON.stringify({ workerId, at: new Date() });
        const event = `id: ${++id}\nevent: tick\ndata: ${data}\n\n`;
        controller.enqueue(encoder.encode(event));
      };
      close = (): void => {
        release();
        controller.close();
      };
      if (stopping.aborted) return close();
      stopping.addEventListener("abort", close);
      tick();
      timer = setInterval(tick, intervalMs);
    },
    cancel: release,
  });
}
