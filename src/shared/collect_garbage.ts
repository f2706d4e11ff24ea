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

/** Collects all garbage of this thread, which takes some ten milliseconds. */
export function collectGarbage(): void {
  if (collect === null) {
    // Known only to contexts that are made afterwards.
    v8.setFlagsFromString("--expose-gc");
    collect = vm.runInNewContext("gc") as () => void;
  }
  collect();
}
