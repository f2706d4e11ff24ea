/**
 * A pool in the background of a terminal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fixture } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { parseEvent } from "../support/pool_log.ts";
import { ignoreWithout } from "../support/programs.ts";
import type { PoolEvent } from "../../src/events.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

Deno.test({
  name:
    "in the background of a terminal that stops writers the pool goes on, and is scaled by those alone who mean it (needs python3 and bash)",
  ignore: ignoreWithout("python3", "bash"),
  async fn(): Promise<void> {
    await using pool = new BackgroundPool();
    const ready = await pool.next("worker-spawned");
    // Everything before this has been written to the terminal.
    await pool.next("listening");
    const balancer = await parentOf(ready.pid);
    Deno.kill(balancer, "SIGTTIN");
    const scaled = await pool.next("pool-scaled");
    assert.deepEqual([scaled.from, scaled.to], [1, 2]);
    Deno.kill(balancer, "SIGTERM");
    const stopped = await pool.next(
      "state-changed",
      ({ to }) => to === "stopped",
    );
    assert.equal(stopped.from, "draining");
    assert.equal(pool.count("pool-scaled"), 1);
  },
});

/** Process id of the parent of a process. */
async function parentOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "ppid=", "-p", String(pid)],
  }).output();
  return Number(new TextDecoder().decode(stdout));
}

/** A pool whose stderr is a terminal in whose background it runs. */
class BackgroundPool implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #seen: PoolEvent[] = [];
  #rest = "";

  constructor() {
    this.#child = new Deno.Command("python3", {
      args: [
        fixture("background_of_terminal.py"),
        Deno.execPath(),
        "run",
        "--quiet",
        "-A",
        PROGRAM,
      ],
      env: {
        HOST: "127.0.0.1",
        PORT: String(freePort()),
        WORKER_PORT: "0",
        POOL_SIZE: "1",
        LOG_FORMAT: "json",
        LOG_LEVEL: "debug",
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** How many events of a type there have been. */
  count(type: PoolEvent["type"]): number {
    return this.#seen.filter((event) => event.type === type).length;
  }

  /** The next event of a type that has not been seen. */
  async next<T extends PoolEvent["type"]>(
    type: T,
    where: (event: PoolEvent & { readonly type: T }) => boolean = () => true,
  ): Promise<PoolEvent & { readonly type: T }> {
    for (;;) {
      const event = await this.#read();
      const isWanted = (
        event: PoolEvent,
      ): event is PoolEvent & { readonly type: T } => event.type === type;
      if (isWanted(event) && where(event)) return event;
    }
  }

  async #read(): Promise<PoolEvent> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end < 0) {
        const { done, value } = await this.#reader.read();
        assert.ok(!done, `the terminal was closed: ${this.#rest}`);
        this.#rest += value;
        continue;
      }
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      const event = parseEvent(line);
      if (event === null) continue;
      this.#seen.push(event);
      return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The end of the terminal ends whatever still runs there.
    const [pool] = this.#seen.filter((event) =>
      event.type === "worker-spawned"
    );
    if (pool !== undefined) {
      const balancer = await parentOf(pool.pid);
      if (balancer > 1) Deno.kill(balancer, "SIGKILL");
    }
    while (!(await this.#reader.read()).done);
    await this.#child.status;
  }
}
