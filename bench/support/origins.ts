/**
 * The workers behind the balancers.
 *
 * @module
 */

import { freePort } from "../../test/support/free_port.ts";
import { hasProgram } from "../../test/support/programs.ts";
import { LOAD_CORE, pinned } from "./cores.ts";
import { lightOrigin } from "./light_origin.ts";
import { originCommand } from "./origin_command.ts";
import type { Processes } from "./processes.ts";

/** What workers are: `full` is `origin_main.ts`, `light` is nginx. */
export type OriginKind = "full" | "light";

/** Workers that all peers share, and how those that spawn their own get the same. */
export interface Origins {
  /** Where the shared ones listen, on 127.0.0.1. */
  readonly ports: readonly number[];
  /** Starts one on the port that stands for `{port}`, or is in PORT. */
  readonly command: readonly string[];
}

/** What workers are started with. */
export interface OriginsOptions {
  readonly processes: Processes;
  /** For their files; anybody must be able to read it. */
  readonly directory: string;
}

/** What to install for these workers, or `null`. */
export function missingForOrigins(kind: OriginKind): string | null {
  return kind === "light" && !hasProgram("nginx")
    ? "apt-get install nginx"
    : null;
}

/** Starts `count` workers; they may not listen yet. */
export function startOrigins(
  kind: OriginKind,
  count: number,
  { processes, directory }: OriginsOptions,
): Origins {
  const ports = freePorts(count);
  if (kind === "light") {
    const command = pinned(LOAD_CORE, lightOrigin(directory));
    // A process each, as a pool has them: one that listens on all ports would
    // be woken once for the requests to several.
    for (const port of ports) {
      processes.start(["env", `PORT=${port}`, ...command]);
    }
    return { ports, command };
  }
  for (const port of ports) processes.start(originCommand(String(port)));
  return { ports, command: originCommand("{port}") };
}

/** Nobody listens on them yet, so the same could be found twice. */
function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(freePort());
  return [...ports];
}
