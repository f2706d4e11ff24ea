/**
 * A peer with an application from its start to its end, with nothing left
 * behind.
 *
 * @module
 */

import { freePort } from "../../test/support/free_port.ts";
import { toBytes } from "../../test/support/raw_socket.ts";
import type { Application, AppPeer, StartedApp } from "../peers/app_peer.ts";
import { clientAddress, HttpClient } from "./http_client.ts";
import { messageOf, RunError } from "./options.ts";
import { markedProcesses } from "./proc_stat.ts";
import { Processes } from "./processes.ts";
import { waitFor } from "./wait_for.ts";

/** Field in which an application says which worker it is. */
const WORKER_FIELD = "x-worker";

/** Name of the variable whose value is different in each run. */
const MARK_NAME = "BENCH_RUN";

const REQUEST = toBytes("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");

/** Longest wait for one answer of a peer that starts. */
const ANSWER_TIMEOUT_MS = 5_000;

/** How an application is run. */
export interface RunOptions {
  readonly application: Application;
  readonly workers: number;
  /** Directory in which the peer gets one of its own. */
  readonly directory: string;
}

/** A peer whose workers have all answered. */
export interface RunningApp extends AsyncDisposable {
  readonly peer: AppPeer;
  readonly application: Application;
  readonly app: StartedApp;
  readonly port: number;
  /** What stands in the environment of its processes, and of no other. */
  readonly mark: string;
}

/** Those of which nothing is missing; the others are named with what to install. */
export function installed<
  T extends { readonly name: string; missing?(): string | null },
>(all: readonly T[]): readonly T[] {
  return all.filter((one) => {
    const missing = one.missing?.() ?? null;
    if (missing !== null) console.log(`Passed over: ${one.name} (${missing})`);
    return missing === null;
  });
}

/** What the peers say of themselves. */
export function appVersions(
  peers: readonly AppPeer[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    peers.map((peer) => [peer.name, peer.version()]),
  );
}

/**
 * Starts a peer and waits until every worker has answered.
 *
 * @throws {RunError} with what it has written when it does not.
 */
export async function runApp(
  peer: AppPeer,
  { application, workers, directory }: RunOptions,
): Promise<RunningApp> {
  const port = freePort();
  const own = await Deno.makeTempDir({ dir: directory });
  // nginx changes its user and must still get at its files.
  await Deno.chmod(own, 0o755);
  const mark = crypto.randomUUID();
  const processes = new Processes();
  const dispose = async (): Promise<void> => {
    await processes[Symbol.asyncDispose]();
    killLeftovers(peer, mark);
  };
  try {
    const app = await peer.start({
      processes,
      directory: own,
      port,
      application: {
        ...application,
        env: { ...application.env, [MARK_NAME]: mark },
      },
      workers,
    });
    await waitUntilServing(port, workers, app);
    return {
      peer,
      application,
      app,
      port,
      mark,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw new RunError(`Cannot start ${peer.name}: ${messageOf(error)}`);
  }
}

/** Asks as ever new clients until each worker has answered. */
async function waitUntilServing(
  port: number,
  workers: number,
  app: StartedApp,
): Promise<void> {
  const seen = new Set<string>();
  let client = 0;
  await waitFor(
    async () => {
      using http = new HttpClient({
        port,
        deadlineMs: ANSWER_TIMEOUT_MS,
        localAddress: clientAddress(client++),
      });
      const outcome = await http.ask(REQUEST);
      if (typeof outcome !== "string" && outcome.status === 200) {
        seen.add(outcome.headers.get(WORKER_FIELD) ?? "");
      }
      return seen.size >= workers;
    },
    () => `an answer of ${workers - seen.size} workers. ${app.output().trim()}`,
  );
}

/** A supervisor that leaves workers behind must not spoil what is measured next. */
function killLeftovers(peer: AppPeer, mark: string): void {
  for (const pid of markedProcesses(mark)) {
    console.error(`${peer.name} has left process ${pid} behind: killed`);
    Deno.kill(pid, "SIGKILL");
  }
}
