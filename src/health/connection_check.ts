/**
 * Finds out whether a worker serves one connection at a time, as simple
 * servers of one thread do: one that is kept idle keeps all others waiting
 * then, those of other requests and of probes.
 *
 * @module
 */

import type { ProbeTarget } from "../pool/health_watcher.ts";
import { Deadline } from "./deadline.ts";
import { encodeProbe, probe, type ProbeOptions } from "./probe.ts";

/** Shortest time for which a connection is held to see whether it keeps another one waiting, in milliseconds. */
const LEAST_HELD_MS = 300;

/** For how many times as long as its own response took it is held: a health page that is slow is no sign. */
const HELD_FACTOR = 3;

/** Times it must have been seen: once may be chance, as a worker that has just started has much to do. */
const TIMES = 2;

/** Whether what listens on `target` responds on one connection only once another one, which is idle, is closed; `null` where it was not seen. Never rejects. */
export async function servesOneConnection(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<boolean | null> {
  for (let i = 0; i < TIMES; i++) {
    const waits = await waitsForOther(target, options);
    if (waits !== true) return waits;
  }
  return true;
}

/** Holds a connection that has been responded to, and asks on another one. */
async function waitsForOther(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<boolean | null> {
  const { healthTimeoutMs, signal } = options;
  using deadline = new Deadline(healthTimeoutMs, signal);
  try {
    const begunAt = performance.now();
    using held = await deadline.connect(target);
    await held.write(encodeProbe(target, { ...options, keep: true }));
    if (await held.read(new Uint8Array(1)) === null) return null;
    const heldMs = Math.max(
      LEAST_HELD_MS,
      HELD_FACTOR * (performance.now() - begunAt),
    );
    deadline.restart(heldMs);
    const result = await probe(target, {
      ...options,
      healthTimeoutMs: heldMs + healthTimeoutMs,
    });
    return result.type === "responded" ? deadline.passed : null;
  } catch {
    // Refused, cut, or kept waiting itself.
    return null;
  }
}
