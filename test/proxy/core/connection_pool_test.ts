/** Idle connections to workers: which are given out, and when they are given up. */

import assert from "node:assert/strict";
import { MEDIUM_BUFFER_BYTES } from "../../../src/proxy/core/buffer_pool.ts";
import { ConnectionPool } from "../../../src/proxy/core/connection_pool.ts";
import type { UpstreamConnection } from "../../../src/proxy/core/upstream_connection.ts";
import { Upstream } from "../../../src/upstream/upstream.ts";
import { ManualClock } from "../../support/core/manual_clock.ts";
import { NOBODY } from "../../../src/proxy/core/link.ts";
import { ScriptedLink } from "../../support/core/scripted_link.ts";
import { toBytes } from "../../support/raw_socket.ts";

/** No hint from the worker. */
const NO_HINT = -1;

/** How long connections are kept without one. */
const DEFAULT_IDLE_MS = 4000;

const ADDRESS = { id: 0, hostname: "127.0.0.1", port: 1, generation: 1 };

class PoolStand {
  readonly clock = new ManualClock();
  readonly pool = new ConnectionPool(this.clock);
  readonly upstream = new Upstream(ADDRESS);

  /** A connection that has carried an exchange. */
  used(): { connection: UpstreamConnection; link: ScriptedLink } {
    const link = new ScriptedLink({ bufferBytes: MEDIUM_BUFFER_BYTES });
    const connection = this.pool.open(this.upstream, link);
    connection.use(NOBODY, this.clock.now());
    return { connection, link };
  }

  /** One that is idle now. */
  idle(keepAliveSeconds = NO_HINT): {
    connection: UpstreamConnection;
    link: ScriptedLink;
  } {
    const used = this.used();
    this.pool.put(used.connection, this.clock.now(), keepAliveSeconds);
    return used;
  }

  take(repeatable = true): UpstreamConnection | null {
    return this.pool.take(this.upstream, {
      now: this.clock.now(),
      repeatable,
    });
  }
}

Deno.test("the newest idle connection is given out first, and each once", () => {
  const stand = new PoolStand();
  const older = stand.idle();
  const newer = stand.idle();
  assert.equal(stand.pool.idleCount, 2);
  assert.equal(stand.take(), newer.connection);
  assert.equal(stand.take(), older.connection);
  assert.equal(stand.take(), null);
});

Deno.test("what is for another worker is not given out", () => {
  const stand = new PoolStand();
  stand.idle();
  const other = new Upstream({ ...ADDRESS, id: 1 });
  const use = { now: 0, repeatable: true };
  assert.equal(stand.pool.take(other, use), null);
});

Deno.test("an idle connection whose worker ends it, or speaks unasked, is closed", () => {
  const stand = new PoolStand();
  const ended = stand.idle();
  ended.link.deliverEnd();
  ended.link.step("read");
  assert.equal(ended.link.closed, true);
  assert.equal(stand.pool.idleCount, 0);
  const spoken = stand.idle();
  spoken.link.deliver(toBytes("HTTP/1.1 408"));
  spoken.link.step("read");
  assert.equal(stand.take(), null);
  assert.equal(spoken.link.closed, true);
  const looked = stand.idle();
  looked.link.deliver(toBytes("HTTP/1.1 408"));
  looked.link.step("read");
  stand.pool.sweep(stand.clock.now());
  assert.equal(looked.link.closed, true);
  assert.equal(stand.pool.idleCount, 0);
});

Deno.test("a connection that has ended, or has more to say, is not kept at all", () => {
  const stand = new PoolStand();
  const { connection, link } = stand.used();
  link.resume();
  link.deliver(toBytes("more"));
  link.step("read");
  stand.pool.put(connection, 0, NO_HINT);
  assert.equal(stand.pool.idleCount, 0);
  assert.equal(link.closed, true);
});

Deno.test("idle connections are given up in time: by default, by the worker's hint, and never later than a minute", () => {
  for (
    const [hint, idleMs] of [
      [NO_HINT, DEFAULT_IDLE_MS],
      [5, 4000],
      [1, 500],
      [3600, 60_000],
    ] as const
  ) {
    const stand = new PoolStand();
    const { link } = stand.idle(hint);
    stand.pool.sweep(stand.clock.advance(idleMs - 1));
    assert.equal(link.closed, false, `hint ${hint}`);
    stand.pool.sweep(stand.clock.advance(1));
    assert.equal(link.closed, true, `hint ${hint}`);
  }
});

Deno.test("a connection that is overdue is not given out, swept or not", () => {
  const stand = new PoolStand();
  stand.idle();
  stand.clock.advance(DEFAULT_IDLE_MS);
  assert.equal(stand.take(), null);
});

Deno.test("a worker that is given up loses its idle connections, and gets no more", () => {
  const stand = new PoolStand();
  const before = stand.idle();
  const busy = stand.used();
  stand.upstream.retire();
  assert.equal(before.link.closed, true);
  stand.pool.put(busy.connection, 0, NO_HINT);
  assert.equal(busy.link.closed, true);
  assert.equal(stand.pool.idleCount, 0);
});

Deno.test("what cannot be sent again is given only a connection used a moment ago, of a worker that keeps them", () => {
  const stand = new PoolStand();
  stand.idle();
  assert.equal(stand.take(false), null);
  const again = stand.take()!;
  again.use(NOBODY, stand.clock.now());
  stand.pool.put(again, stand.clock.now(), NO_HINT);
  stand.clock.advance(499);
  assert.equal(stand.take(false), again);
  again.use(NOBODY, stand.clock.now());
  stand.pool.put(again, stand.clock.now(), NO_HINT);
  stand.clock.advance(500);
  assert.equal(stand.take(false), null);
  // The response has come long before we have read it, for all we know.
  assert.equal(stand.take(), again);
  again.use(NOBODY, stand.clock.now());
  stand.clock.advance(500);
  stand.pool.put(again, stand.clock.now(), NO_HINT);
  assert.equal(stand.take(false), null);
});

Deno.test("closing the pool closes all that is idle, and nothing else", () => {
  const stand = new PoolStand();
  const idle = stand.idle();
  const busy = stand.used();
  stand.pool.close();
  assert.equal(idle.link.closed, true);
  assert.equal(busy.link.closed, false);
});
