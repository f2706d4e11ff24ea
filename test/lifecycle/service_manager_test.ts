import assert from "node:assert/strict";
import { join } from "node:path";
import { EventEmitter, type ServingState } from "../../src/events/mod.ts";
import { formatNotification } from "../../src/lifecycle/notify_socket.ts";
import {
  ServiceManager,
  type ServiceManagerAddress,
  serviceManagerIn,
} from "../../src/lifecycle/service_manager.ts";
import type { VitalPart } from "../../src/lifecycle/vital_part.ts";
import { refusedReload } from "../../src/events/reload_report.ts";
import { withDeadline } from "../support/deadline.ts";

const FIGURES = {
  state: "starting",
  ready: 1,
  desired: 2,
  generation: 1,
  requests: 3,
  streams: 0,
  queued: 0,
  workersLeft: 2,
} as const;

/** So often that a test need not wait for it. */
const WATCHDOG_MS = 10;

/** Far more than come before the one that is waited for. */
const MANY_MESSAGES = 200;

/** A service manager that only listens, and a pool that only says what is asked of it. */
class Scene implements AsyncDisposable {
  readonly events = new EventEmitter();
  readonly notices: string[] = [];
  readonly manager: ServiceManager;
  readonly #directory: string;
  readonly #socket: Deno.DatagramConn;
  #state: ServingState = "starting";

  constructor(
    options: {
      readonly watchdogMs?: number;
      readonly parts?: readonly VitalPart[];
      readonly abstract?: boolean;
    } = {},
  ) {
    this.#directory = Deno.makeTempDirSync();
    const name = `test-${crypto.randomUUID()}`;
    const path = join(this.#directory, "notify");
    this.#socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: options.abstract ? `\0${name}` : path,
    });
    this.events.subscribe((event) => {
      if (event.type === "notice") this.notices.push(event.message);
    });
    const address: ServiceManagerAddress = {
      socket: options.abstract ? `@${name}` : path,
      watchdogMs: options.watchdogMs ?? null,
    };
    this.manager = new ServiceManager(address, {
      events: this.events,
      figures: () => FIGURES,
      vitalParts: () => options.parts ?? [],
    });
  }

  enter(to: ServingState): void {
    this.events.emit({ type: "state-changed", from: this.#state, to });
    this.#state = to;
  }

  /** The next message. */
  async next(): Promise<Readonly<Record<string, string>>> {
    const [bytes] = await withDeadline(
      this.#socket.receive(),
      60_000,
      () => "Nothing was said to the service manager",
    );
    return Object.fromEntries(
      new TextDecoder().decode(bytes).split("\n").map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
  }

  /** The next message that has a line of this name. */
  async nextWith(name: string): Promise<Readonly<Record<string, string>>> {
    for (let messages = 0; messages < MANY_MESSAGES; messages++) {
      const message = await this.next();
      if (name in message) return message;
    }
    throw new Error(`The service manager is not told ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.close();
    this.#socket.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

Deno.test("the manager is told that the pool starts, serves and stops, in a line for people too", async () => {
  await using scene = new Scene();
  assert.deepEqual(await scene.next(), {
    STATUS: "Starting: 1 of 2 workers ready",
    EXTEND_TIMEOUT_USEC: "15000000",
  });
  scene.enter("serving");
  assert.deepEqual(await scene.next(), {
    READY: "1",
    STATUS:
      "Serving: 1 of 2 workers ready, generation 1; 3 in flight, 0 queued",
  });
  scene.enter("draining");
  assert.deepEqual(await scene.next(), {
    STOPPING: "1",
    STATUS: "Stopping: 3 in flight, 0 queued, 2 workers left",
    EXTEND_TIMEOUT_USEC: "15000000",
  });
  scene.enter("stopped");
  assert.deepEqual(await scene.next(), { STATUS: "Stopped" });
});

Deno.test("a reload is announced with the time by which it is told from others, and ends with the last of several", async () => {
  await using scene = new Scene({ abstract: true });
  scene.enter("serving");
  await scene.nextWith("READY");
  const [first, second] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  const reloads = [first, second].map(({ promise }) =>
    scene.manager.reloading(promise)
  );
  const asked = await scene.nextWith("RELOADING");
  assert.match(asked.STATUS!, /^Reloading: /);
  // What systemd compares it with is not later than now.
  const nowUsec = Deno.osUptime() * 1_000_000;
  assert.ok(Number(asked.MONOTONIC_USEC) > nowUsec);
  await scene.nextWith("RELOADING");
  first.resolve();
  await reloads[0];
  const report = refusedReload(1, "left-pad is\nmissing");
  scene.events.emit({ type: "reload-finished", report });
  second.reject(new Error("whoever asked is told"));
  await reloads[1];
  const done = await scene.next();
  assert.equal(done.READY, "1");
  assert.match(done.STATUS!, /^Serving: .*failed: left-pad is missing$/);
});

Deno.test("a reload that is asked for while the pool starts is announced once it serves", async () => {
  await using scene = new Scene();
  await scene.next();
  const { promise, resolve } = Promise.withResolvers<void>();
  const reload = scene.manager.reloading(promise);
  scene.enter("serving");
  assert.equal((await scene.next()).READY, "1");
  assert.equal((await scene.next()).RELOADING, "1");
  resolve();
  await reload;
  assert.equal((await scene.next()).READY, "1");
});

Deno.test("more time is asked for until the pool serves, and not afterwards", async () => {
  await using scene = new Scene({ watchdogMs: WATCHDOG_MS });
  for (let beat = 0; beat < 3; beat++) {
    await scene.nextWith("EXTEND_TIMEOUT_USEC");
  }
  scene.enter("serving");
  await scene.nextWith("READY");
  for (let beat = 0; beat < 3; beat++) {
    const message = await scene.nextWith("WATCHDOG");
    assert.ok(!("EXTEND_TIMEOUT_USEC" in message));
  }
});

Deno.test("the watchdog is fed only while every part gives a sign of life", async () => {
  let pending: PromiseWithResolvers<void> | null = null;
  let hangs = false;
  const thread: VitalPart = {
    name: "thread 2 of the data plane",
    pulse: () => {
      if (!hangs) return Promise.resolve();
      return (pending = Promise.withResolvers<void>()).promise;
    },
  };
  const loop: VitalPart = { name: "the loop", pulse: () => Promise.resolve() };
  await using scene = new Scene({
    watchdogMs: WATCHDOG_MS,
    parts: [loop, thread],
  });
  await scene.nextWith("WATCHDOG");
  await scene.nextWith("WATCHDOG");
  hangs = true;
  // While it starts, more time is asked for at every beat: those without the other line are those that matter.
  let [starved, messages] = [0, 0];
  while (starved < 5) {
    assert.ok(++messages < MANY_MESSAGES, "it is fed on");
    const message = await scene.next();
    starved = "WATCHDOG" in message ? 0 : starved + 1;
  }
  assert.equal(scene.notices.length, 1);
  assert.match(scene.notices[0]!, /from thread 2 of the data plane/);
  hangs = false;
  pending!.resolve();
  await scene.nextWith("WATCHDOG");
});

Deno.test("a part that has died is never taken for one that lives", async () => {
  const part: VitalPart = {
    name: "a thread",
    pulse: () => Promise.reject(new Error("it is gone")),
  };
  await using scene = new Scene({ watchdogMs: WATCHDOG_MS, parts: [part] });
  await scene.nextWith("WATCHDOG");
  for (let beat = 0; beat < 5; beat++) {
    assert.ok(!("WATCHDOG" in await scene.next()));
  }
});

Deno.test("a manager that cannot be reached is told of once, and does no harm", async () => {
  const scene = new Scene();
  await scene.next();
  await scene[Symbol.asyncDispose]();
  const events = new EventEmitter();
  const notices: string[] = [];
  events.subscribe((event) => {
    if (event.type === "notice") notices.push(event.message);
  });
  const address = { socket: "/nonexistent/notify", watchdogMs: null };
  const manager = new ServiceManager(address, {
    events,
    figures: () => FIGURES,
    vitalParts: () => [],
  });
  manager.failed("for one reason");
  manager.failed("for another");
  await manager.close();
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /^Cannot tell the service manager: /);
});

Deno.test("who has started us is read from the environment, and whether it wants signs of life", () => {
  const read = (entries: Record<string, string>) =>
    serviceManagerIn(new Map(Object.entries(entries)));
  assert.equal(read({}), null);
  assert.equal(read({ NOTIFY_SOCKET: "", WATCHDOG_USEC: "1" }), null);
  const socket = "/run/systemd/notify";
  const NOTIFY_SOCKET = socket;
  assert.deepEqual(read({ NOTIFY_SOCKET }), { socket, watchdogMs: null });
  assert.deepEqual(
    read({ NOTIFY_SOCKET, WATCHDOG_USEC: "30000000" }),
    { socket, watchdogMs: 30_000 },
  );
  const ours = { NOTIFY_SOCKET, WATCHDOG_USEC: "30000000" };
  assert.equal(
    read({ ...ours, WATCHDOG_PID: String(Deno.pid) })?.watchdogMs,
    30_000,
  );
  // It was meant for the shell that has started us.
  assert.equal(read({ ...ours, WATCHDOG_PID: "1" })?.watchdogMs, null);
  assert.equal(read({ ...ours, WATCHDOG_USEC: "soon" })?.watchdogMs, null);
});

Deno.test("what is meant for people cannot say anything else to the manager", () => {
  assert.equal(
    formatNotification({ READY: 1, STATUS: "failed:\n  MAINPID=1\n" }),
    "READY=1\nSTATUS=failed: MAINPID=1 ",
  );
});
