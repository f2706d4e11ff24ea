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

/** Whether what listens on `target` responds on one connection only once another one, which is idle, is closed. Never rejects. */
export async function servesOneConnection(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<boolean> {
  for (let i = 0; i < TIMES; i++) {
    if (!await waitsForOther(target, options)) return false;
  }
  return true;
}

/** Holds a connection that has been responded to, and asks on another one. */
async function waitsForOther(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<boolean> {
  const { healthTimeoutMs, signal } = options;
  using deadline = new Deadline(healthTimeoutMs, signal);
  try {
    const begunAt = performance.now();
    using held = await deadline.connect(target);
    await held.write(encodeProbe(target, { ...options, keep: true }));
    if (await held.read(new Uint8Array(1)) === null) return false;
    const heldMs = Math.max(
      LEAST_HELD_MS,
      HELD_FACTOR * (performance.now() - begunAt),
    );
    deadline.restart(heldMs);
    const result = await probe(target, {
      ...options,
      healthTimeoutMs: heldMs + healthTimeoutMs,
    });
    return result.type === "responded" && deadline.passed;
  } catch {
    // Refused, cut, or kept waiting itself: no sign of it.
    return false;
  }
}
