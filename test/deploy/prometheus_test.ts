/**
 * What is deployed for Prometheus and Grafana, tried with a real Prometheus
 * that scrapes a real pool.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DEFAULT_DEADLINE_MS, delay } from "../support/deadline.ts";
import { startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { Prometheus } from "../support/prometheus.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const RULES = fileURLToPath(
  new URL("prometheus/prefork-pool.rules.yml", DEPLOY),
);

/** What a panel asks, and the other places of a dashboard that ask something. */
interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr?: string }[];
  };
  readonly templating: {
    readonly list: readonly { readonly definition?: string }[];
  };
}

/**
 * What nothing has to be told of in a pool that is well: that there are such
 * metrics is asked of Prometheus by their names.
 */
const MAY_BE_EMPTY = [
  "prefork_suspect_losses",
  "prefork_queue_wait_seconds",
  "prefork_worker_output_dropped_total",
];

/** Between two looks, in milliseconds. */
const LOOK_MS = 200;

async function dashboard(): Promise<Dashboard> {
  const url = new URL("grafana/prefork-pool.json", DEPLOY);
  return JSON.parse(await Deno.readTextFile(url)) as Dashboard;
}

/** Fills in what Grafana fills in. */
function filledIn(expression: string): string {
  return expression
    .replaceAll("$__rate_interval", "30s")
    .replaceAll("$__interval", "30s")
    .replaceAll("$job", "prefork-pool")
    .replaceAll("$instance", ".*");
}

/** Every expression of a dashboard, behind where it stands. */
function expressionsOf(
  { panels, annotations, templating }: Dashboard,
): readonly (readonly [string, string])[] {
  const variables = templating.list.flatMap(({ definition }) => {
    const [, metric, label] = /^label_values\((.*), (\w+)\)$/
      .exec(definition ?? "") ?? [];
    return metric === undefined
      ? []
      : [[`variable ${label}`, `group by (${label}) (${metric})`] as const];
  });
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [title, expr] as const)
    ),
    ...annotations.list.flatMap(({ name, expr }) =>
      expr === undefined ? [] : [[name, expr] as const]
    ),
    ...variables,
  ].map(([title, expr]) => [title, filledIn(expr)]);
}

async function promtool(...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command("promtool", {
    args: [...args],
    cwd: new URL("prometheus/", DEPLOY),
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
}

Deno.test({
  name:
    "the configuration, the rules and the tests of the alerts are right (needs promtool)",
  ignore: ignoreWithout("promtool"),
  async fn(): Promise<void> {
    await promtool("check", "config", "prometheus.yml");
    await promtool("check", "rules", "prefork-pool.rules.yml");
    await promtool("test", "rules", "prefork-pool.rules.test.yml");
  },
});

Deno.test("each alert is tested for what calls for it, and for what does not", async () => {
  const tests = await Deno.readTextFile(
    new URL("prometheus/prefork-pool.rules.test.yml", DEPLOY),
  );
  const rules = await Deno.readTextFile(RULES);
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)];
  assert.ok(alerts.length > 0);
  for (const [, alert] of alerts) {
    assert.ok(tests.includes(`name: ${alert} fires\n`), alert);
    assert.ok(tests.includes(`name: ${alert} is silent\n`), alert);
  }
});

Deno.test("the panels of the dashboard do not lie on each other, and are within its width", async () => {
  const { panels } = await dashboard();
  for (const [index, { title, gridPos: a }] of panels.entries()) {
    assert.ok(a.x + a.w <= 24, title);
    for (const { title: other, gridPos: b } of panels.slice(0, index)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x ||
        a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert.ok(apart, `${title} and ${other}`);
    }
  }
});

Deno.test({
  name:
    "a real Prometheus scrapes a real pool: every query of the dashboard has a result, and every rule is evaluated (needs prometheus)",
  ignore: ignoreWithout("prometheus"),
  async fn(): Promise<void> {
    await using pool = await startPool({
      env: { POOL_SIZE: "2", MAX_WORKERS: "3" },
      // Else the memory and CPU of the workers are not to be had.
      permissions: ["-A"],
    });
    await using prometheus = await Prometheus.start(`
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${RULES}"]
scrape_configs:
  - job_name: prefork-pool
    metrics_path: /_metrics
    static_configs: [{ targets: ["127.0.0.1:${pool.port}"] }]
`);
    const ask = async (path: string, init?: RequestInit): Promise<void> => {
      await (await fetch(pool.url + path, init)).body?.cancel();
    };
    const command = (path: string): Promise<void> =>
      ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
      });
    const deadline = performance.now() + DEFAULT_DEADLINE_MS;
    const goesOn = async (): Promise<boolean> => {
      await ask("/");
      await ask("/nowhere");
      await delay(LOOK_MS);
      return performance.now() < deadline;
    };
    // Something for each panel: requests, a replacement, a decision, and a
    // reload, which is seen by those who have seen what was before it.
    Deno.kill(pool.workerPids[0]!, "SIGKILL");
    await pool.waitForEvent("worker-ready", {
      where: ({ replaces }) => replaces !== null,
    });
    await command("/_admin/scale?workers=3");
    while (
      (await prometheus.query("prefork_generation")).length === 0 &&
      await goesOn()
    );
    await command("/_admin/reload");
    const hasResult = async (expression: string): Promise<boolean> => {
      const result = await prometheus.query(expression);
      return result.length > 0 ||
        MAY_BE_EMPTY.some((name) => expression.includes(name));
    };
    const recorded = (await prometheus.rules())
      .map(({ name }) => name).filter((name) => name.includes(":"));
    assert.ok(recorded.length > 0);
    let open: readonly (readonly [string, string])[] = [
      ...expressionsOf(await dashboard()),
      ...recorded.map((name) => ["recorded", name] as const),
    ];
    // A rate needs two scrapes, and what has happened since the first of them.
    while (open.length > 0 && await goesOn()) {
      const results = await Promise.all(
        open.map(async (entry) => await hasResult(entry[1]) ? null : entry),
      );
      open = results.filter((entry) => entry !== null);
    }
    assert.deepEqual(open, [], "These have no result");
    const names = await prometheus.metricNames();
    for (const name of MAY_BE_EMPTY) {
      // In OpenMetrics the suffix is the sample's, not the metric's.
      const metric = name.replace(/_total$/, "");
      assert.ok(names.has(metric), `${metric} is no metric`);
    }
    const broken = (await prometheus.rules())
      .filter(({ lastError }) => lastError !== undefined && lastError !== "");
    assert.deepEqual(broken, []);
  },
});
