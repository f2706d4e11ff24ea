/**
 * What a machine must have for anything to be measured on it.
 *
 * @module
 */

import { hasProgram } from "../../test/support/programs.ts";
import { RunError } from "./options.ts";

/** Program and Debian package. */
const PROGRAMS = [
  ["wrk", "wrk"],
  ["taskset", "util-linux"],
] as const;

/** Descriptors a process needs beside those of its clients. */
const OTHER_DESCRIPTORS = 500;

/** @throws {RunError} naming what is missing. */
export function requireMachine(): void {
  if (Deno.build.os !== "linux") {
    throw new RunError("Cannot measure CPU time: this needs Linux' /proc");
  }
  if (navigator.hardwareConcurrency < 2) {
    throw new RunError(
      "Cannot measure: the balancer and the load need a core each, and there is one",
    );
  }
  for (const [program, debianPackage] of PROGRAMS) {
    if (!hasProgram(program)) {
      throw new RunError(
        `Cannot find ${program}: apt-get install ${debianPackage}`,
      );
    }
  }
}

/**
 * Whether a process may have so many connections.
 *
 * @throws {RunError} when it may not.
 */
export function requireDescriptors(connections: number): void {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  // Ours is at the hard limit already: Deno raises it, and children inherit it.
  const limit = /^Max open files +(\S+)/m.exec(limits)?.[1] ?? "";
  const needed = connections + OTHER_DESCRIPTORS;
  if (limit !== "unlimited" && Number(limit) < needed) {
    throw new RunError(
      `Cannot hold ${connections} connections: the limit of descriptors is ` +
        `${limit}; raise it to ${needed} (ulimit -Hn)`,
    );
  }
}
