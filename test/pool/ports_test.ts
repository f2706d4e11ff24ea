/**
 * Which ports workers get.
 *
 * @module
 */

import assert from "node:assert/strict";
import { lockPort } from "../../src/pool/port_lock.ts";
import {
  isPortFree,
  PortAllocator,
  type PortChecks,
  type SkippedPorts,
} from "../../src/pool/ports.ts";
import { eventually } from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import { NoSuchSockets } from "../support/shortage.ts";

/** A machine on which nobody has a port. */
const ALL_FREE: PortChecks = { lock: () => null, isFree: () => true };

Deno.test("a port is taken once and can be taken again when given back", () => {
  using ports = new PortAllocator({
    workerPort: 8081,
    onSkipped: () => {},
    checks: ALL_FREE,
  });
  assert.equal(ports.take(), 8081);
  assert.equal(ports.take(), 8082);
  ports.release(8081);
  assert.equal(ports.take(), 8081);
});

Deno.test("a port to be avoided is not taken, nor reported as somebody's", () => {
  const first = freePort();
  const skipped: number[] = [];
  using ports = new PortAllocator({
    workerPort: first,
    onSkipped: ({ first }) => skipped.push(first),
  });
  assert.ok(ports.take(first) > first);
  assert.ok(!skipped.includes(first));
});

Deno.test("a port given back that is not unlocked yet is passed over in silence", () => {
  const port = 8081;
  const skipped: number[] = [];
  let isLocked = false;
  using ports = new PortAllocator({
    workerPort: port,
    onSkipped: ({ first }) => skipped.push(first),
    checks: {
      ...ALL_FREE,
      lock: (at) => isLocked && at === port ? "locked" : null,
    },
  });
  assert.equal(ports.take(), port);
  ports.release(port);
  isLocked = true;
  assert.ok(ports.take() > port);
  assert.deepEqual(skipped, []);
  // Still: then another pool has been quicker.
  ports.take();
  assert.deepEqual(skipped, [port]);
});

Deno.test("ports of other pools that follow each other are reported in one", () => {
  const skipped: SkippedPorts[] = [];
  using ports = new PortAllocator({
    workerPort: 8081,
    onSkipped: (some) => skipped.push(some),
    checks: {
      lock: (port) => port < 8084 || port === 8085 ? "locked" : null,
      isFree: (port) => port > 8084,
    },
  });
  assert.equal(ports.take(), 8086);
  ports.take();
  assert.deepEqual(skipped, [
    { first: 8081, last: 8083, locked: true },
    { first: 8084, last: 8084, locked: false },
    { first: 8085, last: 8085, locked: true },
  ]);
});

Deno.test("a port of somebody else is reported once, and taken when it is free", () => {
  const skipped: SkippedPorts[] = [];
  let isFree = false;
  using ports = new PortAllocator({
    workerPort: 8081,
    onSkipped: (some) => skipped.push(some),
    checks: { ...ALL_FREE, isFree: (port) => isFree || port !== 8081 },
  });
  assert.equal(ports.take(), 8082);
  assert.equal(ports.take(), 8083);
  assert.deepEqual(skipped, [{ first: 8081, last: 8081, locked: false }]);
  isFree = true;
  assert.equal(ports.take(), 8081);
});

Deno.test("a port on which somebody listens is not free, and one on which nobody does is", () => {
  using stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.equal(isPortFree(stranger.addr.port), false);
  assert.equal(isPortFree(freePort()), true);
});

Deno.test({
  name:
    "a port that another pool has taken is locked before anybody listens there, until it is given back",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const workerPort = freePort();
    const skipped: SkippedPorts[] = [];
    using first = new PortAllocator({ workerPort, onSkipped: () => {} });
    using second = new PortAllocator({
      workerPort,
      onSkipped: (ports) => skipped.push(ports),
    });
    const port = first.take();
    assert.notEqual(second.take(), port);
    assert.deepEqual([skipped[0]?.first, skipped[0]?.locked], [port, true]);
    first.release(port);
    // A program that a test beside is starting still has a copy of the lock.
    await eventually(() => assert.equal(second.take(), port));
  },
});

Deno.test({
  name: "the kernel unlocks the ports of a pool that is killed",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const port = freePort();
    const module = new URL("../../src/pool/port_lock.ts", import.meta.url);
    await using pool = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--no-config",
        `import { lockPort } from "${module}";
         globalThis.lock = lockPort(${port});
         console.log("locked");
         setInterval(() => {}, 1_000_000);`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = pool.stdout.getReader();
    await reader.read();
    assert.equal(lockPort(port), "locked");
    pool.kill("SIGKILL");
    await pool.status;
    await reader.cancel();
    const lock = lockPort(port);
    assert.ok(lock !== null && lock !== "locked");
    lock.close();
  },
});

Deno.test("a port that can neither be locked nor tried is taken: whoever listens there says more", () => {
  using _ = new NoSuchSockets("listen");
  using ports = new PortAllocator({ workerPort: 20_000, onSkipped: () => {} });
  assert.equal(ports.take(), 20_000);
});

Deno.test("ports end at 65535, and the error names the setting", () => {
  using ports = new PortAllocator({ workerPort: 65_535, onSkipped: () => {} });
  assert.throws(() => {
    ports.take();
    ports.take();
  }, { code: "ports-exhausted", message: /65535 is free; set WORKER_PORT/ });
});

Deno.test("a free stretch lies below the ports of outgoing connections", () => {
  for (const random of [0, 0.999_999]) {
    using ports = new PortAllocator({
      workerPort: 0,
      onSkipped: () => {},
      random: () => random,
    });
    const port = ports.take();
    assert.ok(port >= 20_000 && port < 32_000, String(port));
  }
});
