// deno-lint-ignore-file no-control-regex -- they are what a terminal is told.
/** `top` at a terminal: what it shows, and what its keys do. */

import assert from "node:assert/strict";
import type { MetricsSnapshot } from "../../src/metrics/metrics_snapshot.ts";
import { commandLine, runCommand } from "../support/command_line.ts";
import { demoWhileOpen, GateFile } from "../support/fixture.ts";
import { metricsSnapshot, workerMetrics } from "../support/metrics_snapshot.ts";
import { startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { Terminal } from "../support/terminal.ts";

const ignore = ignoreWithout("script", "stty", "tty");

/** As many workers as no screen shows at once. */
const MANY = 64;

Deno.test("top prints once where its output is no terminal", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const { code, stdout } = await runCommand(["top"], { PORT: `${pool.port}` });
  assert.equal(code, 0);
  assert.match(stdout, /1 ready of 1 wanted/);
  assert.doesNotMatch(stdout, /\x1b/);
});

for (const [key, name] of [["q", "q"], ["\x03", "Ctrl-C"]] as const) {
  Deno.test({
    name:
      `in a terminal top refreshes, and ${name} leaves it as it was (needs script)`,
    ignore,
    async fn(): Promise<void> {
      await using pool = await startPool({ env: { POOL_SIZE: "1" } });
      await using terminal = await Terminal.run(
        commandLine(["top", "--admin", pool.url]),
      );
      await terminal.readUntil("1 ready of 1 wanted");
      // The second picture, drawn over the first one.
      await terminal.readUntil("1 ready of 1 wanted");
      await terminal.type(key);
      const rest = await terminal.readUntilEnd();
      assert.ok(rest.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(rest));
      assert.equal(await terminal.code, 0);
    },
  });
}

Deno.test({
  name:
    "64 workers in 24 rows are scrolled through, sorted, and shown as the window grows (needs script)",
  ignore,
  async fn(): Promise<void> {
    await using page = metricsPage(manyWorkers());
    await using terminal = await Terminal.run(
      commandLine(["top", "--admin", page.url]),
    );
    const first = await terminal.readUntil("1-16 of 64");
    assert.deepEqual(shownIds(first), sequence(0, 16));
    await terminal.type("\x1b[6~");
    const second = await terminal.readUntil("17-32 of 64");
    assert.deepEqual(shownIds(second), sequence(16, 16));
    await terminal.type("G");
    const last = await terminal.readUntil("49-64 of 64");
    assert.deepEqual(shownIds(last), sequence(48, 16));
    await terminal.type("k");
    await terminal.readUntil("48-63 of 64");
    // By requests a second, of which the last worker has most.
    await terminal.type("<".repeat(6));
    const sorted = await terminal.readUntil("1-16 of 64");
    assert.match(sorted, /REQ\/S▼/);
    assert.deepEqual(shownIds(sorted).slice(0, 2), [63, 62]);
    await terminal.type("o");
    const reversed = await terminal.readUntil("REQ/S▲");
    assert.match(reversed, /\x1b\[H/);
    await terminal.resize(40, 120);
    const grown = await terminal.readUntil("1-32 of 64");
    assert.deepEqual(shownIds(grown), sequence(0, 32));
  },
});

Deno.test({
  name:
    "at top + and - scale, r reloads, and what came of it is shown (needs script)",
  ignore,
  async fn(): Promise<void> {
    using gate = new GateFile();
    gate.open();
    await using pool = await startPool({
      env: { POOL_SIZE: "1", MAX_WORKERS: "2" },
      command: demoWhileOpen(gate.path),
    });
    await using terminal = await Terminal.run(
      commandLine(["top", "--admin", pool.url]),
    );
    await terminal.readUntil("\x1b[32mready");
    await terminal.type("+");
    await terminal.readUntil("2 workers are wanted now, 1 before.");
    await terminal.readUntil("2 ready of 2 wanted");
    await terminal.type("-");
    await terminal.readUntil("1 workers are wanted now, 2 before.");
    await terminal.type("r");
    await terminal.readUntil("generation 2 serves.");
    gate.close();
    await terminal.type("r");
    const failed = await terminal.readUntil("Cannot reload: ");
    assert.ok(failed.endsWith("\x1b[31m"), JSON.stringify(failed));
    await terminal.type("q");
    await terminal.readUntilEnd();
    assert.equal(await terminal.code, 0);
  },
});

Deno.test({
  name:
    "top goes on without the pool, and with NO_COLOR and an ASCII locale it has neither colours nor blocks (needs script)",
  ignore,
  async fn(): Promise<void> {
    const pool = await startPool({ env: { POOL_SIZE: "1" } });
    await using terminal = await Terminal.run(
      commandLine(["top", "--admin", pool.url]),
      { env: { NO_COLOR: "1", LC_ALL: "C" } },
    );
    const first = await terminal.readUntil("q leave");
    assert.doesNotMatch(first, /\x1b\[[0-9]+m|[▁-█]/);
    await pool[Symbol.asyncDispose]();
    await terminal.readUntil("Cannot reach a pool at ");
    await terminal.type("q");
    await terminal.readUntilEnd();
    assert.equal(await terminal.code, 0);
  },
});

/** The numbers of the workers of the last picture in `text`. */
function shownIds(text: string): readonly number[] {
  const picture = text.slice(text.lastIndexOf("\x1b[H"));
  return [...picture.matchAll(/^ *(\d+) +(?:\x1b\[\d+m)?(?:ready|spare)/gm)]
    .map(([, id]) => Number(id));
}

function sequence(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

function manyWorkers(): MetricsSnapshot {
  return metricsSnapshot({
    workers: sequence(0, MANY).map((id) =>
      workerMetrics({ id, pid: 1000 + id, requestsPerSecond: id })
    ),
  });
}

/** The figures of a pool at an address of their own. */
function metricsPage(
  metrics: MetricsSnapshot,
): AsyncDisposable & { readonly url: string } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json(metrics),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
