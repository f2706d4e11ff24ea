/** A data plane in a thread of its own, which may die, or hang. */

import assert from "node:assert/strict";
import { type PoolOptions, resolveOptions } from "../../src/config/options.ts";
import type {
  AdminSite,
  DataPlaneFigures,
  Fact,
} from "../../src/plane/contract.ts";
import { ThreadPlane } from "../../src/plane/thread_plane.ts";
import { type Libc, openLibc } from "../../src/transport/epoll/libc.ts";
import { listen } from "../../src/transport/epoll/listening_socket.ts";
import { Changes } from "../support/changes.ts";
import { DEFAULT_DEADLINE_MS } from "../support/deadline.ts";
import { get, ok, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const ignore = Deno.build.os !== "linux";

/** A thread that can be brought down from outside. */
const PROVOKED = import.meta.resolve("../support/provoked_thread.ts");

/** What the kernel says of a thread that has never had a CPU. */
const STARVED = "71 (worker-1) R 1 70 70 0 -1 0 0 0 0 0 0 0 0 0 20";

/** Our pages: none that is shown to anybody. */
const SITE: AdminSite = {
  gate: {
    pages: [],
    access: { adminToken: null, adminAllow: [], proxyProtocol: false },
  },
  respond: () => Promise.reject(new Error("nobody may ask")),
};

/** A data plane in front of an origin, and what it has reported. */
class Scene implements AsyncDisposable {
  readonly plane: ThreadPlane;
  readonly port: number;
  readonly facts: Fact[] = [];
  readonly #changes = new Changes();
  readonly #libc: Libc;
  readonly #listeningFd: number;

  constructor(module: string, options: PoolOptions = {}) {
    const libc = this.#libc = openLibc();
    const where = { hostname: "127.0.0.1", port: 0 };
    const { fd, port } = listen(libc, where);
    this.port = port;
    this.#listeningFd = fd;
    this.plane = new ThreadPlane(resolveOptions(options), libc, { module });
    this.plane.subscribe((fact) => {
      this.facts.push(fact);
      this.#changes.notify();
    });
  }

  async serve(originPort: number): Promise<void> {
    const origin = {
      hostname: "127.0.0.1",
      port: originPort,
      generation: 1,
      name: "0123456789abcdef",
    };
    this.plane.send({
      type: "publish",
      revision: 1,
      upstreams: [{ key: 7, id: 0, ...origin }],
      wanted: 1,
      former: [],
    });
    this.plane.send({ type: "report-access", wanted: true });
    const { port } = this;
    const listeningFd = this.#listeningFd;
    await this.plane.serve({ listeningFd, port, admin: SITE });
  }

  /** What the log says of it, but for {@linkcode warnings}. */
  get notices(): string[] {
    return this.#words.filter((words) => !words.startsWith("warning"));
  }

  /** That it is starved: so may any thread be, on a machine that has much to do. */
  get warnings(): string[] {
    return this.#words.filter((words) => words.startsWith("warning"));
  }

  get #words(): string[] {
    return this.facts.flatMap((fact) =>
      fact.type === "event" && fact.event.type === "notice"
        ? [`${fact.event.level}: ${fact.event.message}`]
        : []
    );
  }

  /** Waits for so many words in the log: clients may be served before they are said. */
  async noticed(count: number): Promise<void> {
    await this.#changes.until(() => this.notices.length >= count || undefined, {
      describe: () => `Too few: ${this.notices}`,
    });
  }

  /** Waits until it is said to be starved. */
  async warned(): Promise<void> {
    await this.#changes.until(() => this.warnings.length > 0 || undefined, {
      describe: () => "It is not said to be starved.",
    });
  }

  /** Fetches figures until they are so: a busy thread may be late with them. */
  async figures(
    hold: (figures: DataPlaneFigures) => boolean,
  ): Promise<DataPlaneFigures> {
    const deadline = performance.now() + DEFAULT_DEADLINE_MS;
    while (performance.now() < deadline) {
      await this.plane.refresh();
      if (hold(this.plane.figures())) break;
    }
    return this.plane.figures();
  }

  /** How many requests were told of before the first thing was that the log says. */
  get accessesBeforeNotices(): number {
    const end = this.facts.findIndex(({ type }) => type === "event");
    return this.facts.slice(0, end)
      .flatMap((fact) => fact.type === "access" ? fact.rows : []).length;
  }

  /** Has the control plane find no descriptors, until the returned function is called. */
  takeDescriptors(): () => void {
    const { call } = this.#libc;
    const without = { ...call, eventfd: (): number => call.close(-1) };
    Object.assign(this.#libc, { call: without });
    return () => void Object.assign(this.#libc, { call });
  }

  /** Has the kernel say of the thread that it waits for a CPU, until the returned function is called. */
  starve(): () => void {
    const { call } = this.#libc;
    let isRead = true;
    const read = (_fd: number, buffer: Uint8Array): number => {
      isRead = !isRead;
      return isRead ? 0 : new TextEncoder().encodeInto(STARVED, buffer).written;
    };
    Object.assign(this.#libc, { call: { ...call, read } });
    return () => void Object.assign(this.#libc, { call });
  }

  /** Closes the listening socket, where no thread has. */
  close(): void {
    const libc = openLibc();
    libc.call.close(this.#listeningFd);
    libc.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane.ask({ type: "stop", timeoutMs: 0, workersGone: true });
  }
}

for (
  const [end, request, said] of [
    ["dies", "/_die", /^error: The thread .* has died: the loop is broken\./],
    ["hangs", "/_hang", /^error: The thread .* no sign of life for \d+ ms\./],
  ] as const
) {
  Deno.test({
    name: `a thread that ${end} is replaced: what it had is lost, and no more`,
    ignore,
    async fn(): Promise<void> {
      await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
      await using scene = new Scene(PROVOKED);
      const { plane, port } = scene;
      await scene.serve(origin.port);
      await using idle = await RawClient.connect({ port });
      assert.equal((await idle.ask(get("/"))).text, "ok");
      const before = await scene.figures(({ requests }) => requests > 0);
      assert.equal(before.requests, 1);
      await using waiting = await RawClient.connect({ port });
      await waiting.send(postHead("/", "Content-Length: 10") + "12345");
      await origin.waitFor(({ connections }) =>
        connections.some(({ text }) => text.endsWith("12345"))
      );
      await using last = await RawClient.connect({ port });
      await last.send(get("/") + get(request));
      assert.equal((await last.readResponse()).text, "ok");
      // Nobody is there for it now: it waits in the kernel.
      await using next = await RawClient.connect({ port });
      assert.equal((await next.ask(get("/"))).text, "ok");
      for (const client of [idle, waiting, last]) {
        const { bytes } = await client.readUntilEnd();
        assert.equal(bytes.length, 0);
      }
      await origin.waitFor(({ connections }) =>
        connections.slice(0, -1).every(({ end }) => end !== null)
      );
      assert.equal((await next.ask(get("/"))).text, "ok");
      await scene.noticed(2);
      const [lost = "", replaced, ...others] = scene.notices;
      assert.match(lost, said);
      assert.match(lost, /What it had under way is lost; another one takes/);
      assert.equal(replaced, "info: The new thread of the data plane serves.");
      assert.deepEqual(others, []);
      // A thread that hangs keeps what it had gathered in the last moment.
      if (end === "dies") assert.equal(scene.accessesBeforeNotices, 2);
      const { requests, inFlight, clientConnections } = await scene.figures(
        ({ requests, inFlight }) => requests > 2 && inFlight === 0,
      );
      assert.deepEqual([inFlight, clientConnections], [0, 1]);
      // That of `last` may not have been told any more.
      assert.ok(requests === 3 || requests === 4, `${requests}`);
      assert.equal(plane.figuresOf(7).requests, requests);
    },
  });
}

Deno.test({
  name:
    "a thread that cannot be begun is told to who begins it, and leaves nothing",
  ignore,
  async fn(): Promise<void> {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    const broken = "data:text/javascript,onmessage = ({ data }) => " +
      'data.messages.postMessage({ type: "died", reason: "it is broken" })';
    await using scene = new Scene(broken);
    await assert.rejects(
      scene.serve(origin.port),
      /^Error: The thread of the data plane has died: it is broken$/,
    );
    assert.deepEqual(scene.facts, []);
    scene.close();
  },
});

Deno.test({
  name: "clients stay with their worker and generation when a thread dies",
  ignore,
  async fn(): Promise<void> {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    const ties = { affinity: "cookie", skewProtection: true } as const;
    await using scene = new Scene(PROVOKED, ties);
    await scene.serve(origin.port);
    await using first = await RawClient.connect({ port: scene.port });
    const { fields } = await first.ask(get("/"));
    const cookies = fields.filter(([name]) => name === "Set-Cookie")
      .map(([, value]) => value.split(";", 1)[0]);
    assert.equal(cookies.length, 2);
    await first.send(get("/_die"));
    await scene.noticed(2);
    await using next = await RawClient.connect({ port: scene.port });
    const again = get("/", `Cookie: ${cookies.join("; ")}`);
    // Who is tied already is told nothing.
    assert.equal((await next.ask(again)).headers.get("set-cookie"), undefined);
  },
});

Deno.test({
  name: "a thread that gets no CPU is said to be starved, and not replaced",
  ignore,
  async fn(): Promise<void> {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using scene = new Scene(PROVOKED);
    await scene.serve(origin.port);
    const feed = scene.starve();
    await using client = await RawClient.connect({ port: scene.port });
    await client.send(get("/_hang"));
    await scene.warned();
    // The pool is not begun anew by its service manager, either.
    for (let i = 0; i < 3; i++) await scene.plane.pulse();
    assert.equal(scene.warnings.length, 1, "it is said once");
    assert.match(scene.warnings[0]!, /: The thread .* is starved of CPU/);
    assert.deepEqual(scene.notices, []);
    feed();
    await scene.noticed(2);
    assert.match(scene.notices[0]!, /^error: The thread .* no sign of life/);
  },
});

Deno.test({
  name: "a thread that finds no descriptor is begun once there is one",
  ignore,
  async fn(): Promise<void> {
    await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
    await using scene = new Scene(PROVOKED);
    await scene.serve(origin.port);
    await scene.plane.pulse();
    const giveBack = scene.takeDescriptors();
    await using last = await RawClient.connect({ port: scene.port });
    await last.send(get("/_die"));
    await scene.noticed(2);
    const pulse = scene.plane.pulse();
    assert.match(scene.notices[1]!, /^error: Cannot begin another thread .*: /);
    giveBack();
    await pulse;
    await using next = await RawClient.connect({ port: scene.port });
    assert.equal((await next.ask(get("/"))).text, "ok");
  },
});
