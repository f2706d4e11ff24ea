/**
 * Workers for balancers that start none themselves.
 *
 * @module
 */

import { freePort } from "../../test/support/free_port.ts";
import { waitFor } from "../support/wait_for.ts";
import { type AppContext, workerCommand } from "./app_peer.ts";

/** What workers are started with. */
export type WorkersContext = Pick<
  AppContext,
  "processes" | "application" | "workers"
>;

/** Starts the workers, waits until each listens, and returns their ports. */
export async function startWorkers(
  { processes, application, workers }: WorkersContext,
): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < workers; i++) {
    const port = freePort();
    const worker = processes.start(
      workerCommand(application),
      { ...application.env, PORT: String(port) },
    );
    await waitFor(
      () => isListening(port),
      () => `a worker of ${application.name} to listen. ${worker.output}`,
    );
    ports.push(port);
  }
  return ports;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
