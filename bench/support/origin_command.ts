/**
 * How a worker is started: the same command behind every peer.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { LOAD_CORE, pinned } from "./cores.ts";

/** Program and arguments of a worker on `port`, which may be a placeholder. */
export function originCommand(port: string): string[] {
  const main = fileURLToPath(new URL("../origin_main.ts", import.meta.url));
  return pinned(LOAD_CORE, [Deno.execPath(), "run", "-A", main, port]);
}
