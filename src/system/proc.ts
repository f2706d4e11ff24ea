/**
 * Reads what Linux tells of sockets and processes under `/proc`, in whichever
 * way the permissions allow.
 *
 * Deno itself opens `/proc` only with all permissions (`-A`). Otherwise one
 * shell is kept that reads it, which `--allow-run` is enough for.
 *
 * @module
 */

import { isPastListeners } from "./listen_table.ts";
import { ShellProc } from "./shell_proc.ts";

/** Octets read from a table at once. Its listening sockets come first and are few; the rest, which may be long, is not read. */
const TABLE_CHUNK_BYTES = 4_096;

/** Largest file that is searched, in octets: no program that people write is longer. */
const MAX_PROGRAM_BYTES = 1_048_576;

/** One of the kernel's tables of TCP sockets. */
export type TableName = "tcp" | "tcp6";

/** Reads `/proc`. Each rejects only when nothing can be read any more. */
export interface Proc {
  /** The listening sockets of a table, one on a line, maybe with others behind. */
  table(name: TableName): Promise<string>;
  /** `/proc/PID/stat` of every process, one on a line. */
  stats(): Promise<string>;
  /**
   * Inodes of the sockets that processes have open, by process id. Those that
   * have ended are missing; `null` stands for one that may not be looked into.
   */
  sockets(
    pids: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlySet<string> | null>>;
  /** Processes whose environment had the entry `name=value` when they were started. */
  marked(entry: string): Promise<readonly number[]>;
  /** Whether a file that is named on the command line of a process takes its port from the environment. */
  readsPort(pid: number): Promise<boolean>;
  /** Lets go of what it reads with. */
  close(): Promise<void>;
}

/** `Deno.env.get("PORT")`, `process.env.PORT`, `env["PORT"]`: a regular expression for JavaScript and for grep -E alike. */
export const READS_PORT =
  "env([.]get[(] *[\"'`]PORT[\"'`]|[.]PORT([^A-Za-z0-9_]|$)|[[] *[\"'`]PORT[\"'`])";

/** Returns the way to read `/proc` that the permissions allow; `null` when there is none. */
export function openProc(): Proc | null {
  if (Deno.build.os !== "linux") return null;
  if (canReadProc()) return new DirectProc();
  const { state } = Deno.permissions.querySync({ name: "run", command: "sh" });
  return state === "granted" ? ShellProc.open() : null;
}

/** Asks before it tries: what is tried without permission makes Deno ask at the terminal. */
function canReadProc(): boolean {
  const path = "/proc/self/stat";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
    return false;
  }
  try {
    Deno.readTextFileSync(path);
    return true;
  } catch {
    // Deno opens /proc with all permissions only.
    return false;
  }
}

/** Reads the files itself. */
class DirectProc implements Proc {
  readonly #decoder = new TextDecoder();

  async table(name: TableName): Promise<string> {
    using file = await Deno.open(`/proc/net/${name}`);
    const chunk = new Uint8Array(TABLE_CHUNK_BYTES);
    let text = "";
    for (;;) {
      const count = await file.read(chunk);
      if (count === null) return text;
      text += this.#decoder.decode(chunk.subarray(0, count));
      const lines = text.split("\n");
      // The last line may be cut, the one before is whole.
      if (isPastListeners(lines.at(-2) ?? "")) return text;
    }
  }

  async stats(): Promise<string> {
    const lines = await Promise.all(
      (await pidsIn("/proc")).map((pid) =>
        Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "")
      ),
    );
    return lines.join("");
  }

  sockets(
    pids: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlySet<string> | null>> {
    const found = new Map<number, ReadonlySet<string> | null>();
    for (const pid of pids) {
      const inodes = socketsOf(pid);
      if (inodes !== undefined) found.set(pid, inodes);
    }
    return Promise.resolve(found);
  }

  async marked(entry: string): Promise<readonly number[]> {
    const pids = await pidsIn("/proc");
    const marked = await Promise.all(
      pids.map((pid) =>
        Deno.readTextFile(`/proc/${pid}/environ`).then(
          (text) => text.split("\0").includes(entry),
          // Somebody else's process, or one that has ended.
          () => false,
        )
      ),
    );
    return pids.filter((_pid, index) => marked[index]);
  }

  async readsPort(pid: number): Promise<boolean> {
    const commandLine = await Deno.readTextFile(`/proc/${pid}/cmdline`);
    const pattern = new RegExp(READS_PORT, "m");
    const found = commandLine.split("\0").slice(1).map(async (word) => {
      // Relative to where the process is.
      const path = word.startsWith("/") ? word : `/proc/${pid}/cwd/${word}`;
      try {
        const { isFile, size } = await Deno.stat(path);
        return isFile && size <= MAX_PROGRAM_BYTES &&
          pattern.test(await Deno.readTextFile(path));
      } catch {
        // An option, or an argument that is no file.
        return false;
      }
    });
    return (await Promise.all(found)).includes(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function pidsIn(directory: string): Promise<readonly number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (/^\d+$/.test(name)) pids.push(Number(name));
  }
  return pids;
}

/**
 * `null` when it may not be looked into, `undefined` when it has ended.
 * Synchronous: each step takes microseconds, a trip to a thread many more.
 */
function socketsOf(pid: number): ReadonlySet<string> | null | undefined {
  const directory = `/proc/${pid}/fd`;
  const inodes = new Set<string>();
  try {
    for (const { name } of Deno.readDirSync(directory)) {
      const inode = socketInode(readLink(`${directory}/${name}`));
      if (inode !== null) inodes.add(inode);
    }
    return inodes;
  } catch {
    return exists(`/proc/${pid}/stat`) ? null : undefined;
  }
}

function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // Descriptors come and go while they are being listed.
    return "";
  }
}

/** Returns the inode in what a descriptor of a socket points to; `null` for other descriptors. */
function socketInode(target: string): string | null {
  return /socket:\[(\d+)\]$/.exec(target)?.[1] ?? null;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
