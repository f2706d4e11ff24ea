/**
 * A pool whose workers are reloaded, and what they say of themselves.
 *
 * @module
 */

import type { ReloadReport } from "../../src/events/mod.ts";
import { denoFixture } from "./fixture.ts";
import { type PoolProcess, startPool } from "./pool_process.ts";
import { get } from "./requests.ts";

/** Runs workers that say of which generation they are. */
export const RELOADABLE: readonly string[] = denoFixture("reloadable.ts");

/** A file of variables that is there for as long as the test. */
export class EnvFile implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly path: string = `${this.#directory}/pool.env`;

  constructor(...lines: readonly string[]) {
    this.write(...lines);
  }

  write(...lines: readonly string[]): void {
    Deno.writeTextFileSync(this.path, lines.join("\n") + "\n");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Sends a signal that reloads, and waits for the report. */
export async function reload(
  pool: PoolProcess,
  signal: "SIGHUP" | "SIGUSR1" = "SIGHUP",
): Promise<ReloadReport> {
  const from = pool.events.length;
  pool.signal(signal);
  const { report } = await pool.waitForEvent("reload-finished", {
    from,
  });
  return report;
}

/** What the application says of itself. */
export async function ask(
  pool: PoolProcess,
): Promise<{ generation: number; colour: string | null }> {
  return JSON.parse((await get(pool.port, "/")).text);
}

/** A pool of two whose workers have a file of variables. */
export function startWithFile(
  file: EnvFile,
  env: Readonly<Record<string, string>> = {},
): Promise<PoolProcess> {
  return startPool({
    env: { POOL_SIZE: "2", ENV_FILE: file.path, ...env },
    permissions: ["-A"],
    command: RELOADABLE,
  });
}
