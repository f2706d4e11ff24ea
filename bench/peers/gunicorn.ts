/**
 * gunicorn with workers of threads: connections are kept, as behind the others.
 *
 * @module
 */

import { firstLine, missingFromDebian, peerFile } from "../support/programs.ts";
import type { AppContext, AppPeer, StartedApp } from "./app_peer.ts";

/** Threads of a worker: with four workers, one for each client of the benchmark. */
const THREADS = 8;

/** gunicorn, which runs the Python twin of the application. */
export const gunicorn: AppPeer = {
  name: "gunicorn",
  missing: () => missingFromDebian("gunicorn"),
  version: () => firstLine("gunicorn", "--version"),

  start(
    { processes, directory, port, application, workers }: AppContext,
  ): Promise<StartedApp> {
    const master = processes.start([
      "gunicorn",
      `--bind=127.0.0.1:${port}`,
      `--workers=${workers}`,
      "--worker-class=gthread",
      `--threads=${THREADS}`,
      `--worker-tmp-dir=${directory}`,
      `--chdir=${peerFile("apps")}`,
      "--log-level=warning",
      `${application.name}_app:application`,
    ], { ...application.env, PYTHONDONTWRITEBYTECODE: "1" });
    return Promise.resolve({
      output: () => master.output,
      pids: () => [master.pid],
      reload(): Promise<void> {
        Deno.kill(master.pid, "SIGHUP");
        return Promise.resolve();
      },
    });
  },
};
