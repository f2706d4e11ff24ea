/**
 * This project, started as its users start it, with the same kind of workers
 * as all others; it spawns its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BALANCER_CORE, pinned } from "../support/cores.ts";
import { poolCommand } from "../support/pool_command.ts";
import {
  MAX_CLIENTS,
  type Peer,
  type PeerContext,
  type StartedPeer,
} from "./peer.ts";

/** The program of this checkout. */
const MAIN = fileURLToPath(
  new URL("../../tools/prefork-pool.ts", import.meta.url),
);

/** A pool of as many workers as the others have, with default settings otherwise. */
export const preforkPool: Peer = poolOf("prefork-pool", MAIN);

/** The same on the sockets of the runtime, in one thread. */
export const preforkPoolOnDeno: Peer = poolOf("prefork-pool-deno", MAIN, {
  flags: ["--transport=deno"],
});

/** A pool whose program is the file `main`, of this checkout or another; `env` is added to its environment. */
export function poolOf(
  name: string,
  main: string,
  { flags = [], env = {} }: {
    readonly flags?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Peer {
  return {
    name,
    needs: null,
    forwards: true,

    start(
      { processes, port, originPorts, originCommand }: PeerContext,
    ): StartedPeer {
      const workers = originPorts.length;
      const process = processes.start(
        pinned(
          BALANCER_CORE,
          poolCommand({
            main,
            port,
            workers,
            flags: [`--max-connections=${MAX_CLIENTS}`, ...flags],
            workerCommand: originCommand,
          }),
        ),
        env,
      );
      return { port, process, workers, pids: () => [process.pid] };
    },
  };
}
