// deno-lint-ignore-file explicit-function-return-type explicit-module-boundary-types -- JavaScript: Node runs it as it is
/**
 * A fixed amount of work, so that it takes longer when the core is shared.
 * Run as a program it prints how many units this machine does in a
 * millisecond.
 *
 * Hashing, because it is compiled ahead of time: a loop in JavaScript was
 * found to be four times slower in some processes than in others.
 */

import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What is hashed in a unit: long enough that the call itself does not count, and short against a millisecond. */
const BLOCK = new Uint8Array(16_384);

const PROBES = 200;
const UNITS_OF_PROBE = 100;

/** Computes for `units`. */
export function burn(units) {
  const hash = createHash("sha256");
  for (let unit = 0; unit < units; unit++) hash.update(BLOCK);
  return hash.digest("hex");
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
