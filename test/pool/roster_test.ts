/** Which number a new slot has. */

import assert from "node:assert/strict";
import { Roster } from "../../src/pool/roster.ts";
import type { Worker } from "../../src/pool/worker.ts";

Deno.test("the number of a slot is not given away while a worker of it is on its way out", () => {
  const roster = new Roster();
  roster.addSlot();
  roster.addSlot();
  const [, second] = roster.slots;
  const worker = { id: second!.id } as Worker;
  roster.leave(worker);
  roster.removeSlots(new Set([second!]));
  roster.addSlot();
  assert.deepEqual(roster.slots.map(({ id }) => id), [0, 2]);
  roster.forget(worker);
  roster.addSlot();
  assert.deepEqual(roster.slots.map(({ id }) => id), [0, 2, 1]);
});
