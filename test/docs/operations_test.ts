/** Whoever reads a line of the log finds it in the documents. */

import assert from "node:assert/strict";
import type { PoolEvent } from "../../src/events/mod.ts";

/** Every type of event: the compiler misses those that are not here. */
const TYPES: Readonly<Record<PoolEvent["type"], true>> = {
  "accept-paused": true,
  "accept-resumed": true,
  "access": true,
  "exchange-failed": true,
  "generation-ended": true,
  "generation-kept": true,
  "listening": true,
  "notice": true,
  "panic-entered": true,
  "panic-left": true,
  "pool-scaled": true,
  "port-skipped": true,
  "reload-finished": true,
  "reload-started": true,
  "request-slow": true,
  "scaling-held": true,
  "state-changed": true,
  "stop-waiting": true,
  "worker-acquitted": true,
  "worker-draining": true,
  "worker-exited": true,
  "worker-failing": true,
  "worker-kept": true,
  "worker-left-processes": true,
  "worker-moved": true,
  "worker-output": true,
  "worker-output-dropped": true,
  "worker-promoted": true,
  "worker-ready": true,
  "worker-recovered": true,
  "worker-signalled": true,
  "worker-spawned": true,
  "worker-start-delayed": true,
  "worker-start-failed": true,
  "worker-unhealthy": true,
};

Deno.test("docs/operations.md says of every event what it means, and names no other", async () => {
  const text = await Deno.readTextFile(
    new URL("../../docs/operations.md", import.meta.url),
  );
  assert.deepEqual(
    firstCells(text, "event").toSorted(),
    Object.keys(TYPES).toSorted(),
  );
});

/** The first cell of each row of the tables whose first column is called so. */
function firstCells(text: string, heading: string): string[] {
  const cells: string[] = [];
  let wanted = false;
  for (const line of text.split("\n")) {
    const cell = /^\| ([^|]*?) +\|/.exec(line)?.[1];
    if (cell === undefined) wanted = false;
    else if (cell === heading) wanted = true;
    else if (wanted && !cell.startsWith("-")) {
      cells.push(cell.replaceAll("`", ""));
    }
  }
  return cells;
}
