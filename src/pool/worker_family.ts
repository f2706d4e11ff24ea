/**
 * All processes of one worker: the one that was started, its children, and
 * those that have left its process group. Who of them is asked to end, and who
 * is left.
 *
 * Knows no state of workers and waits for nobody.
 *
 * @module
 */

import type { LeftProcess } from "../events/mod.ts";
import {
  listenersAmong,
  type ProcessEntry,
  type ProcessLookout,
  type ProcessTable,
} from "../system/process_lookout.ts";
import {
  descendantsOf,
  programKind,
  type SignalTargets,
  signalTargets,
} from "./wrappers.ts";
import { STOP_SIGNALS, type StopSignal } from "./worker_command.ts";

/** Longest command shown in messages, in characters. */
const SHOWN_COMMAND_LENGTH = 120;

/** How often is looked whether an application has ended beside which others stand, in milliseconds. */
const BESIDES_POLL_MS = 200;

/** What a family is known by. */
export interface FamilyIdentity {
  /** The mark that its processes carry. */
  readonly mark: string;
  /** Program and arguments of the first of them. */
  readonly command: readonly string[];
  /** The port it was told to listen on. */
  readonly port: number;
}

/** The processes of one worker. */
export class WorkerFamily {
  readonly #leader: Deno.ChildProcess;
  readonly #identity: FamilyIdentity;
  readonly #lookout: ProcessLookout;
  #leaderGone = false;
  #groupGone = false;
  /** Whether the first process is a wrapper that was asked to end itself, so that it has told nobody. */
  #wrapperAsked = false;
  /** Who has been asked to end: once is enough. */
  readonly #told = new Set<number>();

  /** Begins with the process that has just been started, as the leader of a group of its own. */
  constructor(
    leader: Deno.ChildProcess,
    identity: FamilyIdentity,
    lookout: ProcessLookout,
  ) {
    this.#leader = leader;
    this.#identity = identity;
    this.#lookout = lookout;
  }

  /** What tells its processes from those of other workers: the value of `PREFORK_WORKER` in their environment. */
  get mark(): string {
    return this.#identity.mark;
  }

  /** Takes note that the first process has ended. */
  leaderGone(): void {
    this.#leaderGone = true;
  }

  /** Whether its process group has been seen to be gone: from then on its number may be that of others. */
  get groupGone(): boolean {
    return this.#groupGone;
  }

  /** Sends `signal` to the application: through wrappers, to the first process that is none. */
  async askToEnd(signal: StopSignal): Promise<void> {
    const { command } = this.#identity;
    // Of most it is certain without a look.
    if (programKind(command) === "application") {
      return this.#signalLeader(signal);
    }
    const { pid: leader } = this.#leader;
    const table = await this.#lookout.look();
    const { application, besides } = await this.#targets(table, signal);
    for (const pid of application) {
      this.#told.add(pid);
      if (pid !== leader) signalProcess(pid, signal);
      else {
        const kind = programKind(table?.get(leader)?.words ?? command);
        this.#wrapperAsked = kind === "shell" || kind === "runner";
        this.#signalLeader(signal);
      }
    }
    if (besides.length > 0) await this.#askBesides(application, besides);
  }

  /** Asks what stands beside the application to end, once that has and it is still waited for. */
  async #askBesides(
    application: readonly number[],
    besides: readonly number[],
  ): Promise<void> {
    while (!this.#leaderGone) {
      await new Promise((resolve) => setTimeout(resolve, BESIDES_POLL_MS));
      const table = await this.#lookout.look();
      if (table === null) return;
      if (application.some((pid) => table.has(pid))) continue;
      for (const { pid } of this.#members(table)) {
        if (besides.includes(pid)) signalProcess(pid, "SIGTERM");
      }
      return;
    }
  }

  /**
   * Those that are left when the first process has ended; `null` when that
   * cannot be told.
   */
  async remaining(): Promise<readonly LeftProcess[] | null> {
    const table = await this.#lookout.look();
    const groupAlive = table === null
      ? this.#groupAnswers
      : this.#hasGroup(table);
    if (this.#leaderGone && !groupAlive) this.#groupGone = true;
    if (table !== null) return this.#members(table).map(this.#describe);
    return this.#groupGone ? [] : null;
  }

  /** Whether anybody keeps its number, which is given to nobody else meanwhile. Where there is a first process again, it is another's. */
  #hasGroup(table: ProcessTable): boolean {
    const { pid: leader } = this.#leader;
    return !table.has(leader) &&
      [...table.values()].some((entry) => this.#isInGroup(entry));
  }

  /** Whether there is still a process in its group. Counts those that have died and nobody reaps. */
  get #groupAnswers(): boolean {
    try {
      // Signal 0 is delivered to nobody.
      Deno.kill(-this.#leader.pid, 0 as unknown as Deno.Signal);
      return true;
    } catch {
      // It is gone, or out of reach: there is nothing to wait for.
      return false;
    }
  }

  /**
   * Asks those to end that nobody else will ask: detached ones, servers whose
   * master has gone, and whoever stood behind a wrapper that has. What else is
   * left of an application that was asked may have work to finish.
   *
   * @param remaining `null` when they cannot be told apart: then `untold` says
   * whether the first process ended by the signal itself, and so told nobody.
   */
  async askForsaken(
    remaining: readonly LeftProcess[] | null,
    untold: boolean,
  ): Promise<void> {
    if (remaining === null) {
      return untold || this.#wrapperAsked ? this.askAll(null) : undefined;
    }
    const pids = remaining.map(({ pid }) => pid);
    const servers = this.#wrapperAsked
      ? new Set(pids)
      : await listenersAmong(pids, this.#identity.port);
    for (const { pid, detached } of remaining) {
      if (this.#told.has(pid)) continue;
      if (detached || servers.has(pid)) signalProcess(pid, "SIGTERM");
    }
  }

  /** Asks all that are left to end; `null` are those of its group, whoever they are. */
  askAll(remaining: readonly LeftProcess[] | null): void {
    if (remaining === null) return this.#signalGroup("SIGTERM");
    for (const { pid } of remaining) signalProcess(pid, "SIGTERM");
  }

  /** Makes its group end at once. */
  killGroup(): void {
    this.#signalGroup("SIGKILL");
  }

  /** Makes these end at once. */
  kill(remaining: readonly LeftProcess[]): void {
    for (const { pid } of remaining) signalProcess(pid, "SIGKILL");
  }

  async #targets(
    table: ProcessTable | null,
    signal: StopSignal,
  ): Promise<SignalTargets> {
    const leader = this.#leader.pid;
    if (table === null) return { application: [leader], besides: [] };
    const query = { leader, signalNumber: STOP_SIGNALS[signal] };
    const [, ...behind] = descendantsOf(table, leader);
    const listeners = await listenersAmong(behind, this.#identity.port);
    return signalTargets(table, { ...query, listeners });
  }

  #members(table: ProcessTable): readonly ProcessEntry[] {
    const { pid: leader } = this.#leader;
    return [...table.values()].filter((entry) =>
      entry.pid !== leader &&
      (entry.mark === this.#identity.mark ||
        !this.#groupGone && this.#isInGroup(entry))
    );
  }

  /** Whether it is in its group, or in another one of its session. */
  #isInGroup({ groupId, sessionId }: ProcessEntry): boolean {
    const { pid: leader } = this.#leader;
    return groupId === leader || sessionId === leader;
  }

  readonly #describe = (entry: ProcessEntry): LeftProcess => ({
    pid: entry.pid,
    command: entry.words.join(" ").slice(0, SHOWN_COMMAND_LENGTH),
    detached: entry.groupId !== this.#leader.pid,
  });

  #signalLeader(signal: Deno.Signal): void {
    if (this.#leaderGone) return;
    try {
      this.#leader.kill(signal);
    } catch (error) {
      // What Deno throws for a child that is gone.
      if (!(error instanceof TypeError) && !isOutOfReach(error)) throw error;
    }
  }

  #signalGroup(signal: Deno.Signal): void {
    if (this.#groupGone) return;
    try {
      Deno.kill(-this.#leader.pid, signal);
    } catch (error) {
      // Without the permission to signal any process only the child itself can be reached.
      if (error instanceof Deno.errors.NotCapable) this.#signalLeader(signal);
      else if (!isOutOfReach(error)) throw error;
    }
  }
}

function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!isOutOfReach(error) && !(error instanceof Deno.errors.NotCapable)) {
      throw error;
    }
  }
}

/** Whether a process is gone (and about to be noticed), or has become somebody else's. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.PermissionDenied;
}
