/**
 * Applications that keep something in memory, and three workers of them through
 * kill, scale and reload.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startPoolWithPages } from "../support/admin_pages.ts";
import { fixture } from "../support/fixture.ts";
import {
  lostOf,
  openExpressSession,
  openMcp,
  openSocketIo,
  type Session,
} from "../support/sessions.ts";

/** Clients of each application. */
const CLIENTS = 9;

/** Longest wait for what takes a while on a slow machine. */
export const DEADLINE_MS = 60_000;

/** An application, and what ties its clients to its workers. */
export interface StatefulCase {
  readonly name: string;
  readonly affinity: string;
  readonly fixture: string;
  readonly open: (port: number) => Promise<Session>;
  /** Whether nothing of a client is under way when the next one comes. */
  readonly sequential: boolean;
}

/** Sessions in the memory of a worker. */
export const EXPRESS_SESSIONS: StatefulCase = {
  name: "sessions of Express in memory, by cookie",
  affinity: "cookie",
  fixture: "stateful/session_app.mjs",
  open: openExpressSession,
  sequential: true,
};

/** Event streams and polls that belong together. */
export const SOCKET_IO: StatefulCase = {
  name: "Socket.IO with its default transports, by cookie",
  affinity: "cookie",
  fixture: "stateful/socket_io_app.mjs",
  open: openSocketIo,
  sequential: false,
};

/** A server that keeps sessions and names them. */
export const MCP_SERVER: StatefulCase = {
  name: "a stateful MCP server, by Mcp-Session-Id",
  affinity: "header:Mcp-Session-Id",
  fixture: "stateful/mcp_app.mjs",
  open: openMcp,
  sequential: false,
};

/** Registers the walk of an application through scaling, a kill and reloads. */
export function testThroughChanges(
  { name, affinity, fixture: program, open, sequential }: StatefulCase,
): void {
  Deno.test(`${name}: nobody loses anything through scaling and reloads, and a worker that is killed loses its own`, async () => {
    await using pages = await startPoolWithPages("PORT", {
      env: {
        POOL_SIZE: "3",
        MIN_WORKERS: "1",
        AFFINITY: affinity,
        SKEW_PROTECTION: "on",
      },
      command: [Deno.execPath(), "run", "-A", fixture(program)],
    });
    const { pool } = pages;
    // deno-lint-ignore no-undef -- newer than the linter's list of globals
    await using opened = new AsyncDisposableStack();
    const sessions: Session[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      const session = await open(pool.port);
      opened.defer(() => session.close());
      sessions.push(session);
    }
    assert.equal(new Set(sessions.map(({ pid }) => pid)).size, 3);
    for (let i = 0; i < 3; i++) assert.deepEqual(await lostOf(sessions), []);

    const scale = async (workers: number): Promise<void> => {
      const scaled = await pages.command("/_admin/scale", { workers });
      assert.equal(scaled.status, 200, await scaled.text());
    };
    const three = async (
      type: "worker-kept" | "worker-promoted",
    ): Promise<void> => {
      const pids = new Set<number>();
      await pool.waitForEvent(type, {
        where: ({ pid }) => pids.add(pid).size === 3,
        deadlineMs: DEADLINE_MS,
      });
    };
    await scale(4);
    await pool.waitForEvent("worker-ready", {
      where: ({ workerId }) => workerId === 3,
      deadlineMs: DEADLINE_MS,
    });
    assert.deepEqual(await lostOf(sessions), [], "scaled up");
    await scale(1);
    await three("worker-kept");
    assert.deepEqual(await lostOf(sessions), [], "scaled down");
    await scale(4);
    await three("worker-promoted");
    assert.deepEqual(await lostOf(sessions), [], "scaled up again");

    const from = pool.events.length;
    const victim = sessions[0]!.pid;
    Deno.kill(victim, "SIGKILL");
    await pool.waitForEvent("worker-ready", { from, deadlineMs: DEADLINE_MS });
    const survivors = sessions.filter(({ pid }) => pid !== victim);
    // Where the requests of clients overlap, who is busy is passed over.
    if (sequential) assert.equal(survivors.length, CLIENTS - CLIENTS / 3);
    else assert.ok(survivors.length >= 2 && survivors.length < CLIENTS);
    assert.deepEqual(await lostOf(survivors), [], "killed");

    for (const times of ["once", "twice"]) {
      const begin = pool.events.length;
      pool.signal("SIGHUP");
      const { report } = await pool.waitForEvent("reload-finished", {
        from: begin,
        deadlineMs: DEADLINE_MS,
      });
      assert.ok(report.ok, JSON.stringify(report));
      assert.deepEqual(await lostOf(survivors), [], `reloaded ${times}`);
    }
    // Whom it had is lost, and is served by somebody else.
    const orphans = sessions.filter(({ pid }) => pid === victim);
    assert.deepEqual(await lostOf(orphans), orphans);
    const newcomer = await open(pool.port);
    opened.defer(() => newcomer.close());
    assert.deepEqual(await lostOf([newcomer]), []);
  });
}
