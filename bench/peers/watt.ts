/**
 * Platformatic Watt: worker threads that share a port by SO_REUSEPORT.
 *
 * @module
 */

import { join } from "node:path";
import {
  missingFromNpm,
  nodeProgram,
  npmFile,
  npmVersion,
} from "../support/programs.ts";
import { type AppPeer, noReload, type StartedApp } from "./app_peer.ts";

const CLI = "wattpm/bin/cli.js";

/** Watt as `wattpm start` runs it, with a fixed number of workers. Needs Node 22.12 for reusePort. */
export const watt: AppPeer = {
  name: "watt",
  nodeOnly: true,
  missing: () => missingFromNpm(CLI),
  version: () => npmVersion("wattpm"),

  start(
    { processes, directory, port, application, workers },
  ): Promise<StartedApp> {
    writeJson(join(directory, "watt.json"), {
      // Without it the file is taken for an application's own.
      $schema: `https://schemas.platformatic.dev/wattpm/${this.version()}.json`,
      entrypoint: "app",
      server: { hostname: "127.0.0.1", port },
      logger: { level: "warn" },
      applications: [{
        id: "app",
        path: "app",
        workers: { static: workers },
        reuseTcpPorts: true,
      }],
    });
    const app = join(directory, "app");
    Deno.mkdirSync(app);
    writeJson(join(app, "watt.json"), {
      module: npmFile("@platformatic/node"),
      node: { main: "main.mjs" },
    });
    Deno.writeTextFileSync(
      join(app, "main.mjs"),
      `import ${JSON.stringify(application.program)};\n`,
    );
    const process = processes.start(
      [nodeProgram(), npmFile(CLI), "start", directory],
      application.env,
    );
    return Promise.resolve({
      output: () => process.output,
      pids: () => [process.pid],
      reload: noReload,
    });
  },
};

function writeJson(path: string, value: unknown): void {
  Deno.writeTextFileSync(path, JSON.stringify(value));
}
