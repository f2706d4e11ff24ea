/**
 * `/_metrics/history` has what was, of the pool and of each of its slots.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { MetricsHistory } from "../../src/metrics/history.ts";
import { eventually } from "../support/deadline.ts";
import { demoWhileOpen, GateFile } from "../support/fixture.ts";
import { startPool, UNJUDGED } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

Deno.test("the history has the requests of each slot, and when it had no worker", async () => {
  using gate = new GateFile();
  gate.open();
  await using pool = await startPool({
    env: { POOL_SIZE: "2", ...UNJUDGED },
    command: demoWhileOpen(gate.path),
  });
  const history = async (query = ""): Promise<MetricsHistory> =>
    await (await fetch(`${pool.url}/_metrics/history${query}`)).json();
  for (let i = 0; i < 8; i++) await get(pool.port, "/");
  const served = await eventually(async () => {
    const { workers, ready } = await history();
    for (const slot of ["0", "1"]) {
      assert.ok(workers[slot]?.some((rate) => rate !== null && rate > 0));
    }
    assert.equal(ready.at(-1), 2);
    return ready.length;
  });

  gate.close();
  Deno.kill(pool.workerPids[1]!, "SIGKILL");
  const last = await eventually(async () => {
    const { at, down, ready, desired } = await history();
    assert.ok(at.length > served);
    assert.deepEqual([ready.at(-1), desired.at(-1)], [1, 2]);
    assert.equal(down.at(-1)?.length, 1);
    return at.at(-1)!;
  });
  const later = await eventually(async () => {
    const { at } = await history(`?since=${last}`);
    assert.ok(at.length > 0);
    return at;
  });
  assert.ok(later.every((at) => at > last));
  for (const page of ["_metrics/history", "_events"]) {
    const { status } = await get(pool.port, `/${page}?since=noon`);
    assert.equal(status, 400);
  }
});
