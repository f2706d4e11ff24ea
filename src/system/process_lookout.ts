/**
 * Which processes there are, and which of them belong to which worker.
 *
 * Linux only: it reads /proc, and has a shell do so, since that needs no more
 * permission than starting workers does. Where that cannot be done there is no
 * table, and whoever asks goes by what it knows anyway.
 *
 * Knows nothing of workers but the mark that their processes carry in the
 * environment.
 *
 * @module
 */

import { inodesListeningOn } from "./listen_table.ts";
import { parseStats, type ProcessStat } from "./process_stat.ts";

/** Environment variable that says which worker a process belongs to. */
export const WORKER_MARK = "PREFORK_WORKER";

/** How long a look may take, in milliseconds. It takes some twenty; on a machine that is as busy as this it is given up. */
const LOOK_TIMEOUT_MS = 2_000;

/** Four reads of all processes at once, each with the path in front that tells whose it is. */
const LOOK = `
cat /proc/[0-9]*/stat 2>/dev/null
printf '\\0'
grep -s '^SigCgt:' /proc/[0-9]*/status
printf '\\0\\0'
grep -zs "^${WORKER_MARK}=$1/" /proc/[0-9]*/environ
printf '\\0\\0'
grep -zs '' /proc/[0-9]*/cmdline
`;

/** What holds a port: the table of sockets, and the descriptors of the processes in question. */
const LOOK_FOR_SOCKETS = `
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
for pid in "$@"; do
  printf '\\0%s\\0' "$pid"
  ls -l "/proc/$pid/fd" 2>/dev/null
done
`;

/** A process, and what beside its state is told of it. */
export interface ProcessEntry
  extends Pick<ProcessStat, "pid" | "parentId" | "groupId" | "sessionId"> {
  /** Which worker it belongs to, by the mark in its environment; `null` for none. */
  readonly mark: string | null;
  /** Program and arguments. A process may have overwritten them. */
  readonly words: readonly string[];
  /** The signals it has a handler for, bit by bit from signal 1. */
  readonly caught: bigint;
}

/** All processes that run, by their id. */
export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

/** Looks at the processes; those who ask together share a look. */
export class ProcessLookout {
  readonly #poolId: string;
  #running: Promise<ProcessTable | null> | null = null;
  #next: Promise<ProcessTable | null> | null = null;

  /** `poolId` begins the marks of this pool's workers. */
  constructor(poolId: string) {
    this.#poolId = poolId;
  }

  /** The processes as they are from now on; `null` where they cannot be seen. Never rejects. */
  look(): Promise<ProcessTable | null> {
    // One that goes on may have looked already at whoever is asked for.
    return this.#next ??= this.#begin(this.#running);
  }

  async #begin(
    running: Promise<ProcessTable | null> | null,
  ): Promise<ProcessTable | null> {
    await running;
    this.#running = this.#next;
    this.#next = null;
    const text = await askShell(LOOK, [this.#poolId]);
    return text === null ? null : parseProcesses(text);
  }
}

/** Those of `pids` that hold a socket which listens on `port`; none where that cannot be seen. */
export async function listenersAmong(
  pids: readonly number[],
  port: number,
): Promise<ReadonlySet<number>> {
  if (pids.length === 0) return new Set();
  const text = await askShell(LOOK_FOR_SOCKETS, pids.map(String));
  return new Set(text === null ? [] : parseListeners(text, port));
}

/** Reads what {@linkcode LOOK} writes; `null` when there is no /proc. */
export function parseProcesses(text: string): ProcessTable | null {
  const [stats = "", rest = ""] = splitOnce(text, "\0");
  const [signals = "", marked = "", commands = ""] = rest.split("\0\0");
  const caught = new Map<number, bigint>();
  for (
    const [, pid, mask] of signals.matchAll(/(\d+)\/status:SigCgt:\s*(\w+)/g)
  ) {
    caught.set(Number(pid), BigInt(`0x${mask}`));
  }
  const marks = new Map<number, string>();
  for (const [pid, entry] of recordsOf(marked)) {
    marks.set(pid, entry.slice(WORKER_MARK.length + 1));
  }
  const words = new Map<number, string[]>();
  for (const [pid, word] of recordsOf(commands)) {
    words.set(pid, [...words.get(pid) ?? [], word]);
  }
  const table = new Map<number, ProcessEntry>();
  for (const { pid, parentId, groupId, sessionId } of parseStats(stats)) {
    table.set(pid, {
      pid,
      parentId,
      groupId,
      sessionId,
      mark: marks.get(pid) ?? null,
      words: withoutPadding(words.get(pid) ?? []),
      caught: caught.get(pid) ?? 0n,
    });
  }
  return table.size === 0 ? null : table;
}

/** Reads what {@linkcode LOOK_FOR_SOCKETS} writes. */
function parseListeners(text: string, port: number): readonly number[] {
  const [table = "", ...processes] = text.split("\0");
  const inodes = inodesListeningOn(table, port);
  const found: number[] = [];
  for (let i = 0; i + 1 < processes.length; i += 2) {
    const sockets = processes[i + 1]!.matchAll(/socket:\[(\d+)\]/g);
    for (const [, inode] of sockets) {
      if (!inodes.has(inode!)) continue;
      found.push(Number(processes[i]));
      break;
    }
  }
  return found;
}

/** What `grep -z` writes: `/proc/PID/file:record`, each ended by NUL. */
function* recordsOf(text: string): Iterable<readonly [number, string]> {
  for (const record of text.split("\0")) {
    const [, pid, value] = /^\/proc\/(\d+)\/\w+:(.*)$/s.exec(record) ?? [];
    if (pid !== undefined) yield [Number(pid), value!];
  }
}

/** A process that has overwritten its words with a title has left the rest of their room empty. */
function withoutPadding(words: readonly string[]): readonly string[] {
  const end = words.findLastIndex((word) => word.trim() !== "") + 1;
  return words.slice(0, end).map((word) => word.trimEnd());
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0
    ? [text]
    : [text.slice(0, at), text.slice(at + separator.length)];
}

/** What a shell script writes; `null` when it cannot be run or takes too long. */
async function askShell(
  script: string,
  args: readonly string[],
): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", script, "prefork-pool-look", ...args],
      // Our own directory may have been removed.
      cwd: "/",
      stdin: "null",
      stderr: "null",
      // Its own group: a Ctrl-C at the terminal is not for it.
      detached: true,
      signal: AbortSignal.timeout(LOOK_TIMEOUT_MS),
    }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    // No permission, no shell, no descriptors: not knowing is the answer.
    return null;
  }
}
