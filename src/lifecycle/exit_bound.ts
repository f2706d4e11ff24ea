/**
 * An end for the end of the process, where Deno may not find one.
 *
 * @module
 */

import {
  type ReadVariable,
  timeoutFrom,
} from "../telemetry/otlp_environment.ts";

/** What Deno exports at its end: spans, and what it measures itself. */
const LAST_EXPORTS = 2;

/** Beside what the exports may take, in milliseconds. */
const MARGIN_MS = 5_000;

/**
 * Waits as many seconds as it is told, and then ends its parent. Ends by itself
 * when it has another one: then its own is gone.
 */
const WATCHDOG = `
left=$0
while [ "$left" -gt 0 ]; do
  sleep 1
  left=$((left - 1))
  read -r _ _ _ parent _ < /proc/$$/stat || exit 0
  [ "$parent" = "$PPID" ] || exit 0
done
kill -ALRM "$PPID"
`;

/**
 * Has this process ended (SIGALRM) if Deno's last exports take longer than
 * they may: while it exports what it measures to a collector that takes
 * connections and never responds, Deno 2.9 waits for ever in `Deno.exit`.
 *
 * A process does that, as nothing runs here by then.
 *
 * @param read Reads the variables that say how long one export may take.
 */
export function boundExit(read: ReadVariable): void {
  const seconds = Math.ceil(
    (LAST_EXPORTS * timeoutFrom(read) + MARGIN_MS) / 1000,
  );
  try {
    new Deno.Command("sh", {
      args: ["-c", WATCHDOG, String(seconds)],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn().unref();
  } catch {
    // Not permitted, or there is no shell: as without it.
  }
}
