/**
 * What the figures were measured on.
 *
 * @module
 */

import { hasProgram } from "../test/support/programs.ts";
import type { Peer } from "./peers/peer.ts";

/** Machine and versions, for the report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
  /** What the peers that are installed say of themselves. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Describes this machine. */
export function machine(peers: readonly Peer[]): Machine {
  const cpuInfo = Deno.readTextFileSync("/proc/cpuinfo");
  const versions: Record<string, string> = {};
  for (const { name, needs } of peers) {
    if (needs === null || !hasProgram(needs.program)) continue;
    versions[name] = firstLine(needs.program, needs.versionArgs);
  }
  return {
    cpu: /^model name\s*: (.+)$/m.exec(cpuInfo)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    peers: versions,
  };
}

/** The first line a program writes; nginx writes its version to stderr. */
function firstLine(program: string, args: readonly string[]): string {
  const { stdout, stderr } = new Deno.Command(program, { args: [...args] })
    .outputSync();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  return text.split("\n")[0]!.trim();
}
