/**
 * Who is behind a wrapper.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  ProcessEntry,
  ProcessTable,
} from "../../src/system/process_lookout.ts";
import { programKind, signalTargets } from "../../src/pool/wrappers.ts";

/** Number of SIGTERM on Linux. */
const SIGTERM = 15;

/** A mask in which SIGTERM has a handler. */
const HANDLES_SIGTERM = 1n << 14n;

Deno.test("programs are told from those that only run them", () => {
  const commands: readonly (readonly [string, string])[] = [
    ["sh -c x", "shell"],
    ["/bin/dash ./start.sh", "shell"],
    ["-bash", "shell"],
    ["npm start", "runner"],
    ["/usr/bin/npm run start", "runner"],
    ["node /usr/lib/node_modules/npm/bin/npm-cli.js start", "runner"],
    ["/usr/bin/node --no-warnings /usr/bin/yarn start", "runner"],
    ["node /opt/pnpm.cjs start", "runner"],
    ["npx serve", "runner"],
    ["deno task start", "runner"],
    ["deno --quiet task start", "runner"],
    ["bun run start", "runner"],
    ["uv run app.py", "runner"],
    ["bun run server.ts", "application"],
    ["deno run -A server.ts", "application"],
    ["node server.js", "application"],
    ["node task.js", "application"],
    ["python3.12 -m http.server", "application"],
    ["php8.2 -S 127.0.0.1:80", "application"],
    ["./server", "unknown"],
    ["gunicorn app:app", "unknown"],
    ["", "unknown"],
  ];
  for (const [command, kind] of commands) {
    assert.equal(programKind(command.split(" ")), kind, command);
  }
  // A title that a process has written over its words.
  assert.equal(programKind(["npm run start"]), "runner");
});

Deno.test("a signal goes through wrappers to the first process that is none", () => {
  const table = tableOf([
    [10, 1, "npm start"],
    [11, 10, "sh -c node app.js"],
    [12, 11, "node app.js"],
    [13, 12, "sh -c job"],
  ]);
  assert.deepEqual(targets(table, 10, [12]), [[12], []]);
  assert.deepEqual(targets(table, 12, [12]), [[12], []]);
});

Deno.test("where nobody serves yet the shells are asked too, which may be about to start somebody", () => {
  const table = tableOf([
    [10, 1, "npm start"],
    [11, 10, "sh -c until ready; do sleep 1; done; node app.js"],
    [12, 11, "sleep 1"],
  ]);
  assert.deepEqual(targets(table, 10), [[12, 11], []]);
});

Deno.test("a shell that handles the signal, or has nobody behind it, is asked itself", () => {
  const table = tableOf([
    [10, 1, "sh start.sh", HANDLES_SIGTERM],
    [11, 10, "node app.js"],
    [20, 1, "bash -c wait"],
  ]);
  assert.deepEqual(targets(table, 10), [[10], []]);
  assert.deepEqual(targets(table, 20), [[20], []]);
  assert.deepEqual(targets(table, 99), [[99], []]);
});

Deno.test("of several behind a shell the one that listens is asked, the others when it has ended", () => {
  const table = tableOf([
    [10, 1, "sh -c x"],
    [11, 10, "redis-server"],
    [12, 10, "sh -c y"],
    [13, 12, "gunicorn app:app"],
    [14, 13, "gunicorn app:app"],
    [15, 12, "tee log"],
  ]);
  assert.deepEqual(targets(table, 10, [13, 14]), [[13], [15, 11]]);
  // Where nobody listens, all are.
  assert.deepEqual(targets(table, 10), [[11, 13, 15, 12, 10], []]);
});

function targets(
  table: ProcessTable,
  leader: number,
  listeners: readonly number[] = [],
): readonly (readonly number[])[] {
  const { application, besides } = signalTargets(table, {
    leader,
    signalNumber: SIGTERM,
    listeners: new Set(listeners),
  });
  return [application, besides];
}

function tableOf(
  rows: readonly (readonly [
    pid: number,
    parentId: number,
    command: string,
    caught?: bigint,
  ])[],
): ProcessTable {
  return new Map(rows.map(([pid, parentId, command, caught = 0n]) => {
    const entry: ProcessEntry = {
      pid,
      parentId,
      groupId: 10,
      sessionId: 10,
      mark: null,
      words: command.split(" "),
      caught,
    };
    return [pid, entry];
  }));
}
