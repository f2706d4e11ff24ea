/** What a person reads of a reload. */

import assert from "node:assert/strict";
import { reloadText } from "../../src/cli/reload.ts";
import {
  refusedReload,
  type WorkerReload,
} from "../../src/events/reload_report.ts";

const REPLACED: WorkerReload = {
  workerId: 0,
  port: 8085,
  pid: 4711,
  verdict: "replaced",
  reason: null,
  startupMs: 44.4,
  requests: 12,
  errors: 0,
};

Deno.test("each worker has a line, and the whole one more", () => {
  const text = reloadText({
    ok: true,
    fromGeneration: 1,
    generation: 2,
    reason: null,
    durationMs: 1234,
    workers: [REPLACED, { ...REPLACED, workerId: 1, requests: 0 }],
  });
  assert.deepEqual(text.split("\n"), [
    "worker 0: replaced (pid 4711, port 8085, ready in 44 ms, 12 requests, 0 failed)",
    "worker 1: replaced (pid 4711, port 8085, ready in 44 ms)",
    "Reloaded in 1.2 s: generation 2 serves.",
  ]);
});

Deno.test("a reload that failed says why, and that the old generation serves", () => {
  const text = reloadText({
    ok: false,
    fromGeneration: 1,
    generation: 2,
    reason: "worker 0 exited with code 3",
    durationMs: 10,
    workers: [
      {
        ...REPLACED,
        pid: null,
        port: null,
        startupMs: null,
        requests: 0,
        verdict: "failed",
        reason: "exited with code 3",
      },
      {
        ...REPLACED,
        workerId: 1,
        pid: null,
        port: null,
        startupMs: null,
        requests: 0,
        verdict: "kept",
      },
    ],
  });
  assert.deepEqual(text.split("\n"), [
    "worker 0: failed (exited with code 3)",
    "worker 1: kept",
    "Cannot reload: worker 0 exited with code 3. Generation 1 serves on.",
  ]);
});

Deno.test("one that was not begun says why, in one line", () => {
  assert.equal(
    reloadText(refusedReload(3, "the pool is draining")),
    "Cannot reload: the pool is draining. Generation 3 serves on.",
  );
});
