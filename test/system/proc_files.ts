/**
 * A made-up `/proc`.
 *
 * @module
 */

import type { ProcFiles } from "../../src/system/leader_table.ts";

/** What a made-up process is, and uses. */
export interface FakeProcess {
  readonly parentId?: number;
  readonly groupId?: number;
  readonly cpuTicks?: number;
  readonly startTicks?: number;
  readonly rssPages?: number;
  readonly sharedPages?: number;
  /** `null`: that may not be read. */
  readonly pssKb?: number | null;
}

/** Processes that can be changed, and a note of what is read. */
export class FakeProc implements ProcFiles {
  readonly processes = new Map<number, FakeProcess>();
  /** Paths in the order in which they were read; for the test to empty. */
  readonly reads: string[] = [];

  readonly list = (): readonly string[] => [
    "self",
    "meminfo",
    ...[...this.processes.keys()].map(String),
  ];

  readonly read = (path: string): string => {
    this.reads.push(path);
    const [, , pid, file] = path.split("/");
    const process = this.processes.get(Number(pid));
    if (process === undefined) throw new Deno.errors.NotFound(path);
    const { parentId = 1, groupId = pid, pssKb = 0 } = process;
    switch (file) {
      case "stat":
        return `${pid} (x) S ${parentId} ${groupId} ${groupId} 0 0 0 0 0 0 0 ` +
          `${process.cpuTicks ?? 0} 0 0 0 0 0 1 0 ${process.startTicks ?? 1} 0`;
      case "statm":
        return `0 ${process.rssPages ?? 0} ${process.sharedPages ?? 0} 0 0 0 0`;
      default:
        if (pssKb === null) throw new Deno.errors.PermissionDenied(path);
        return `Pss: ${pssKb} kB\n`;
    }
  };
}
