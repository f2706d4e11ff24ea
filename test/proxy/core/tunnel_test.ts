/** Two links joined, and how each way ends. */

import assert from "node:assert/strict";
import type { LinkHandler } from "../../../src/proxy/core/link.ts";
import {
  Tunnel,
  TUNNEL_HALF_CLOSED_TIMEOUT_MS,
  TUNNEL_IDLE_TIMEOUT_MS,
  type TunnelListener,
} from "../../../src/proxy/core/tunnel.ts";
import { ScriptedLink } from "../../support/core/scripted_link.ts";
import { PoisonedPool } from "../../support/poisoned_pool.ts";
import { toBytes } from "../../support/raw_socket.ts";

class TunnelStand implements TunnelListener {
  readonly pool = new PoisonedPool();
  readonly client = new ScriptedLink({
    buffers: this.pool,
    writesAtOnce: false,
  });
  readonly worker = new ScriptedLink({
    buffers: this.pool,
    writesAtOnce: false,
  });
  readonly tunnel: Tunnel = new Tunnel(this.client, this.worker, this);
  timeoutMs = 0;
  bytesDown = 0;
  over = 0;

  constructor() {
    const handler: LinkHandler = {
      onData: (link) => this.tunnel.onData(link),
      onEnd: (link) => this.tunnel.onEnd(link),
      onWritten: (link, written) => this.tunnel.onWritten(link, written),
    };
    this.client.handler = this.worker.handler = handler;
    this.tunnel.start();
  }

  onTunnelProgress(bytesDown: number, timeoutMs: number): void {
    this.bytesDown += bytesDown;
    this.timeoutMs = timeoutMs;
  }

  onTunnelOver(): void {
    this.over++;
  }

  settle(): void {
    for (const link of [this.client, this.worker]) {
      for (const step of link.steps) link.step(step);
    }
    if (this.client.steps.length + this.worker.steps.length > 0) this.settle();
  }

  end(): void {
    this.client.close();
    this.worker.close();
    this.settle();
    assert.equal(this.pool.taken.size, 0);
  }
}

Deno.test("octets pass both ways, and only those towards the client are counted", () => {
  const stand = new TunnelStand();
  stand.client.deliver(toBytes("up"));
  stand.worker.deliver(toBytes("down"));
  stand.settle();
  assert.equal(stand.worker.output, "up");
  assert.equal(stand.client.output, "down");
  assert.equal(stand.bytesDown, 4);
  assert.equal(stand.timeoutMs, TUNNEL_IDLE_TIMEOUT_MS);
  stand.end();
});

for (const first of ["client", "worker"] as const) {
  const second = first === "client" ? "worker" : "client";
  Deno.test(`when the ${first} ends, the ${second} is told and may go on until it ends too`, () => {
    const stand = new TunnelStand();
    stand[first].deliver(toBytes("last words"));
    stand[first].deliverEnd();
    stand.settle();
    assert.equal(stand[second].output, "last words");
    assert.equal(stand[second].outputEnd, "ended");
    assert.equal(stand.tunnel.state, `${first}-ended`);
    assert.equal(stand.timeoutMs, TUNNEL_HALF_CLOSED_TIMEOUT_MS);
    assert.equal(stand.over, 0);
    stand[second].deliver(toBytes("and mine"));
    stand[second].deliverEnd();
    stand.settle();
    assert.equal(stand[first].output, "and mine");
    assert.equal(stand.tunnel.state, "over");
    assert.equal(stand.over, 1);
    stand.end();
  });

  Deno.test(`when the ${first} breaks, the ${second} is closed`, () => {
    const stand = new TunnelStand();
    stand[first].reset();
    stand.settle();
    assert.equal(stand[second].closed, true);
    assert.equal(stand.over, 1);
    stand.end();
  });

  Deno.test(`when the ${first} takes no more, both are closed`, () => {
    const stand = new TunnelStand();
    stand[first].reset();
    stand[second].deliver(toBytes("for nobody"));
    stand[second].step("read");
    stand[first].step("write");
    assert.equal(stand[second].closed, true);
    assert.equal(stand.over, 1);
    stand.end();
  });
}

Deno.test("one that was stopped passes nothing on and calls nobody", () => {
  const stand = new TunnelStand();
  stand.client.deliver(toBytes("up"));
  stand.client.step("read");
  stand.tunnel.stop();
  stand.worker.deliverEnd();
  stand.settle();
  assert.equal(stand.over, 0);
  stand.end();
});
