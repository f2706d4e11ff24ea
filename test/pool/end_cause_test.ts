/** Whether a process ended by itself, and not by somebody's signal. */

import assert from "node:assert/strict";
import type { ExitStatus } from "../../src/events/mod.ts";
import { endCause } from "../../src/pool/end_cause.ts";
import type { WorkerState } from "../../src/pool/worker_state.ts";

const READY: WorkerState = { type: "ready", since: 0 };

const SELF_INFLICTED: readonly ExitStatus[] = [
  { code: 0, signal: null },
  { code: 1, signal: null },
  { code: 255, signal: null },
  { code: 134, signal: "SIGABRT" },
  { code: 139, signal: "SIGSEGV" },
  { code: 133, signal: "SIGTRAP" },
  // A timer that the program has set itself.
  { code: 142, signal: "SIGALRM" },
  { code: 154, signal: "SIGVTALRM" },
  { code: 155, signal: "SIGPROF" },
  // A shell tells of what it has run.
  { code: 134, signal: null },
  { code: 139, signal: null },
  { code: 142, signal: null },
];

const EXTERNAL: readonly ExitStatus[] = [
  { code: 137, signal: "SIGKILL" },
  { code: 143, signal: "SIGTERM" },
  { code: 130, signal: "SIGINT" },
  { code: 129, signal: "SIGHUP" },
  { code: 141, signal: "SIGPIPE" },
  { code: 137, signal: null },
  { code: 143, signal: null },
];

for (
  const [cause, statuses] of [
    ["self-inflicted", SELF_INFLICTED],
    ["external-signal", EXTERNAL],
  ] as const
) {
  for (const status of statuses) {
    Deno.test(`an end with ${JSON.stringify(status)} is taken for ${cause}`, () => {
      assert.equal(endCause(status, READY, null), cause);
    });
  }
}

Deno.test("what the pool has asked for is nobody's fault, but for memory that ran out", () => {
  const killed = { code: 137, signal: "SIGKILL" };
  const asked = (cause: "drain-timeout" | "memory-limit"): WorkerState => ({
    type: "terminating",
    cause,
    killAt: Infinity,
  });
  assert.equal(endCause(killed, asked("drain-timeout"), null), "requested");
  assert.equal(
    endCause(killed, asked("memory-limit"), null),
    "external-signal",
  );
});

Deno.test("a kill for want of memory is taken for the requests' fault, one by somebody else is not", () => {
  const killed = { code: 137, signal: "SIGKILL" };
  assert.equal(endCause(killed, READY, "out-of-memory"), "self-inflicted");
  assert.equal(endCause(killed, READY, "outside"), "external-signal");
  assert.equal(endCause(killed, READY, "unknown"), "external-signal");
});
