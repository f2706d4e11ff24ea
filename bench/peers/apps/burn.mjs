// deno-lint-ignore-file explicit-function-return-type explicit-module-boundary-types -- JavaScript: Node runs it as it is
/**
 * A fixed amount of work, so that it takes longer when the core is shared.
 * Run as a program it prints how many units this machine does in a
 * millisecond.
 */

import { performance } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Steps in a unit: few enough to be exact about a millisecond. */
const STEPS = 1000;

const PROBES = 200;
const UNITS_OF_PROBE = 1000;

/** Computes for `units`. */
export function burn(units) {
  let state = 1;
  for (let unit = 0; unit < units; unit++) {
    for (let step = 0; step < STEPS; step++) {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + step) | 0;
    }
  }
  return state;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let shortestMs = Infinity;
  for (let probe = 0; probe < PROBES; probe++) {
    const start = performance.now();
    burn(UNITS_OF_PROBE);
    shortestMs = Math.min(shortestMs, performance.now() - start);
  }
  process.stdout.write(`${UNITS_OF_PROBE / shortestMs}\n`);
}
