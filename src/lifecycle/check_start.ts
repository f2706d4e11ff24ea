/**
 * Whether a pool could start, as far as that can be seen without starting it:
 * what the start itself would say.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { certificateReader } from "./certificate_reader.ts";
import { termRemark } from "./certificate_term.ts";
import { findProgram } from "./find_program.ts";
import { limitShortfall } from "./memory_fit.ts";
import { StartError } from "./start_error.ts";
import { findWatched } from "./watch/watch_service.ts";

/**
 * Returns what is in the way, as whole sentences; empty where nothing is seen
 * to be.
 *
 * @param searched The directories of PATH; `undefined` where there is none.
 */
export async function startProblems(
  config: Config,
  searched: string | undefined,
): Promise<readonly string[]> {
  const { watch: paths, workerCwd } = config;
  const problems = [
    await problemOf(async () => (await certificateReader(config))?.()),
    await problemOf(() => findWatched({ paths, directory: workerCwd ?? "." })),
  ];
  const missing = searched === undefined ? null : findProgram(config, searched);
  if (missing !== null) problems.push(`Cannot start a worker: ${missing}.`);
  return problems.filter((problem) => problem !== null);
}

/** Returns what a pool that can start would warn of then, as whole sentences. */
export async function startWarnings(
  config: Config,
): Promise<readonly string[]> {
  const certificate = (await certificateReader(config))?.();
  return [
    certificate === undefined ? null : termRemark(certificate, Date.now()),
    limitShortfall(config),
  ].filter((warning) => warning !== null);
}

async function problemOf(
  attempt: () => Promise<unknown>,
): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
}
