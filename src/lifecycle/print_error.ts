/**
 * Why nothing was started, on stderr: there is no log yet.
 *
 * @module
 */

import type { Environment } from "../config/load_config.ts";
import { isJournal, withPriority } from "../log/journal.ts";

/** Writes `message`, and for systemd's journal that it is an error. */
export function printError(message: string, env: Environment): void {
  const journal = isJournal(env.get("JOURNAL_STREAM"));
  console.error(journal ? withPriority("error", message) : message);
}
