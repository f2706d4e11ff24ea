/**
 * Keeps SIGUSR1 from opening a debugger's port.
 *
 * Since 2.9.2 Deno begins to listen for debuggers on 127.0.0.1:9229 on SIGUSR1
 * (as Node does), whoever else handles the signal: every user of the machine
 * could then run what they like in the balancer. Nobody who asks for a reload
 * wants that, and nothing switches it off.
 *
 * @module
 */

/** When it is closed, counted from the signal, in milliseconds. Deno opens it in a turn of its own, a moment before or after ours. */
const CLOSE_AFTER_MS = [0, 50, 1_000] as const;

/** Closes Deno's inspector, which a SIGUSR1 that has just come opens. */
export async function closeInspector(): Promise<void> {
  // Not loaded before: it takes some milliseconds, and few send the signal.
  const { default: inspector } = await import("node:inspector");
  for (const delayMs of CLOSE_AFTER_MS) {
    setTimeout(() => inspector.close(), delayMs);
  }
}
