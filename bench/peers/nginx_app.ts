/**
 * nginx in front of an application's workers.
 *
 * @module
 */

import { join } from "node:path";
import { childrenOf } from "../support/proc_stat.ts";
import { firstLine, missingFromDebian } from "../support/programs.ts";
import { type AppPeer, noReload, type StartedApp } from "./app_peer.ts";
import { nginxConfiguration } from "./nginx.ts";
import { startWorkers } from "./workers.ts";

/** nginx that chooses workers by `method`, a directive; "" is its default, round robin. */
export function nginxApp(method: "" | "least_conn"): AppPeer {
  return {
    name: `nginx ${method === "" ? "round robin" : method}`,
    missing: () => missingFromDebian("nginx"),
    version: () => firstLine("nginx", "-v"),

    async start(context): Promise<StartedApp> {
      const { processes, directory, port } = context;
      const file = join(directory, "nginx.conf");
      const originPorts = await startWorkers(context);
      Deno.writeTextFileSync(
        file,
        nginxConfiguration({ directory, port, originPorts, method }),
      );
      const process = processes.start(
        ["nginx", "-e", "stderr", "-p", directory, "-c", file],
      );
      return {
        output: () => process.output,
        pids: () => [process.pid, ...childrenOf(process.pid)],
        reload: noReload,
      };
    },
  };
}
