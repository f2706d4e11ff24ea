/**
 * Compares the balancer with its peers in one run: CPU per request first.
 *
 * `deno task bench --help` names the options; see `bench/README.md`.
 *
 * @module
 */

import { type CompareOptions, HELP, parseOptions } from "./compare_options.ts";
import { type Machine, machine, versions } from "./machine.ts";
import { measure } from "./measure.ts";
import { measureMemory } from "./memory.ts";
import {
  disturbance,
  goalTable,
  memoryTable,
  scenarioTable,
} from "./report.ts";
import type { Results, ScenarioResult } from "./results.ts";
import { type Scenario, scenarioGroups } from "./scenarios.ts";
import { installedPeers, type Stand, Stands, standsOf } from "./stands.ts";
import { missingForOrigins } from "./support/origins.ts";
import { requireDescriptors, requireMachine } from "./support/requirements.ts";
import {
  type BenchmarkContext,
  runBenchmark,
} from "./support/run_benchmark.ts";
import { markdown, plainText, type Table } from "./support/table.ts";

/** For the memory: what the figures are wanted for. */
const MEMORY_WORKERS = 4;

Deno.exitCode = await runBenchmark(main);

async function main(context: BenchmarkContext): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  requireMachine();
  const peers = installedPeers(options.peers);
  const about = machine(versions(peers));
  const results = await compare({ ...options, peers }, context);
  console.log(`\n${plainText(goalTable(results))}`);
  const warning = disturbance(results);
  if (warning !== null) console.log(`\n${warning}`);
  write(options, about, results);
  const { scenarios, memory } = results;
  return [...scenarios.flatMap(({ peers }) => peers), ...memory]
      .every(({ fault }) => fault === null)
    ? 0
    : 1;
}

async function compare(
  options: CompareOptions,
  { signal, directory }: BenchmarkContext,
): Promise<Results> {
  const { peers, workers, connections } = options;
  const tell = (table: Table): void => console.log(`\n${plainText(table)}`);
  const scenarios: ScenarioResult[] = [];
  const kinds = standsOf(workers);
  {
    await using stands = new Stands({ peers, directory, signal });
    for (const group of scenarioGroups(options.scenarios)) {
      const standOf = ({ stand }: Scenario): Stand => kinds[stand];
      if (isPassedOver(group, standOf)) continue;
      const ready = await stands.provide(group.map(standOf));
      const results = await measure(
        group,
        (scenario) => ready.get(standOf(scenario))!,
        { ...options, signal },
      );
      for (const result of results) tell(scenarioTable(result));
      scenarios.push(...results);
    }
  }
  if (!options.memory) return { scenarios, memory: [] };
  requireDescriptors(connections);
  const memory = await measureMemory(peers, {
    ...options,
    stand: { origins: "full", workers: MEMORY_WORKERS },
    directory,
    signal,
  });
  tell(memoryTable(memory));
  return { scenarios, memory };
}

function isPassedOver(
  group: readonly Scenario[],
  standOf: (scenario: Scenario) => Stand,
): boolean {
  const missing = group.map((scenario) =>
    missingForOrigins(standOf(scenario).origins)
  ).find((text) => text !== null);
  if (missing === undefined) return false;
  const names = group.map(({ name }) => name).join(", ");
  console.log(`Passed over: ${names} (${missing})`);
  return true;
}

/** Writes the files that were asked for. */
function write(
  { seconds, rounds, workers, json, markdownPath }: CompareOptions,
  about: Machine,
  results: Results,
): void {
  if (json !== null) {
    const report = { machine: about, seconds, rounds, workers, ...results };
    Deno.writeTextFileSync(json, JSON.stringify(report, null, 2) + "\n");
  }
  if (markdownPath === null) return;
  const { cpu, cores, kernel, deno, peers } = about;
  const run = {
    title: "Machine, versions, command",
    rows: [
      ["", ""],
      ["CPU", `${cpu}, ${cores} cores`],
      ["kernel", kernel],
      ["Deno", deno],
      ...Object.entries(peers),
      ["command", ["deno task bench", ...Deno.args].join(" ")],
      ["rounds", `${rounds} of ${seconds} s, in turns`],
    ],
  };
  const tables = [
    run,
    goalTable(results),
    ...results.scenarios.map(scenarioTable),
    ...(results.memory.length > 0 ? [memoryTable(results.memory)] : []),
  ];
  Deno.writeTextFileSync(markdownPath, tables.map(markdown).join("\n"));
}
