/**
 * From measured rounds to tables. Pure.
 *
 * @module
 */

import type {
  MemoryResult,
  PeerResult,
  Results,
  Round,
  ScenarioResult,
} from "./results.ts";
import { GOALS, judge, type Judgement } from "./goals.ts";
import { figure, median } from "./support/figures.ts";
import type { Table } from "./support/table.ts";

/** The peers that all others are given as a ratio of. */
const REFERENCES = ["haproxy", "nginx"] as const;

/** On a quiet machine only threads of the kernel, and idle peers, get in the way. */
const QUIET_WAIT_RATIO = 0.05;

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

const HEADINGS = [
  "peer",
  "CPU µs/req",
  "min - max",
  ...REFERENCES.map((name) => `x ${name}`),
  "machine µs",
  "x haproxy",
  "req/s",
  "core",
  "waited",
  "p50 µs",
  "p99 µs",
  "RSS MiB",
];

/** The table of one scenario, one line a peer. */
export function scenarioTable({ scenario, peers }: ScenarioResult): Table {
  const costs: Costs = {
    cpu: new Map(peers.map(({ peer, rounds }) => [peer, cpuMicros(rounds)])),
    machine: new Map(
      peers.map(({ peer, rounds }) => [peer, machineMicros(rounds)]),
    ),
  };
  const { name, description, connections } = scenario;
  const clients = connections === 1 ? "one client" : `${connections} clients`;
  return {
    title: `${name}: ${description}, ${clients}`,
    rows: [HEADINGS, ...peers.map((result) => row(result, costs))],
  };
}

/** What a request costs, by peer and round. */
interface Costs {
  /** The balancer. */
  readonly cpu: ReadonlyMap<string, readonly number[]>;
  /** The machine. */
  readonly machine: ReadonlyMap<string, readonly number[]>;
}

function row({ peer, rounds, fault }: PeerResult, costs: Costs): string[] {
  if (fault !== null) return [peer, `not measured: ${fault}`];
  const cpu = costs.cpu.get(peer) ?? [];
  const machine = median(costs.machine.get(peer) ?? []);
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  const middle = (of: (round: Round) => number | null): number =>
    median(rounds.map((round) => of(round) ?? NaN));
  return [
    peer,
    figure(median(cpu), 1),
    range(cpu, 1),
    ...REFERENCES.map((name) =>
      figure(median(cpu) / median(costs.cpu.get(name) ?? []), 2)
    ),
    figure(machine, 1),
    figure(machine / median(costs.machine.get(REFERENCES[0]) ?? []), 2),
    figure(middle((round) => round.requestsPerSecond), 0),
    figure(100 * middle((round) => round.coreRatio), 0, " %"),
    figure(100 * middle((round) => round.waitRatio), 0, " %"),
    figure(middle((round) => round.p50Micros), 0),
    figure(middle((round) => round.p99Micros), 0),
    figure(middle((round) => round.rssBytes) / MEBIBYTE, 1),
    ...(errors > 0 ? [`${errors} requests FAILED`] : []),
  ];
}

/** The table of the memory, one line a peer. */
export function memoryTable(results: readonly MemoryResult[]): Table {
  const connections = results[0]?.connections ?? 0;
  return {
    title: `memory: RSS in MiB, ${connections} idle connections`,
    rows: [
      [
        "peer",
        "started",
        "after load",
        "connections open",
        "KiB each",
        "closed",
        "closed / after load",
      ],
      ...results.map((result) => [
        result.peer,
        figure(result.startedBytes / MEBIBYTE, 1),
        figure(result.loadedBytes / MEBIBYTE, 1),
        figure(result.openBytes / MEBIBYTE, 1),
        figure(
          (result.openBytes - result.loadedBytes) / connections / KIBIBYTE,
          1,
        ),
        figure(result.closedBytes / MEBIBYTE, 1),
        figure(result.closedBytes / result.loadedBytes, 2),
        ...(result.fault === null ? [] : [result.fault]),
      ]),
    ],
  };
}

/** The table of the goals, of those for which there are figures. */
export function goalTable(results: Results): Table {
  const judgements = GOALS.map((goal) => judge(goal, results))
    .filter((judgement) => judgement !== null);
  return {
    title: "goals",
    rows: [
      [
        "what",
        "prefork-pool",
        ...REFERENCES,
        ...REFERENCES.map((name) => `x ${name}`),
        "goal",
        "measured",
        "min - max",
        "",
      ],
      ...judgements.map(goalRow),
    ],
  };
}

/** A warning when somebody else used the balancers' core, otherwise `null`. */
export function disturbance({ scenarios }: Results): string | null {
  const waits = scenarios.flatMap(({ peers }) => peers)
    .flatMap(({ rounds }) => rounds)
    .flatMap(({ waitRatio }) => waitRatio ?? []);
  const wait = median(waits);
  return wait > QUIET_WAIT_RATIO
    ? `Other processes kept the balancers waiting ${figure(100 * wait, 0)} % ` +
      "of the time: make this machine quiet and measure again."
    : null;
}

function goalRow({ goal, of, values, met }: Judgement): string[] {
  const { digits, against, most, least } = goal;
  const ours = median(of("prefork-pool"));
  const limit = most === undefined ? `at least ${least}` : `at most ${most}`;
  return [
    goal.what,
    figure(ours, digits),
    ...REFERENCES.map((name) => figure(median(of(name)), digits)),
    ...REFERENCES.map((name) => figure(ours / median(of(name)), 2)),
    against === null ? limit : `${limit} x ${against}`,
    figure(median(values), 2),
    range(values, 2),
    met ? "met" : "NOT MET",
  ];
}

function range(values: readonly number[], digits: number): string {
  if (values.length === 0) return "-";
  return `${figure(Math.min(...values), digits)} - ${
    figure(Math.max(...values), digits)
  }`;
}

function machineMicros(rounds: readonly Round[]): number[] {
  return rounds.map(({ machineMicrosPerRequest }) => machineMicrosPerRequest);
}

function cpuMicros(rounds: readonly Round[]): number[] {
  return rounds.flatMap(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest ?? []);
}
