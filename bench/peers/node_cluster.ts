/**
 * node:cluster, as Node's manual shows it.
 *
 * @module
 */

import {
  firstLine,
  missingFromNpm,
  nodeProgram,
  peerFile,
} from "../support/programs.ts";
import type { AppContext, AppPeer, StartedApp } from "./app_peer.ts";

/** The primary of `apps/cluster_primary.mjs`; it hands connections out in turns. */
export const nodeCluster: AppPeer = {
  name: "node:cluster",
  nodeOnly: true,
  missing: () => missingFromNpm(),
  version: () => firstLine(nodeProgram(), "--version"),

  start(
    { processes, port, application, workers }: AppContext,
  ): Promise<StartedApp> {
    const primary = processes.start(
      [
        nodeProgram(),
        peerFile("apps/cluster_primary.mjs"),
        application.program,
        String(workers),
      ],
      { ...application.env, PORT: String(port) },
    );
    return Promise.resolve({
      output: () => primary.output,
      pids: () => [primary.pid],
      reload(): Promise<void> {
        Deno.kill(primary.pid, "SIGHUP");
        return Promise.resolve();
      },
    });
  },
};
