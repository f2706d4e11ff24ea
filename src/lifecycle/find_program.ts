/**
 * Whether the program of a command is there, found out without starting it.
 *
 * @module
 */

import { join, resolve } from "node:path";
import type { WorkerSpec } from "../pool/generation.ts";
import { fillPlaceholders, programMissing } from "../pool/worker_command.ts";
import { isGranted } from "../shared/is_granted.ts";

/** Which program, and where it would be started. */
export type ProgramSpec = Pick<WorkerSpec, "workerCommand" | "workerCwd">;

/**
 * Returns what the start of a worker would say of a program that is not there,
 * as a sentence part; `null` where it is, or that cannot be told.
 *
 * @param searched The directories of PATH.
 */
export function findProgram(
  { workerCommand, workerCwd }: ProgramSpec,
  searched: string,
): string | null {
  if (!isGranted({ name: "read" })) return null;
  const { kind, argv } = workerCommand;
  const first = { id: 0, port: 0, generation: 1 };
  const [program = ""] = fillPlaceholders(argv, first);
  const directory = workerCwd ?? Deno.cwd();
  const places = program.includes("/") ? [""] : searched.split(":");
  const found = places.some((place) =>
    isFile(resolve(directory, join(place, program)))
  );
  return found ? null : programMissing(program, kind);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    // One that may not be looked at is no reason to complain.
    return error instanceof Deno.errors.PermissionDenied;
  }
}
