/**
 * What the figures were measured on.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { hasProgram } from "../test/support/programs.ts";
import type { Peer } from "./peers/peer.ts";
import { firstLine } from "./support/programs.ts";

/** Machine and versions, for the report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
  /** What the peers that are installed say of themselves. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Describes this machine; `peers` are the versions of what is compared. */
export function machine(peers: Machine["peers"]): Machine {
  const cpuInfo = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    cpu: /^model name\s*: (.+)$/m.exec(cpuInfo)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    peers,
  };
}

/** What the peers that are installed say of themselves. */
export function versions(peers: readonly Peer[]): Machine["peers"] {
  const found: Record<string, string> = { "prefork-pool": project.version };
  for (const { name, needs } of peers) {
    if (needs === null || !hasProgram(needs.program)) continue;
    found[name] = firstLine(needs.program, ...needs.versionArgs);
  }
  return found;
}
