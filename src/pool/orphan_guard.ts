/**
 * Sees to it that no worker outlives the balancer, however the balancer ends.
 *
 * A process that is killed with SIGKILL cannot clean up. So one small shell
 * process stands beside the pool and reads, on its standard input, which
 * process groups there are. The kernel closes that pipe when the balancer
 * ends, in whatever way; the shell then kills every group still on its list.
 * Whole groups: a worker's own children go with it, as they would not with
 * Linux' parent-death signal. On Linux it then looks for the mark that workers
 * carry in their environment, and so finds those that had left their group,
 * and one that was started in the very moment in which the balancer ended.
 *
 * Knows nothing of workers but their process ids.
 *
 * @module
 */

import { WORKER_MARK } from "../system/process_lookout.ts";

/**
 * POSIX shell; beyond builtins only grep, where there is one. Signals of the terminal or of a
 * service manager do not end it: only the end of its input does. `--` is
 * missing because dash's `kill` does not know it.
 */
const GUARDIAN = `
trap '' INT TERM HUP QUIT
groups=' '
while read -r action group; do
  case $action in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -9 "-$group" 2>/dev/null; done
for file in $(grep -lzs "^$1\$" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -9 "\${pid%/environ}" 2>/dev/null
done
`;

/** Environment variable that marks the processes of a pool. */
const MARK_VARIABLE = "PREFORK_POOL_ID";

/** Name of the guardian in process listings. */
const GUARDIAN_NAME = "prefork-pool-guardian";

/** Guardians begun anew at most: what ends more of them ends them all. */
const MAX_RESTARTS = 5;

/** The guardian process and the balancer's end of its pipe; one that ends is begun anew. */
export class OrphanGuard {
  /**
   * Resolves when the pipe has taken its first octet. Before that a write
   * waits for the event loop; afterwards it is made in the turn in which it is
   * asked for, which is the turn in which the worker was started.
   */
  readonly ready: Promise<void>;
  readonly #id = crypto.randomUUID();
  readonly #tell: (message: string) => void;
  readonly #groups = new Set<number>();
  readonly #watch: Promise<void>;
  readonly #encoder = new TextEncoder();
  #child: Deno.ChildProcess | null = null;
  #list: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #stopping = false;

  /**
   * Starts the guardian. When that fails, or when it has ended, `tell` is told
   * so, as a whole sentence, and the pool goes on, without it if need be.
   */
  constructor(tell: (message: string) => void) {
    this.#tell = tell;
    this.ready = this.#begin();
    this.#watch = this.#keep();
  }

  /** Process id of the guardian, or `null` when there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** What begins the marks of this pool's workers. */
  get poolId(): string {
    return this.#id;
  }

  /**
   * What a worker must have in its environment, to be found by it.
   *
   * @param workerMark Which worker it is.
   */
  marks(workerMark: string): Readonly<Record<string, string>> {
    return { [MARK_VARIABLE]: this.#id, [WORKER_MARK]: workerMark };
  }

  /** Puts a worker's process group on the list. To be called in the turn in which it was started. */
  add(pid: number): void {
    this.#groups.add(pid);
    void this.#write(`+ ${pid}\n`);
  }

  /** Takes a process group off the list that is gone: its number may be given to somebody else. */
  remove(pid: number): void {
    this.#groups.delete(pid);
    void this.#write(`- ${pid}\n`);
  }

  /** Ends the guardian, which kills what is still on its list. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // Now it is waited for.
    this.#child?.ref();
    // Fails when the guardian is gone already, which is what is wanted.
    await this.#list?.close().catch(() => {});
    await this.#watch;
  }

  #spawn(): Deno.ChildProcess | null {
    try {
      const child = new Deno.Command("sh", {
        args: [
          "-c",
          GUARDIAN,
          GUARDIAN_NAME,
          `${MARK_VARIABLE}=${this.#id}`,
        ],
        // In a pool that is itself a worker of another: that one's guardian,
        // which goes by these, must not kill ours before it has done its work.
        env: { [MARK_VARIABLE]: "", [WORKER_MARK]: "" },
        stdin: "piped",
        stdout: "null",
        stderr: "null",
        // Our own directory may have been removed, and be kept from removal by nobody.
        cwd: "/",
        // Its own group: a Ctrl-C at the terminal is not for it.
        detached: true,
      }).spawn();
      // The guard is no reason for the balancer to go on.
      child.unref();
      return child;
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Starts a guardian that has the list as it is. Resolves when the pipe has taken its first octet. */
  async #begin(): Promise<void> {
    this.#child = this.#spawn();
    this.#list = this.#child?.stdin.getWriter() ?? null;
    const list = [...this.#groups].map((pid) => `+ ${pid}\n`);
    await this.#write(`\n${list.join("")}`);
  }

  async #keep(): Promise<void> {
    for (let restarts = 0; this.#child !== null; restarts++) {
      const { code } = await this.#child.status;
      if (this.#stopping) return;
      void this.#list?.abort().catch(() => {});
      if (restarts === MAX_RESTARTS) {
        this.#fail(`it ended with code ${code}`);
        return;
      }
      void this.#begin();
      if (this.#child === null) return;
      this.#tell(
        "The shell process that guards the workers ended with code " +
          `${code}: another one has taken its place.`,
      );
    }
  }

  async #write(line: string): Promise<void> {
    // A failure shows in #keep, with the reason.
    await this.#list?.write(this.#encoder.encode(line)).catch(() => {});
  }

  #fail(what: string): void {
    this.#tell(
      `Cannot guard the workers with a shell process: ${what}. ` +
        "They may go on running if this process is killed with SIGKILL.",
    );
  }
}
