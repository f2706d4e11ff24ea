/**
 * A pool at a terminal, and in the background of one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fixture } from "../support/fixture.ts";
import { freePort } from "../support/free_port.ts";
import { childrenOf, waitUntilGone } from "../support/processes.ts";
import { parseEvent } from "../support/pool_log.ts";
import { ignoreWithout } from "../support/programs.ts";
import type { PoolEvent } from "../../src/events/mod.ts";

const PROGRAM = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

Deno.test({
  name:
    "in the background of a terminal that stops writers the pool goes on, and is scaled by those alone who mean it (needs python3 and bash)",
  ignore: ignoreWithout("python3", "bash"),
  async fn(): Promise<void> {
    await using pool = new TerminalPool("background", ["-A"]);
    const { balancer } = await pool.begun();
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

Deno.test({
  name:
    "with the least permissions nobody at the terminal is asked for more, from the start over a reload to the end (needs python3 and bash)",
  ignore: ignoreWithout("python3", "bash"),
  async fn(): Promise<void> {
    const permissions = ["--allow-net", "--allow-run", "--allow-env"];
    await using pool = new TerminalPool("foreground", permissions);
    // Deno asks in the middle of a line, and waits: then nothing comes any more.
    const { balancer } = await pool.begun();
    Deno.kill(balancer, "SIGHUP");
    const { report } = await pool.next("reload-finished");
    assert.equal(report.ok, true);
    Deno.kill(balancer, "SIGTERM");
    await pool.next("state-changed", ({ to }) => to === "stopped");
    assert.doesNotMatch(pool.other, /Deno requests/);
  },
});

Deno.test({
  name:
    "a pool in the foreground ends with its terminal, and its workers with it (needs python3 and bash)",
  ignore: ignoreWithout("python3", "bash"),
  async fn(): Promise<void> {
    await using pool = new TerminalPool("foreground", ["-A"]);
    const { balancer, worker } = await pool.begun();
    pool.closeTerminal();
    await waitUntilGone([balancer, worker]);
  },
});

/** Process id of the parent of a process. */
async function parentOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "ppid=", "-p", String(pid)],
  }).output();
  return Number(new TextDecoder().decode(stdout));
}

/** A pool whose stderr is a terminal, in whose foreground or background it runs. */
class TerminalPool implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #seen: PoolEvent[] = [];
  #rest = "";
  /** What reached the terminal and is no event. */
  other = "";

  constructor(
    place: "foreground" | "background",
    permissions: readonly string[],
  ) {
    this.#child = new Deno.Command("python3", {
      args: [
        fixture("at_terminal.py"),
        place,
        Deno.execPath(),
        "run",
        "--quiet",
        ...permissions,
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

  /** Process ids of the balancer and its worker, once it listens: everything before that has been written to the terminal. */
  async begun(): Promise<{ balancer: number; worker: number }> {
    const { pid: worker } = await this.next("worker-spawned");
    await this.next("listening");
    return { balancer: await parentOf(worker), worker };
  }

  /** Ends the program that has the terminal, as the end of a window does. */
  closeTerminal(): void {
    this.#child.kill("SIGKILL");
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
      if (event === null) {
        this.other += `${line}\n`;
        assert.doesNotMatch(line, /Deno requests/);
        continue;
      }
      this.#seen.push(event);
      return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The end of the terminal ends whatever still runs there.
    const spawned = this.#seen.find(({ type }) => type === "worker-spawned");
    const balancers = spawned?.type === "worker-spawned"
      ? [await parentOf(spawned.pid)]
      : await childrenOf(this.#child.pid);
    for (const pid of balancers) if (pid > 1) Deno.kill(pid, "SIGKILL");
    while (!(await this.#reader.read()).done);
    await this.#child.status;
  }
}
