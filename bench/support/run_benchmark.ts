/**
 * The frame of a benchmark's program: interruption, errors, exit code.
 *
 * @module
 */

import { RunError } from "./options.ts";

/** Exit code of a run that could not be made. */
const NOT_MADE = 2;

/** Exit code, as a shell counts it: 128 + SIGINT. */
const INTERRUPTED = 130;

/** What a benchmark is given. */
export interface BenchmarkContext {
  /** Aborted on Ctrl-C; what was started is ended all the same. */
  readonly signal: AbortSignal;
  /** A directory that is removed after the run. */
  readonly directory: string;
}

/** Runs `body`, which returns the exit code, and cleans up behind it. */
export async function runBenchmark(
  body: (context: BenchmarkContext) => Promise<number>,
): Promise<number> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  const directory = await Deno.makeTempDir({ prefix: "prefork-bench-" });
  try {
    return await body({ signal: interruption.signal, directory });
  } catch (error) {
    if (interruption.signal.aborted) return INTERRUPTED;
    if (!(error instanceof RunError)) throw error;
    console.error(error.message);
    return NOT_MADE;
  } finally {
    await Deno.remove(directory, { recursive: true });
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}
