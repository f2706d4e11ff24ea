/**
 * How many requests a second the workers can do with nothing in front of them.
 *
 * @module
 */

import { Random } from "../../test/fuzz/random.ts";
import { startWorkers } from "../peers/workers.ts";
import { HttpClient } from "../support/http_client.ts";
import type { LoadedApplication } from "../support/node_apps.ts";
import { pickRequest } from "../support/target_picker.ts";
import { Processes } from "../support/processes.ts";
import { untilSettled } from "../support/until_settled.ts";

/** Two for each worker: the next request is there before the last is answered. */
const CLIENTS_PER_WORKER = 2;

const SECONDS = 3;

/** Until the workers' engines have compiled what they run, which some do for many seconds. */
const ROUNDS = { atLeast: 3, atMost: 8 };

const DEADLINE_MS = 10_000;

/** Returns requests a second of all workers together. */
export async function capacity(
  application: LoadedApplication,
  workers: number,
): Promise<number> {
  await using processes = new Processes();
  const ports = await startWorkers({ processes, application, workers });
  const { rounds } = await untilSettled(
    () => throughput(ports, application),
    ROUNDS,
  );
  // Whatever else the machine does can only make it less.
  return Math.max(...rounds);
}

/**
 * Requests a second that are answered 200 when each client waits for its
 * answer; `ports` has one for each worker, which may be the same.
 */
export async function throughput(
  ports: readonly number[],
  { targets }: LoadedApplication,
): Promise<number> {
  const end = performance.now() + SECONDS * 1000;
  let answered = 0;
  const clients = ports.flatMap((port) =>
    Array<number>(CLIENTS_PER_WORKER).fill(port)
  );
  await Promise.all(clients.map(async (port, index) => {
    const random = new Random(1, index);
    using http = new HttpClient({ port, deadlineMs: DEADLINE_MS });
    while (performance.now() < end) {
      const outcome = await http.ask(pickRequest(targets, random));
      if (typeof outcome === "string" || outcome.status !== 200) continue;
      if (performance.now() < end) answered++;
    }
  }));
  return answered / SECONDS;
}
