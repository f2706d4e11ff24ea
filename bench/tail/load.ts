/**
 * One run of the open-loop generator.
 *
 * @module
 */

import { generate } from "../support/generator.ts";
import type { LoadResult, LoadSpec } from "./load_result.ts";

/** Sends requests as `spec` says and returns what came of them. */
export function runLoad(
  spec: LoadSpec,
  signal: AbortSignal,
): Promise<LoadResult> {
  return generate("tail/load_main.ts", spec, signal);
}
