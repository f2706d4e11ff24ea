/**
 * What can be read under `/proc`, where Linux tells of sockets and processes.
 *
 * @module
 */

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
