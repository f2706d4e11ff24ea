/**
 * Holds the import graph to the direction that ARCHITECTURE.md draws.
 *
 * The graph is Deno's own (`deno info --json`), type imports included: what is
 * not imported cannot be depended on by accident.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** Everything starts from one of these. The last two are run by their paths, as a process and as a thread. */
const ENTRY_POINTS = [
  "mod.ts",
  "tools/prefork-pool.ts",
  "src/demo/main.ts",
  "src/plane/data_plane_thread.ts",
];

const ROOT = new URL("../", import.meta.url);

/** Imports of a module: paths from the root for ours, bare names for others. */
type Graph = ReadonlyMap<string, readonly string[]>;

/** What decides which workers there are, and shows it. */
const CONTROL_PLANE = [
  "src/pool/",
  "src/health/",
  "src/autoscaler/",
  "src/metrics/",
  "src/admin/",
  "src/log/",
];

/** What serves clients. */
const DATA_PLANE = ["src/proxy/", "src/upstream/"];

/**
 * The parts of the program, and what each may import beside itself. A part is
 * a file or a folder; the most exact entry counts. `node:` stands for every
 * module of that kind.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // Leaves: known to all, knowing nobody.
  "deno.json": [],
  "src/version.ts": ["deno.json"],
  "src/instance.ts": ["src/version.ts"],
  "src/events/": [],
  "src/shared/": [],
  "src/net/": ["node:"],
  "src/system/": ["src/shared/"],
  // CPU time, which Deno itself does not tell.
  "src/system/own_usage.ts": ["src/system/", "node:"],
  "src/http1/": [],
  // Octets as text: nothing that reads or writes any.
  "src/http1/bytes.ts": ["node:buffer"],
  // The seam: what crosses it, which both planes know and which knows neither.
  "src/plane/contract.ts": ["src/events/", "src/shared/"],
  // The data plane, and what carries the contract to it.
  "src/upstream/": ["src/plane/contract.ts", "src/shared/"],
  // Pure: it waits for nothing, and looks at no clock.
  "src/proxy/": [
    "src/http1/",
    "src/upstream/",
    "src/plane/contract.ts",
    "src/net/",
    "src/events/",
    "src/shared/",
  ],
  // The links of the data plane, each on calls of its own.
  "src/transport/": [
    "src/proxy/core/",
    "src/net/",
    "src/events/",
    "src/shared/",
    "node:", // TLS
  ],
  // What makes spans, and exports figures. Loaded only where they are wanted.
  "src/telemetry/": [
    "src/http1/",
    "src/proxy/core/",
    "src/metrics/",
    "src/shared/",
    "@opentelemetry/api",
  ],
  "src/plane/open_tracer.ts": ["src/telemetry/", "src/proxy/core/"],
  "src/lifecycle/telemetry_service.ts": [
    "src/telemetry/",
    "src/metrics/",
    "src/events/",
    "src/shared/",
    "src/instance.ts",
  ],
  "src/lifecycle/exit_bound.ts": ["src/telemetry/otlp_environment.ts"],
  "src/plane/": [
    "src/proxy/",
    "src/transport/",
    // Pure: who may see a page is decided where requests are read.
    "src/admin/gatekeeper.ts",
    "src/net/",
    "src/upstream/",
    "src/events/",
    "src/shared/",
    "node:", // TLS
  ],
  // The control plane. Of the data plane it knows the contract alone.
  "src/pool/": [
    "src/plane/contract.ts",
    "src/net/",
    "src/events/",
    "src/shared/",
    "src/system/",
  ],
  // Of the pool they know what they are handed, not the pool itself.
  "src/pool/health_watcher.ts": ["src/events/"],
  "src/health/": [
    "src/http1/",
    "src/net/",
    "src/events/",
    "src/shared/",
    "src/system/",
    "src/plane/contract.ts",
    "src/pool/health_watcher.ts",
    "node:", // setImmediate
  ],
  "src/autoscaler/": ["src/shared/", "src/system/", "src/events/"],
  "src/metrics/": [
    "src/plane/contract.ts",
    "src/shared/",
    "src/system/",
    "src/events/",
    "src/pool/pool_snapshot.ts",
    "src/instance.ts",
    "prom-client",
  ],
  // What reaches the admin pages through the data plane, and what they show.
  "src/admin/": [
    "src/plane/contract.ts",
    "src/metrics/",
    "src/events/",
    "src/log/event_message.ts",
    "src/net/",
    "src/instance.ts",
    "src/version.ts",
    "hono",
    "uplot",
    "node:",
  ],
  "src/log/": ["src/events/", "src/shared/", "@logtape/logtape", "node:"],
  "src/config/": [
    "src/upstream/policy/",
    "src/pool/worker_command.ts",
    "src/net/",
    "src/shared/",
    "src/version.ts",
    "node:",
  ],
  // Where the pools of a user are found, by themselves and by the command line.
  "src/registry/": ["src/shared/"],
  // The outermost layer: it alone knows the configuration as a whole.
  "src/lifecycle/": [
    ...CONTROL_PLANE,
    "src/plane/contract.ts",
    "src/events/",
    "src/shared/",
    "src/net/",
    "src/system/",
    "src/config/",
    "src/registry/",
    "src/instance.ts",
    "src/version.ts",
    "node:",
  ],
  // The one place that knows what carries the contract.
  "src/lifecycle/open_plane.ts": [
    "src/plane/",
    "src/transport/epoll/libc.ts",
    "src/lifecycle/",
    "src/events/",
    "src/shared/",
    "node:",
  ],
  // A socket that outlives the threads which accept its clients.
  "src/lifecycle/listen_native.ts": [
    "src/lifecycle/",
    "src/transport/epoll/",
  ],
  "src/demo/": ["hono"],
  // The same algorithm, and the settings it is given.
  "src/simulate/": [
    "src/autoscaler/",
    "src/config/nearest.ts",
    "src/upstream/",
  ],
  // Of the pool it knows what that answers, and how it is asked.
  "src/cli/": [
    "src/simulate/",
    "src/config/",
    "src/registry/",
    "src/instance.ts",
    "src/events/",
    "src/shared/",
    "src/log/event_message.ts",
    "src/version.ts",
    "src/admin/commands.ts",
    "src/metrics/metrics_snapshot.ts",
    "node:",
  ],
  "mod.ts": ["src/"],
  "tools/": ["src/cli/", "src/config/", "src/lifecycle/", "src/shared/"],
};

/** Never to be imported by anybody but itself, whatever a part is allowed. */
const PRIVATE = ["src/demo/"];

Deno.test("every import keeps to the direction of the architecture", async () => {
  assert.deepEqual(violations(await importGraph()), []);
});

Deno.test("the planes know each other by the contract alone", async () => {
  const contract = "src/plane/contract.ts";
  const crossing = [...await importGraph()].flatMap(([module, imports]) => {
    const across = isIn(DATA_PLANE, module)
      ? [...CONTROL_PLANE, "src/lifecycle/"]
      : isIn(CONTROL_PLANE, module)
      ? [...DATA_PLANE, "src/plane/"]
      : [];
    return imports
      .filter((imported) => imported !== contract && isIn(across, imported))
      .map((imported) => `${module} imports ${imported}`);
  });
  assert.deepEqual(crossing, []);
});

Deno.test("no modules import each other in a circle", async () => {
  assert.equal(findCycle(await importGraph()), null);
});

Deno.test("every module of src/ is reached from an entry point", async () => {
  const graph = await importGraph();
  const unreached = modulesIn("src/").filter((path) => !graph.has(path));
  assert.deepEqual(unreached, [], "Nobody imports these modules");
});

Deno.test("an import against the direction is named with the part it is in", () => {
  const graph = new Map([
    ["src/proxy/exchange.ts", ["src/upstream/upstream.ts", "src/pool/pool.ts"]],
    ["src/http1/cookies.ts", ["node:net"]],
    ["src/lifecycle/run.ts", ["src/demo/application.ts"]],
    ["src/autoscaler/algorithm.ts", ["src/plane/local.ts"]],
    ["src/stray.ts", ["src/events/mod.ts"]],
  ]);
  assert.deepEqual(violations(graph), [
    "src/proxy/exchange.ts imports src/pool/pool.ts: src/proxy/ may import only " +
    "itself, src/http1/, src/upstream/, src/plane/contract.ts, src/net/, src/events/, " +
    "src/shared/",
    "src/http1/cookies.ts imports node:net: src/http1/ may import only itself",
    "src/lifecycle/run.ts imports src/demo/application.ts: src/demo/ is nobody else's to import",
    "src/autoscaler/algorithm.ts imports src/plane/local.ts: src/autoscaler/ may import only " +
    "itself, src/shared/, src/system/, src/events/",
    "src/stray.ts imports src/events/mod.ts: no part of the architecture holds it; name one in this test",
  ]);
});

Deno.test("a circle is shown from a module back to itself", () => {
  const graph = new Map([
    ["a.ts", ["b.ts"]],
    ["b.ts", ["c.ts", "hono"]],
    ["c.ts", ["b.ts"]],
  ]);
  assert.equal(findCycle(graph), "b.ts -> c.ts -> b.ts");
});

function isIn(parts: readonly string[], module: string): boolean {
  return parts.some((part) => covers(part, module));
}

/** One sentence for each import that is not allowed. */
function violations(graph: Graph): readonly string[] {
  return [...graph].flatMap(([module, imports]) =>
    imports.flatMap((imported) => {
      const rule = brokenRule(module, imported);
      return rule === null ? [] : [`${module} imports ${imported}: ${rule}`];
    })
  );
}

function brokenRule(module: string, imported: string): string | null {
  const part = partOf(module);
  if (part === null) {
    return "no part of the architecture holds it; name one in this test";
  }
  if (imported.startsWith(part)) return null;
  const owner = PRIVATE.find((prefix) => imported.startsWith(prefix));
  if (owner !== undefined) return `${owner} is nobody else's to import`;
  const allowed = ALLOWED[part]!;
  if (allowed.some((entry) => covers(entry, imported))) return null;
  return `${part} may import only ${["itself", ...allowed].join(", ")}`;
}

/** The most exact entry of the table for a module. */
function partOf(module: string): string | null {
  const parts = Object.keys(ALLOWED).filter((part) => covers(part, module));
  parts.sort((a, b) => b.length - a.length);
  return parts[0] ?? null;
}

function covers(entry: string, path: string): boolean {
  return path === entry ||
    path.startsWith(/[/:]$/.test(entry) ? entry : `${entry}/`);
}

/** The first circle there is, or `null`. */
function findCycle(graph: Graph): string | null {
  const done = new Set<string>();
  const path: string[] = [];

  function visit(module: string): string | null {
    if (done.has(module)) return null;
    const at = path.indexOf(module);
    if (at >= 0) return [...path.slice(at), module].join(" -> ");
    path.push(module);
    for (const imported of graph.get(module) ?? []) {
      const cycle = visit(imported);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(module);
    return null;
  }

  for (const module of graph.keys()) {
    const cycle = visit(module);
    if (cycle !== null) return cycle;
  }
  return null;
}

async function importGraph(): Promise<Graph> {
  const graphs = await Promise.all(ENTRY_POINTS.map(readGraph));
  return new Map(graphs.flatMap((graph) => [...graph]));
}

/** What of `deno info --json` is read here. */
interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      /** As it is written. */
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

async function readGraph(entryPoint: string): Promise<Graph> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entryPoint],
    cwd: ROOT,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { modules }: DenoInfo = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(
    modules.filter(({ specifier }) => specifier.startsWith(ROOT.href))
      .map(({ specifier, dependencies = [] }) => [
        specifier.slice(ROOT.href.length),
        dependencies.map((dependency) => {
          const target = (dependency.code ?? dependency.type)?.specifier ?? "";
          return target.startsWith(ROOT.href)
            ? target.slice(ROOT.href.length)
            : bareName(dependency.specifier);
        }),
      ]),
  );
}

/** A package by its name alone: `hono/accepts` for `npm:hono@^4/accepts`. */
function bareName(specifier: string): string {
  return specifier.replace(/^npm:(@?[^@/]+(?:\/[^@/]+)?)@[^/]+/, "$1");
}

/** Paths of all TypeScript modules below a folder, from the root. */
function modulesIn(folder: string): readonly string[] {
  const url = new URL(folder, ROOT);
  return [...Deno.readDirSync(fileURLToPath(url))].flatMap((entry) => {
    const path = folder + entry.name;
    if (entry.isDirectory) return modulesIn(`${path}/`);
    return path.endsWith(".ts") ? [path] : [];
  });
}
