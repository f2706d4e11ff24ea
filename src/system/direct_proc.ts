/**
 * Reads `/proc` itself, which Deno allows with all permissions only.
 *
 * @module
 */

import { isPastListeners } from "./listen_table.ts";
import { type Proc, READS_PORT, type TableName } from "./proc.ts";

/** Octets read from a table at once. Its listening sockets come first and are few; the rest, which may be long, is not read. */
const TABLE_CHUNK_BYTES = 4_096;

/** Largest file that is searched, in octets: no program that people write is longer. */
const MAX_PROGRAM_BYTES = 1_048_576;

/** Reads the files itself. */
export class DirectProc implements Proc {
  readonly #decoder = new TextDecoder();
  readonly #tables: string;

  /** @param tables Where the tables of sockets are. */
  constructor(tables: string = "/proc/net") {
    this.#tables = tables;
  }

  async table(name: TableName): Promise<string> {
    try {
      return await this.#readTable(name);
    } catch (error) {
      // A kernel whose IPv6 is off does not have the table.
      if (name === "tcp6" && error instanceof Deno.errors.NotFound) return "";
      throw error;
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

  async #readTable(name: TableName): Promise<string> {
    using file = await Deno.open(`${this.#tables}/${name}`);
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
