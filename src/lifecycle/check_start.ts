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

/** What the start would say, as whole sentences. */
export interface StartCheck {
  /** What is in the way. */
  readonly problems: readonly string[];
  /** What it would warn of, where nothing is. */
  readonly warnings: readonly string[];
}

/**
 * Looks at what the settings name.
 *
 * @param searched The directories of PATH; `undefined` where there is none.
 */
export async function checkStart(
  config: Config,
  searched: string | undefined,
): Promise<StartCheck> {
  const { watch: paths, workerCwd } = config;
  const problems: string[] = [];
  const tried = async <T>(attempt: () => Promise<T>): Promise<T | null> => {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  const certificate = await tried(async () =>
    (await certificateReader(config))?.() ?? null
  );
  await tried(() => findWatched({ paths, directory: workerCwd ?? "." }));
  const missing = searched === undefined ? null : findProgram(config, searched);
  if (missing !== null) problems.push(`Cannot start a worker: ${missing}.`);
  const warnings = [
    certificate && termRemark(certificate, Date.now()),
    limitShortfall(config),
  ].filter((warning) => warning !== null);
  return { problems, warnings };
}
