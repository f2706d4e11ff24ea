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

/** The guardian process and the balancer's end of its pipe. */
export class OrphanGuard {
  /**
   * Resolves when the pipe has taken its first octet. Before that a write
   * waits for the event loop; afterwards it is made in the turn in which it is
   * asked for, which is the turn in which the worker was started.
   */
  readonly ready: Promise<void>;
  readonly #id = crypto.randomUUID();
  readonly #onFailure: (message: string) => void;
  readonly #child: Deno.ChildProcess | null;
  readonly #list: WritableStreamDefaultWriter<Uint8Array> | null;
  readonly #watch: Promise<void>;
  readonly #encoder = new TextEncoder();
  #stopping = false;

  /**
   * Starts the guardian. When that fails `onFailure` is told so, as a whole
   * sentence, and the pool goes on without.
   */
  constructor(onFailure: (message: string) => void) {
    this.#onFailure = onFailure;
    this.#child = this.#spawn();
    this.#list = this.#child?.stdin.getWriter() ?? null;
    this.#watch = this.#watchChild();
    this.ready = this.#write("\n");
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
    void this.#write(`+ ${pid}\n`);
  }

  /** Takes a process group off the list that is gone: its number may be given to somebody else. */
  remove(pid: number): void {
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

  async #watchChild(): Promise<void> {
    if (this.#child === null) return;
    const { code } = await this.#child.status;
    if (!this.#stopping) this.#fail(`it ended with code ${code}`);
  }

  async #write(line: string): Promise<void> {
    // A failure shows in #watchChild, once, with the reason.
    await this.#list?.write(this.#encoder.encode(line)).catch(() => {});
  }

  #fail(what: string): void {
    this.#onFailure(
      `Cannot guard the workers with a shell process: ${what}. ` +
        "They may go on running if this process is killed with SIGKILL.",
    );
  }
}
