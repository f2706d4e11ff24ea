/**
 * Collecting garbage when it is quiet. The engine does it by itself as more is
 * allocated; where nothing is any more, it has no reason to, and a thread
 * whose loop never returns to the runtime does not run its idle tasks.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";

let collect: (() => void) | null = null;

/**
 * Collects all garbage of this thread, which takes some ten milliseconds.
 * Where the engine does not let itself be asked, nothing happens.
 */
export function collectGarbage(): void {
  collect ??= collector();
  collect();
}

function collector(): () => void {
  // Known only to contexts that are made afterwards.
  v8.setFlagsFromString("--expose-gc");
  const gc: unknown = vm.runInNewContext("globalThis.gc");
  return typeof gc === "function" ? (): void => gc() : (): void => {};
}
