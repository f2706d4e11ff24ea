/**
 * What is wrong with a configuration, all of it at once.
 *
 * @module
 */

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The setting as it was given: `"--pool-size"`, `"POOL_SIZE"` or `"poolSize"`. */
  readonly setting: string;
  /** Its value, or `null` when there is none or it must not be shown. */
  readonly value: string | null;
  /** What is allowed, or what to do about it, as a sentence part. */
  readonly remedy: string;
}

/** The configuration cannot be used. Carries every problem, not just the first. */
export class ConfigError extends Error {
  /** Always `"ConfigError"`. */
  override readonly name = "ConfigError";
  /** What is wrong, in the order in which it was found; at least one. */
  readonly problems: readonly ConfigProblem[];

  /** Creates the error; its message lists `problems`, one a line. */
  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ setting, value, remedy }) =>
      `  ${setting}${value === null ? "" : `=${value}`}: ${remedy}`
    );
    super(["Cannot use the configuration:", ...lines].join("\n"));
    this.problems = problems;
  }
}
