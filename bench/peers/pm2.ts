/**
 * PM2 in cluster mode, with a home of its own.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait_for.ts";
import {
  missingFromNpm,
  nodeProgram,
  npmFile,
  npmVersion,
} from "../support/programs.ts";
import type { AppContext, AppPeer, StartedApp } from "./app_peer.ts";

const DAEMON = "pm2/lib/Daemon.js";

/** PM2 as `pm2 start -i N` and `pm2 reload` use it, with its default settings. */
export const pm2: AppPeer = {
  name: "pm2",
  nodeOnly: true,
  missing: () => missingFromNpm(DAEMON),
  version: () => npmVersion("pm2"),

  async start(
    { processes, directory, port, application, workers }: AppContext,
  ): Promise<StartedApp> {
    const env = {
      ...application.env,
      PORT: String(port),
      PM2_HOME: directory,
    };
    // What the first `pm2` command would start out of our sight: the same
    // program, but ended with the run.
    const daemon = processes.start([nodeProgram(), npmFile(DAEMON)], env);
    const command = join(directory, "rpc.sock");
    await waitFor(
      () => existsSync(command),
      () => `PM2's daemon to listen. ${daemon.output}`,
    );
    const { name, program } = application;
    const args = ["start", program, "--name", name, "-i", String(workers)];
    await runPm2(args, env);
    return {
      output: () => daemon.output,
      pids: () => [daemon.pid],
      reload: () => runPm2(["reload", name], env),
    };
  },
};

/** Runs a command of PM2's to its end. */
async function runPm2(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(nodeProgram(), {
    args: [npmFile("pm2/bin/pm2"), ...args],
    env: { ...env },
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `Cannot pm2 ${args[0]}: ${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}
