/**
 * This project with an application's workers.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { poolCommand } from "../support/pool_command.ts";
import {
  type AppContext,
  type AppPeer,
  type StartedApp,
  workerCommand,
} from "./app_peer.ts";

/** A pool with its default settings but for those of `flags`; `label` tells it from other pools. */
export function poolApp(
  label: string,
  ...flags: readonly string[]
): AppPeer {
  const adapts = flags.every((flag) =>
    !flag.startsWith("--worker-concurrency")
  );
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
      const pool = processes.start(
        poolCommand({
          main,
          port,
          workers,
          flags,
          workerCommand: workerCommand(application),
        }),
        application.env,
      );
      return Promise.resolve({
        output: () => pool.output,
        pids: () => [pool.pid],
        reload(): Promise<void> {
          Deno.kill(pool.pid, "SIGHUP");
          return Promise.resolve();
        },
        ...(adapts && { limit: () => limitOf(port) }),
      });
    },
  };
}

async function limitOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/_metrics`);
  const { queue } = await response.json();
  return queue.concurrency;
}
