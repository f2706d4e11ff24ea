/**
 * How the benchmarks start this project's pool.
 *
 * @module
 */

/** Which pool, and where. */
export interface PoolCommand {
  /** Its program, of this checkout or another. */
  readonly main: string;
  readonly port: number;
  /** Workers: so many, neither more nor fewer. */
  readonly workers: number;
  /** Settings beyond these. */
  readonly flags: readonly string[];
  /** None is the demo application. */
  readonly workerCommand?: readonly string[];
}

/** Program and arguments of a fixed pool on loopback, its workers on any free ports. */
export function poolCommand(
  { main, port, workers, flags, workerCommand = [] }: PoolCommand,
): string[] {
  return [
    Deno.execPath(),
    "run",
    "-A",
    main,
    "--host=127.0.0.1",
    `--port=${port}`,
    `--pool-size=${workers}`,
    `--min-workers=${workers}`,
    `--max-workers=${workers}`,
    "--worker-port=0",
    ...flags,
    ...(workerCommand.length > 0 ? ["--", ...workerCommand] : []),
  ];
}
