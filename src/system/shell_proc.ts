/**
 * Reads `/proc` through a shell, for a balancer that may run programs but not
 * open `/proc` itself.
 *
 * One shell for as long as the pool lives: a process for each look would cost
 * more, and each one that is piped keeps some memory of ours for good.
 *
 * @module
 */

import { type Proc, READS_PORT, type TableName } from "./proc.ts";

/** Longest wait for the shell, in milliseconds: on a machine that has far too much to do. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Stands for a whole response on a line of its own; no line of /proc looks like it. */
const END = "=== end";

/**
 * POSIX shell with cat, ls, tr and grep. Every line of its input is a
 * question. It ends with its input: when the balancer does, however that ends.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
while read -r what words; do
  case $what in
    table)
      # The shell itself reads it: no program need be started for it.
      {
        read -r heading
        while read -r number from to state rest; do
          [ "$state" = 0A ] || break
          echo "$number $from $to $state $rest"
        done
      } <"/proc/net/$words" ;;
    stats) cat /proc/[0-9]*/stat ;;
    sockets)
      set --
      for pid in $words; do
        [ -e "/proc/$pid" ] || continue
        if [ -r "/proc/$pid/fd" ]; then set -- "$@" "/proc/$pid/fd"
        else echo "closed $pid"; fi
      done
      # With a file before them even a single directory is named.
      [ $# -eq 0 ] || ls -l /dev/null "$@" ;;
    port)
      tr '\\0' '\\n' <"/proc/$words/cmdline" | while read -r word; do
        case $word in /*) file=$word ;; *) file=/proc/$words/cwd/$word ;; esac
        [ -f "$file" ] && grep -qE -e "$READS_PORT" "$file" && echo yes
      done ;;
    marked) grep -lzxsF -e "$words" /proc/[0-9]*/environ ;;
  esac 2>/dev/null
  echo '${END}'
done
`;

/** Name of the shell in process listings. */
const NAME = "prefork-pool-proc";

type Sockets = ReadonlyMap<number, ReadonlySet<string> | null>;

/** Reads `/proc` through one shell, one question at a time. */
export class ShellProc implements Proc {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  /** Processes whose sockets are asked for next, and the response to that. */
  readonly #asked = new Set<number>();
  #sockets: Promise<Sockets> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #buffer = "";
  #broken = false;

  /** Starts the shell; `null` when that cannot be done. */
  static open(): ShellProc | null {
    try {
      return new ShellProc(
        new Deno.Command("sh", {
          args: ["-c", SCRIPT, NAME],
          env: { READS_PORT },
          stdin: "piped",
          stdout: "piped",
          stderr: "null",
          // Its own group: a Ctrl-C at the terminal is not for it.
          detached: true,
        }).spawn(),
      );
    } catch {
      // No shell, no permission or no descriptors: nothing can be read then.
      return null;
    }
  }

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    // It is no reason for the balancer to go on.
    child.unref();
    this.#input = child.stdin.getWriter();
    this.#output = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  table(name: TableName): Promise<string> {
    return this.#ask(`table ${name}`);
  }

  stats(): Promise<string> {
    return this.#ask("stats");
  }

  async sockets(
    pids: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlySet<string> | null>> {
    for (const pid of pids) this.#asked.add(pid);
    // Who asks while the shell is busy is served together with the others.
    this.#sockets ??= this.#enqueue(() => {
      const all = [...this.#asked];
      this.#asked.clear();
      this.#sockets = null;
      return `sockets ${all.join(" ")}`;
    }).then(parseSockets);
    const found = await this.#sockets;
    return new Map([...found].filter(([pid]) => pids.includes(pid)));
  }

  async marked(entry: string): Promise<readonly number[]> {
    const text = await this.#ask(`marked ${entry}`);
    return [...text.matchAll(/^\/proc\/(\d+)\//gm)].map(([, pid]) =>
      Number(pid)
    );
  }

  async readsPort(pid: number): Promise<boolean> {
    return (await this.#ask(`port ${pid}`)).includes("yes");
  }

  async close(): Promise<void> {
    this.#broken = true;
    await this.#last;
    // Now it is waited for.
    this.#child.ref();
    await this.#input.close().catch(() => {});
    await this.#output.cancel().catch(() => {});
    await this.#child.status;
  }

  #ask(question: string): Promise<string> {
    return this.#enqueue(() => question);
  }

  /** Asks when all before has been responded to; only then the question is put. */
  #enqueue(question: () => string): Promise<string> {
    const response = this.#last.then(() => this.#exchange(question()));
    this.#last = response.catch(() => {});
    return response;
  }

  async #exchange(question: string): Promise<string> {
    if (this.#broken) throw new Error("Cannot read /proc: its shell is gone");
    // A shell that does not respond is ended, and with it the read.
    const timer = setTimeout(() => this.#kill(), REQUEST_TIMEOUT_MS);
    try {
      await this.#input.write(new TextEncoder().encode(question + "\n"));
      for (;;) {
        const end = this.#buffer.indexOf(END + "\n");
        if (end >= 0) {
          const text = this.#buffer.slice(0, end);
          this.#buffer = this.#buffer.slice(end + END.length + 1);
          return text;
        }
        const { done, value } = await this.#output.read();
        if (done) throw new Error("Cannot read /proc: its shell has ended");
        this.#buffer += value;
      }
    } catch (error) {
      this.#broken = true;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #kill(): void {
    this.#broken = true;
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // What Deno throws for a child that is gone.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** Reads what `ls -l` prints of directories of descriptors. */
function parseSockets(text: string): Sockets {
  const found = new Map<number, Set<string> | null>();
  let inodes = new Set<string>();
  for (const line of text.split("\n")) {
    const closed = /^closed (\d+)$/.exec(line)?.[1];
    if (closed !== undefined) found.set(Number(closed), null);
    const open = /^\/proc\/(\d+)\/fd:$/.exec(line)?.[1];
    if (open !== undefined) {
      inodes = new Set();
      found.set(Number(open), inodes);
    }
    const inode = /socket:\[(\d+)\]$/.exec(line)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return found;
}
