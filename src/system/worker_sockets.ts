/**
 * Tells whose the sockets are that a worker is reached at, and on what a
 * worker listens.
 *
 * Knows nothing of health or of what follows from it. What cannot be seen is
 * `unknown`, never an error, and never to the worker's disadvantage.
 *
 * @module
 */

import { type ListenSocket, receiversOf } from "./listen_table.ts";
import { ListenTables } from "./listen_tables.ts";
import type { Proc } from "./proc.ts";
import { familyOf, parseStats, type ProcessStat } from "./process_stat.ts";

/** Programs that have a port published by a service elsewhere: its socket is no descendant's. */
const CONTAINER_CLIENTS: ReadonlySet<string> = new Set([
  "docker",
  "podman",
  "nerdctl",
  "crun",
  "runc",
  "systemd-run",
]);

/** A process and where it is asked for. */
export interface SocketOwner {
  /** The worker's process, which leads a group. */
  readonly pid: number;
  /** What all processes of its pool have in their environment, as `NAME=value`; `null` when they have nothing. */
  readonly mark: string | null;
  /** Address and port it is reached at. */
  readonly hostname: string;
  readonly port: number;
}

/** Whose the sockets are that receive a worker's connections. */
export type Ownership =
  /** All are the worker's. */
  | {
    readonly type: "own";
    /** The process that has them: the worker's first, where it does; `null` where they are several others. */
    readonly listener: number | null;
  }
  /** It cannot be told. */
  | { readonly type: "unknown" }
  /** At least one is not. */
  | {
    readonly type: "foreign";
    /** Who has it: `"nginx (pid 812)"`. */
    readonly holder: string;
  };

/** A socket on which a worker listens. */
export interface WorkerSocket {
  readonly address: string;
  readonly port: number;
  /** The process that has it; the worker's own, where it is among several. */
  readonly process: ProcessStat;
}

/** What was seen of a worker's processes. */
export interface WorkerView {
  /** On what they listen. */
  readonly sockets: readonly WorkerSocket[];
  /** The processes. */
  readonly processes: readonly ProcessStat[];
}

/** What it looks with. */
interface View {
  readonly proc: Proc;
  readonly tables: ListenTables;
}

const UNKNOWN: Ownership = { type: "unknown" };

/** What is known to be a worker's. */
interface OwnedSockets {
  readonly inodes: ReadonlySet<string>;
  readonly ownership: Ownership;
}

/** Looks at the sockets of all workers of a pool. */
export class WorkerSockets {
  readonly #view: Promise<View | null>;
  /** Sockets that are known to be a worker's, by its process: looked up once. */
  readonly #owned = new Map<number, OwnedSockets>();

  /**
   * Looks with what `proc` resolves to; with `null` everything is unknown.
   *
   * @param now Monotonic, in milliseconds.
   */
  constructor(
    proc: Promise<Proc | null>,
    now: () => number = () => performance.now(),
  ) {
    this.#view = proc.then((proc) =>
      proc && { proc, tables: new ListenTables(proc, now) }
    );
  }

  /**
   * Whose the sockets are at which a worker is reached.
   *
   * @param fresh Whether they must be looked at after this call; else what was
   * seen a moment ago will do.
   */
  async ownership(worker: SocketOwner, fresh: boolean): Promise<Ownership> {
    const view = await this.#view;
    if (view === null) return UNKNOWN;
    try {
      const first = await this.#look(view, worker, fresh);
      // Between a look at the sockets and one at the processes they may have
      // changed: nobody is turned out by a single look.
      return first.type === "foreign"
        ? await this.#look(view, worker, true)
        : first;
    } catch {
      // What can be read may change at any time: not knowing is no verdict.
      return UNKNOWN;
    }
  }

  /** On what a worker listens and what its processes are; `null` when that cannot be seen. */
  async view(worker: SocketOwner): Promise<WorkerView | null> {
    const view = await this.#view;
    if (view === null) return null;
    const { proc, tables } = view;
    try {
      const sockets = [
        ...await tables.get("tcp", true),
        ...await tables.get("tcp6", true),
      ];
      const processes = await this.#processes(proc, worker);
      if (processes.length === 0) return null;
      const open = await proc.sockets(processes.map(({ pid }) => pid));
      return { sockets: assign(sockets, processes, open), processes };
    } catch {
      return null;
    }
  }

  /** Whether the program that a process runs takes its port from the environment, as far as that can be seen. */
  async readsPort(pid: number): Promise<boolean> {
    const view = await this.#view;
    return await view?.proc.readsPort(pid).catch(() => false) ?? false;
  }

  /** Forgets a worker that is gone: its process id may be given to another. */
  forget({ pid }: { readonly pid: number }): void {
    this.#owned.delete(pid);
  }

  /** Lets go of what it looks with. */
  async close(): Promise<void> {
    await (await this.#view)?.proc.close();
  }

  async #look(
    { proc, tables }: View,
    worker: SocketOwner,
    fresh: boolean,
  ): Promise<Ownership> {
    const receivers = await this.#receivers(tables, worker, fresh);
    // Reached where nobody listens: redirected by the kernel, or not Linux' own.
    if (receivers.length === 0) return UNKNOWN;
    return await this.#judge(proc, worker, receivers);
  }

  async #receivers(
    tables: ListenTables,
    { hostname: address, port }: SocketOwner,
    fresh: boolean,
  ): Promise<readonly ListenSocket[]> {
    const sockets = await tables.get("tcp", fresh);
    const exact = address.includes(":")
      ? []
      : sockets.filter((socket) =>
        socket.port === port && socket.address === address
      );
    // Nothing of IPv6 comes before the exact address, so half is not read.
    if (exact.length > 0) return exact;
    const others = await tables.get("tcp6", fresh);
    return receiversOf([...sockets, ...others], { address, port });
  }

  async #judge(
    proc: Proc,
    worker: SocketOwner,
    receivers: readonly ListenSocket[],
  ): Promise<Ownership> {
    const known = this.#owned.get(worker.pid);
    const inodes = receivers.map(({ inode }) => inode);
    if (known && inodes.every((inode) => known.inodes.has(inode))) {
      return known.ownership;
    }
    // In nearly every case it is the worker itself that listens.
    const own = await proc.sockets([worker.pid]);
    let listener = listenerOf(inodes, own);
    let open = own;
    let family: readonly ProcessStat[] = [];
    if (listener === null) {
      family = await this.#processes(proc, worker);
      open = await proc.sockets(family.map(({ pid }) => pid));
      listener = listenerOf(inodes, open);
    }
    const all = [...own.values(), ...open.values()];
    const foreign = receivers.find(({ inode }) =>
      !known?.inodes.has(inode) && !all.some((open) => open?.has(inode))
    );
    if (foreign === undefined) {
      const ownership: Ownership = { type: "own", listener };
      // Only those that listen are worth remembering.
      this.#owned.set(worker.pid, { inodes: new Set(inodes), ownership });
      return ownership;
    }
    const unseen = all.includes(null);
    const published = family.some(({ name }) => CONTAINER_CLIENTS.has(name));
    if (unseen || published || family.length === 0) return UNKNOWN;
    return { type: "foreign", holder: await this.#nameHolder(proc, foreign) };
  }

  /** The worker's processes, those that have left its group and lost their parents included. */
  async #processes(
    proc: Proc,
    { pid, mark }: SocketOwner,
  ): Promise<readonly ProcessStat[]> {
    const all = parseStats(await proc.stats());
    const family = familyOf(all, pid);
    if (family.length === 0 || mark === null) return family;
    const marked = new Set(await proc.marked(mark));
    // Whoever has the mark and a parent without it was let go by its parents,
    // or is a worker that this process has started.
    const adopted = all.filter((entry) =>
      marked.has(entry.pid) && !marked.has(entry.parentId) &&
      entry.parentId !== Deno.pid && !family.includes(entry)
    );
    return [
      ...family,
      ...adopted.flatMap((entry) => familyOf(all, entry.pid)),
    ];
  }

  async #nameHolder(proc: Proc, socket: ListenSocket): Promise<string> {
    const all = parseStats(await proc.stats());
    const open = await proc.sockets(all.map(({ pid }) => pid));
    const holder = all.find(({ pid }) => open.get(pid)?.has(socket.inode));
    return holder === undefined
      ? `a program of user ${socket.uid}`
      : `${holder.name} (pid ${holder.pid})`;
  }
}

/** The one process that has all of these sockets; `null` where it is not one alone. */
function listenerOf(
  inodes: readonly string[],
  open: ReadonlyMap<number, ReadonlySet<string> | null>,
): number | null {
  const holders = [...open].filter(([, held]) =>
    inodes.some((inode) => held?.has(inode))
  );
  const [first] = holders;
  return first !== undefined && holders.length === 1 &&
      inodes.every((inode) => first[1]?.has(inode))
    ? first[0]
    : null;
}

function assign(
  sockets: readonly ListenSocket[],
  processes: readonly ProcessStat[],
  open: ReadonlyMap<number, ReadonlySet<string> | null>,
): readonly WorkerSocket[] {
  return sockets.flatMap(({ address, port, inode }) => {
    const process = processes.find(({ pid }) => open.get(pid)?.has(inode));
    return process === undefined ? [] : [{ address, port, process }];
  });
}

/** The facts about a socket that others decide by. */
export function describeSocket({ address, port, process }: WorkerSocket): {
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
} {
  const { pid, parentId: parent, name } = process;
  return { address, port, pid, parent, name };
}
