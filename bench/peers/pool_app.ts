/**
 * This project with an application's workers.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { poolCommand } from "../support/pool_command.ts";
import { nodeProgram } from "../support/programs.ts";
import type { AppContext, AppPeer, StartedApp } from "./app_peer.ts";

/** A pool with its default settings but for those of `flags`; `label` tells it from other pools. */
export function poolApp(
  label: string,
  ...flags: readonly string[]
): AppPeer {
  return {
    name: label === "" ? "prefork-pool" : `prefork-pool ${label}`,
    missing: () => null,
    version: () => `Deno ${Deno.version.deno}`,

    start(
      { processes, port, application, workers }: AppContext,
    ): Promise<StartedApp> {
      const main = fileURLToPath(
        new URL("../../tools/prefork-pool.ts", import.meta.url),
      );
      const workerCommand = [nodeProgram(), application.program];
      const pool = processes.start(
        poolCommand({ main, port, workers, flags, workerCommand }),
        application.env,
      );
      return Promise.resolve({
        output: () => pool.output,
        pids: () => [pool.pid],
        reload(): Promise<void> {
          Deno.kill(pool.pid, "SIGHUP");
          return Promise.resolve();
        },
      });
    },
  };
}
