/**
 * Which programs on Deno are moved to their port.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ElsewhereSocket, StartupFindings } from "../../src/events/mod.ts";
import {
  type MovableWorker,
  type ServeAddressMode,
  ServeAddressPolicy,
} from "../../src/pool/serve_address.ts";

const WORKER: MovableWorker = {
  pid: 10,
  generation: 1,
  command: ["deno", "run", "-A", "main.ts"],
  moved: false,
};
const MOVED = { ...WORKER, moved: true };

const FIXED: ElsewhereSocket = {
  address: "0.0.0.0",
  port: 8000,
  pid: 10,
  parent: 1,
  name: "deno",
};

const ELSEWHERE: StartupFindings = {
  obstacle: "elsewhere",
  standingMs: 2_000,
  reported: true,
  reason: "",
  remedy: null,
  elsewhere: [FIXED],
  readsPort: false,
  computing: false,
  cpuRatio: null,
};

/** Whether a worker is moved, of which this is seen. */
function isMoved(
  findings: Partial<StartupFindings>,
  worker: Partial<MovableWorker> = {},
  mode: ServeAddressMode = "auto",
): boolean {
  return new ServeAddressPolicy(mode)
    .judge({ ...WORKER, ...worker }, { ...ELSEWHERE, ...findings });
}

Deno.test("a program on Deno is moved that has listened on one other port for two seconds", () => {
  assert.ok(isMoved({}));
  assert.ok(!isMoved({ standingMs: 1_900 }));
  assert.ok(!isMoved({ obstacle: "not-listening", elsewhere: [] }));
});

Deno.test("one that might yet listen on its port, or of which it is not clear what to move, is not", () => {
  assert.ok(!isMoved({ readsPort: true }));
  assert.ok(!isMoved({ elsewhere: [FIXED, { ...FIXED, port: 9000 }] }));
});

Deno.test("what is not on Deno is not moved, nor what a child of it listens on", () => {
  assert.ok(!isMoved({ elsewhere: [{ ...FIXED, name: "node" }] }));
  const child = { ...FIXED, pid: 11, parent: 10 };
  assert.ok(!isMoved({ elsewhere: [child] }));
  // But a task is a shell for the program that serves.
  assert.ok(
    isMoved({ elsewhere: [child] }, { command: ["deno", "task", "x"] }),
  );
  assert.ok(
    !isMoved({ elsewhere: [child] }, { command: ["sh", "-c", "task"] }),
  );
});

Deno.test("with a setting all are moved from the first start on, or none", () => {
  assert.ok(new ServeAddressPolicy("on").moves(1));
  assert.ok(!new ServeAddressPolicy("off").moves(1));
  assert.ok(!isMoved({}, {}, "off"));
  assert.ok(!isMoved({}, {}, "on"));
});

Deno.test("what was found holds for the generation, and for no other", () => {
  const policy = new ServeAddressPolicy("auto");
  assert.ok(!policy.moves(1));
  assert.equal(policy.verdictMs(WORKER), 4_000);
  policy.judge(WORKER, ELSEWHERE);
  assert.ok(policy.moves(1));
  assert.ok(!policy.moves(2));
  assert.equal(policy.verdictMs(WORKER), 0);
  // Another one of it that was started at the same time need not wait.
  assert.ok(policy.judge(WORKER, { ...ELSEWHERE, standingMs: 0 }));
});

Deno.test("where one listens on its port, no other is moved", () => {
  const policy = new ServeAddressPolicy("auto");
  policy.noteReady(WORKER);
  assert.ok(!policy.judge(WORKER, ELSEWHERE));
  assert.ok(!policy.moves(1));
});

Deno.test("a worker that was moved may listen on its port alone, and by itself", () => {
  const policy = new ServeAddressPolicy("auto");
  const own = { ...FIXED, port: 8081 };
  assert.ok(policy.confirms(MOVED, 8081, [own]));
  assert.ok(!policy.confirms(MOVED, 8081, [own, FIXED]));
  assert.ok(!policy.confirms(MOVED, 8081, [{ ...own, pid: 11 }]));
});

Deno.test("a move that was wrong is taken back, once and for all of the generation", () => {
  const policy = new ServeAddressPolicy("auto");
  policy.judge(WORKER, ELSEWHERE);
  assert.ok(policy.takeBack(MOVED));
  assert.ok(!policy.moves(1));
  assert.ok(!policy.judge(WORKER, ELSEWHERE));
  // Who asked for it has it.
  const asked = new ServeAddressPolicy("on");
  assert.ok(!asked.takeBack(MOVED));
  assert.ok(asked.moves(1));
});
