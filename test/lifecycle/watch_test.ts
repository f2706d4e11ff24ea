/** Which changes count, and which of them belong together. */

import assert from "node:assert/strict";
import {
  ChangeBatch,
  MAX_WAIT_MS,
  QUIET_MS,
} from "../../src/lifecycle/watch/change_batch.ts";
import { isIgnored } from "../../src/lifecycle/watch/ignored.ts";

Deno.test("changes are one until they pause, or go on for too long", () => {
  const batch = new ChangeBatch();
  assert.equal(batch.dueAt, Infinity);
  batch.add("/a", 1000);
  batch.add("/b", 1050);
  batch.add("/a", 1060);
  assert.equal(batch.dueAt, 1060 + QUIET_MS);
  for (let now = 1060; now < 9000; now += 50) batch.add("/a", now);
  assert.equal(batch.dueAt, 1000 + MAX_WAIT_MS);
  assert.deepEqual(batch.take(), ["/a", "/b"]);
  assert.equal(batch.dueAt, Infinity);
  assert.deepEqual(batch.take(), []);
});

Deno.test("of a checkout of thousands of files a hundred are kept", () => {
  const batch = new ChangeBatch();
  for (let i = 0; i < 5000; i++) batch.add(`/${i}`, 0);
  assert.equal(batch.take().length, 100);
});

Deno.test("what tools, programs and editors write does not count", () => {
  for (
    const path of [
      "node_modules/a/index.js",
      "packages/x/node_modules/a.js",
      ".git/HEAD",
      "src/__pycache__/app.pyc",
      "server.log",
      "src/.app.ts.swp",
      "src/4913",
      "app.ts~",
      ".#app.ts",
    ]
  ) assert.ok(isIgnored(path), path);
  for (
    const path of [
      "app.ts",
      ".env",
      "src/git/app.ts",
      "logs/view.ts",
      "a.swift",
    ]
  ) assert.ok(!isIgnored(path), path);
});
