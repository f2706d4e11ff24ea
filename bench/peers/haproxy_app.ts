/**
 * HAProxy in front of an application's workers.
 *
 * @module
 */

import { join } from "node:path";
import { firstLine, missingFromDebian } from "../support/programs.ts";
import { type AppPeer, noReload, type StartedApp } from "./app_peer.ts";
import { haproxyConfiguration } from "./haproxy.ts";
import { startWorkers } from "./workers.ts";

/** One request at a time for each worker, the others in HAProxy's own queue. */
export const haproxyOneEach: AppPeer = {
  name: "haproxy leastconn maxconn 1",
  missing: () => missingFromDebian("haproxy"),
  version: () => firstLine("haproxy", "-v"),

  async start(context): Promise<StartedApp> {
    const { processes, directory, port } = context;
    const file = join(directory, "haproxy.cfg");
    Deno.writeTextFileSync(
      file,
      haproxyConfiguration(port, await startWorkers(context), {
        balance: "leastconn",
        server: "maxconn 1",
        // About what the pool's own bounded queue takes at most.
        queueTimeout: "300ms",
      }),
    );
    const process = processes.start(["haproxy", "-db", "-f", file]);
    return {
      output: () => process.output,
      pids: () => [process.pid],
      reload: noReload,
    };
  },
};
