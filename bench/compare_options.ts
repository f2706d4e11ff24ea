/**
 * The command line of `deno task bench`.
 *
 * @module
 */

import { PEERS } from "./peers/mod.ts";
import type { Peer } from "./peers/peer.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { named, parseFlags, positive } from "./support/options.ts";

/** The scenario that looks at memory; it is none of traffic. */
const MEMORY = { name: "memory" } as const;

/** So that a line of the help fits a terminal. */
const NAMES_PER_LINE = 6;

/** What was asked for on the command line. */
export interface CompareOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly workers: number;
  /** Idle connections when looking at memory. */
  readonly connections: number;
  readonly scenarios: readonly Scenario[];
  /** Whether to look at memory. */
  readonly memory: boolean;
  readonly peers: readonly Peer[];
  readonly json: string | null;
  readonly markdownPath: string | null;
}

/** What `--help` prints. */
export const HELP = `Compares prefork-pool with its peers in one run.

Usage: deno task bench [options]

  --scenario NAMES    those named, with commas between [all]:
                      ${names([...SCENARIOS, MEMORY])}
  --peers NAMES       those named [all]:
                      ${names(PEERS)}
  --seconds N         length of a round [2]
  --rounds N          rounds of each peer, in turns [3]
  --workers N         workers where the scenario does not say how many [2]
  --connections N     idle connections of the scenario memory [10000]
  --json FILE         writes every round there
  --markdown FILE     writes the tables there

Ends with 1 when answers of a peer were wrong, with 2 when nothing could be
measured. bench/README.md says what is measured and how.`;

/** @returns `null` when help is wanted. @throws {RunError} for what cannot be used. */
export function parseOptions(args: readonly string[]): CompareOptions | null {
  const values = parseFlags(args, {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    connections: { type: "string", default: "10000" },
    scenario: { type: "string" },
    peers: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  });
  if (values.help) return null;
  const chosen = named(
    "--scenario",
    [...SCENARIOS, MEMORY],
    values.scenario,
  );
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: positive("--rounds", values.rounds),
    workers: positive("--workers", values.workers),
    connections: positive("--connections", values.connections),
    scenarios: SCENARIOS.filter((scenario) => chosen.includes(scenario)),
    memory: chosen.includes(MEMORY),
    peers: named("--peers", PEERS, values.peers),
    json: values.json ?? null,
    markdownPath: values.markdown ?? null,
  };
}

/** Some to a line, below each other. */
function names(all: readonly { readonly name: string }[]): string {
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += NAMES_PER_LINE) {
    const line = all.slice(at, at + NAMES_PER_LINE);
    lines.push(line.map(({ name }) => name).join(", "));
  }
  return lines.join(",\n                      ");
}
