/**
 * A random walk of scaling, reloads, recycling and kills with AFFINITY and
 * SKEW_PROTECTION, under clients that have something to lose. It counts what
 * they lose beyond what a worker that was killed takes with it, and what is
 * left behind.
 *
 * ```sh
 * deno run -A --config test/deno.json test/integration/affinity_walk.ts express 120 7
 * ```
 *
 * The arguments: `express`, `socket.io` or `mcp`, seconds, seed.
 * `TEST_TRANSPORT=epoll` for the other transport.
 *
 * @module
 */

import { KEPT_PER_PLACE } from "../../src/shared/kept_per_place.ts";
import type {
  PoolEvent,
  WorkerEvent,
  WorkerRef,
} from "../../src/events/mod.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import {
  type PoolWithPages,
  startPoolWithPages,
} from "../support/admin_pages.ts";
import { delay } from "../support/deadline.ts";
import { fixture } from "../support/fixture.ts";
import { aliveAmong } from "../support/processes.ts";
import {
  openExpressSession,
  openMcp,
  openSocketIo,
  type Session,
} from "../support/sessions.ts";

const CLIENTS = 12;

/** How long a worker is kept: some reach it. */
const GRACE_MS = 40_000;

/** How much earlier or later than the pool an event may be seen here. */
const SLACK_MS = 2_000;

const MAX_WORKERS = 5;

const APPLICATIONS = {
  express: ["cookie", "stateful/session_app.mjs", openExpressSession],
  "socket.io": ["cookie", "stateful/socket_io_app.mjs", openSocketIo],
  mcp: ["header:Mcp-Session-Id", "stateful/mcp_app.mjs", openMcp],
} as const;

/** A lost session, and what the pool did with its worker. */
interface Loss {
  readonly pid: number;
  readonly cause: string;
}

/** The command of the workers, which a reload reads anew. */
class Program implements Disposable {
  readonly path = Deno.makeTempFileSync({ suffix: ".env" });
  readonly #fixture: string;

  constructor(name: string) {
    this.#fixture = name;
    this.write(null);
  }

  /** @param broken In which place it ends at once. */
  write(broken: number | null): void {
    const run = `exec ${Deno.execPath()} run -A ${fixture(this.#fixture)}`;
    const text = `if [ {id} = ${broken ?? -1} ]; then exit 1; fi; ${run}`;
    const next = `${this.path}.next`;
    Deno.writeTextFileSync(next, `WORKER_COMMAND="sh -c '${text}'"\n`);
    // It may be read at any time.
    Deno.renameSync(next, this.path);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}

/** One walk. */
class Walk {
  readonly killed = new Set<number>();
  readonly losses: Loss[] = [];
  readonly faults: string[] = [];
  readonly done = new Map<string, number>();
  asked = 0;
  over = false;
  readonly #pages: PoolWithPages;
  readonly #open: (port: number) => Promise<Session>;
  readonly #random: () => number;
  readonly #program: Program;
  /** When each event was first seen here. */
  readonly #seenAt: number[] = [];

  constructor(
    pages: PoolWithPages,
    open: (port: number) => Promise<Session>,
    random: () => number,
    program: Program,
  ) {
    this.#pages = pages;
    this.#program = program;
    this.#open = open;
    this.#random = random;
  }

  /** One client after the other, each until it loses what it had. */
  async visit(): Promise<void> {
    while (!this.over) {
      let session: Session;
      try {
        session = await this.#open(this.#pages.pool.port);
      } catch (error) {
        if (!this.over) this.#count(`not opened: ${error}`);
        await delay(100);
        continue;
      }
      while (!this.over) {
        await delay(100 + this.#random() * 400);
        if (this.over) break;
        this.asked++;
        const kept = await session.ask().catch(() => false);
        if (!kept && !this.over) {
          await this.#lose(session);
          break;
        }
      }
      await session.close().catch(() => {});
    }
  }

  /** Does what happens to pools. */
  async disturb(untilMs: number): Promise<void> {
    const steps = [
      ["scale", 6, () => this.#scale()],
      ["scale often", 1, async () => {
        for (let i = 0; i < 10; i++) await this.#scale();
      }],
      ["reload", 2, () => this.reload()],
      ["reload that fails", 2, () => this.#reloadInVain()],
      ["reload and scale", 2, async () => {
        this.reload();
        await delay(this.#random() * 1_500);
        await this.#scale();
      }],
      ["scale and reload", 1, async () => {
        await this.#scale();
        this.reload();
      }],
      ["kill", 1, () => this.#kill(() => true)],
      ["kill one that is kept", 1, () => this.#kill((w) => w.former)],
      ["rest", 4, () => delay(5_000)],
    ] as const;
    const total = steps.reduce((sum, [, weight]) => sum + weight, 0);
    while (Date.now() < untilMs) {
      let lot = this.#random() * total;
      const [name, , act] = steps.find(([, weight]) => (lot -= weight) < 0)!;
      this.#count(name);
      await act();
      await delay(this.#random() * 3_000);
      await this.check();
    }
  }

  /** What the pages say is what runs. */
  async check(): Promise<void> {
    const { workers, pool } = await this.#pages.pool.metrics();
    const places = MAX_WORKERS + 1;
    const former = workers.filter((worker) => worker.former);
    const ofPlace = Map.groupBy(former, ({ id }) => id);
    for (const kept of ofPlace.values()) {
      if (kept.length > KEPT_PER_PLACE) this.faults.push("too many are kept");
    }
    if (workers.length > places * (2 + KEPT_PER_PLACE)) {
      this.faults.push(`${workers.length} workers`);
    }
    if (pool.ready > MAX_WORKERS + 2) this.faults.push(`${pool.ready} ready`);
  }

  #count(name: string): void {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  async #scale(): Promise<void> {
    const workers = 1 + Math.floor(this.#random() * MAX_WORKERS);
    const response = await this.#pages.command("/_admin/scale", { workers });
    await response.body?.cancel();
  }

  /** Reloads. @param broken In which place the new code ends at once. */
  reload(broken: number | null = null): void {
    this.#program.write(broken);
    this.#pages.pool.signal("SIGHUP");
  }

  /** Workers that have taken over give way again. */
  async #reloadInVain(): Promise<void> {
    const { workers } = await this.#pages.pool.metrics();
    const ready = workers.filter((worker) => worker.ready);
    const last = ready[Math.floor(this.#random() * ready.length)];
    if (last === undefined) return;
    const { events } = this.#pages.pool;
    const from = events.length;
    this.reload(last.id);
    const { report } = await this.#pages.pool.waitForEvent("reload-finished", {
      from,
      deadlineMs: 60_000,
    });
    if (!report.ok) this.#count("failed reloads");
    this.#program.write(null);
  }

  /** Waits until nobody is kept any more. */
  async rest(): Promise<void> {
    // With more, one that was recycled is always kept.
    await this.#pages.command("/_admin/scale", { workers: 1 });
    for (const until = Date.now() + 2 * GRACE_MS; Date.now() < until;) {
      const { workers, pool } = await this.#pages.pool.metrics();
      const others = workers.filter(({ ready, spare }) => !ready && !spare);
      if (others.length === 0 && workers.length === pool.desired + 1) return;
      await delay(200);
    }
    this.faults.push("it does not come to rest");
  }

  async #kill(
    where: (worker: { readonly former: boolean }) => boolean,
  ): Promise<void> {
    const { workers } = await this.#pages.pool.metrics();
    const victims = workers.filter((worker) =>
      worker.pid !== null && where(worker)
    );
    const victim = victims[Math.floor(this.#random() * victims.length)];
    if (victim === undefined) return;
    this.killed.add(victim.pid!);
    try {
      Deno.kill(victim.pid!, "SIGKILL");
    } catch { /* It has just ended. */ }
  }

  /** Notes when events were seen; call it often. */
  watch(): void {
    const { length } = this.#pages.pool.events;
    while (this.#seenAt.length < length) this.#seenAt.push(Date.now());
  }

  async #lose({ pid }: Session): Promise<void> {
    // What the pool says of it may come a moment later.
    await delay(500);
    this.watch();
    const cause = this.#causeOf(pid);
    this.losses.push({ pid, cause });
    if (!cause.startsWith("fault")) return;
    const story = this.#eventsOf(pid).map(([event, at]) =>
      `${at}: ${JSON.stringify(event)}`
    );
    this.faults.push(`${cause}, pid ${pid}\n  ${story.join("\n  ")}`);
  }

  #eventsOf(pid: number): readonly (readonly [WorkerEvent, number])[] {
    return this.#pages.pool.events.flatMap((event, index) =>
      "pid" in event && event.pid === pid && event.type !== "worker-output"
        ? [[event as WorkerEvent, this.#seenAt[index]!] as const]
        : []
    );
  }

  #causeOf(pid: number): string {
    if (this.killed.has(pid)) return "killed";
    const story = this.#eventsOf(pid);
    const gone = story.find(([{ type }]) => type === "worker-draining");
    const kept = story.findLast(([{ type }]) => type === "worker-kept");
    if (gone === undefined) return "fault: its worker serves";
    const failed = this.#pages.pool.events.some((event) =>
      event.type === "reload-finished" && !event.report.ok &&
      event.report.generation === (gone[0] as WorkerRef).generation
    );
    if (failed && reasonOf(gone[0]) === "reload") return "failed reload";
    if (kept === undefined) return `fault: never kept (${reasonOf(gone[0])})`;
    const stayed = gone[1] - kept[1];
    if (stayed >= GRACE_MS - SLACK_MS) return "grace";
    const { events } = this.#pages.pool;
    const from = events.indexOf(kept[0]);
    const after = events.slice(from + 1, events.indexOf(gone[0])).filter((
      event,
    ) => event.type === "worker-kept" && event.workerId === kept[0].workerId);
    if (after.length >= KEPT_PER_PLACE) return "too many after it";
    return `fault: kept for ${stayed} ms (${reasonOf(gone[0])})`;
  }
}

function reasonOf(event: PoolEvent): string {
  return "reason" in event ? `${event.reason}` : "";
}

async function main([name = "express", seconds = "60", seed = "1"]: readonly (
  string
)[]): Promise<number> {
  const [affinity, program, open] =
    APPLICATIONS[name as keyof typeof APPLICATIONS];
  using command = new Program(program);
  const pages = await startPoolWithPages("PORT", {
    env: {
      ENV_FILE: command.path,
      POOL_SIZE: "3",
      MIN_WORKERS: "1",
      MAX_WORKERS: `${MAX_WORKERS}`,
      SPARE_WORKERS: "1",
      AFFINITY: affinity,
      SKEW_PROTECTION: "on",
      SKEW_GRACE_MS: `${GRACE_MS}`,
      MAX_REQUESTS: "120",
      MAX_WORKER_AGE_S: "20",
      SCALE_UP_RATE: "100000",
      SCALE_DOWN_RATE: "0",
    },
    permissions: ["-A"],
  });
  const { pool } = pages;
  const walk = new Walk(pages, open, seededRandom(Number(seed)), command);
  const ticking = setInterval(() => walk.watch(), 50);
  const pids = new Set<number>();
  try {
    const clients = Array.from({ length: CLIENTS }, () => walk.visit());
    await walk.disturb(Date.now() + Number(seconds) * 1_000);
    walk.over = true;
    await Promise.all(clients);
    await walk.check();
    await walk.rest();
    for (const event of pool.events) {
      if (event.type === "worker-spawned") pids.add(event.pid);
    }
    const { workers } = await pool.metrics();
    const known = new Set(workers.map(({ pid }) => pid));
    const unknown = (await aliveAmong(pids)).filter((pid) => !known.has(pid));
    if (unknown.length > 0) walk.faults.push(`unknown: ${unknown}`);
    walk.reload();
    await pages.command("/_admin/scale", { workers: 1 });
    await delay(seededRandom(Number(seed))() * 1_000);
    const { code } = await pool.stop();
    if (code !== 0) walk.faults.push(`it ended with ${code}`);
  } finally {
    clearInterval(ticking);
    await pages[Symbol.asyncDispose]();
  }
  const left = await aliveAmong(pids);
  if (left.length > 0) walk.faults.push(`left behind: ${left}`);
  const causes = Map.groupBy(walk.losses, ({ cause }) => cause);
  const kept = pool.events.filter(({ type }) => type === "worker-kept");
  console.log(JSON.stringify({
    name,
    asked: walk.asked,
    workers: pids.size,
    kept: Object.fromEntries(
      [...Map.groupBy(kept, reasonOf)].map(([why, all]) => [why, all.length]),
    ),
    killed: walk.killed.size,
    lost: Object.fromEntries(
      [...causes].map(([cause, all]) => [cause, all.length]),
    ),
    done: Object.fromEntries(walk.done),
    faults: walk.faults.length,
  }));
  for (const fault of walk.faults) console.log(fault);
  return walk.faults.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
