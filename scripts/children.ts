/**
 * The processes a script has started, so that it can end them however it ends
 * itself. Knows nothing of what they do.
 *
 * @module
 */

/** Between SIGTERM and SIGKILL: the pool ends its workers in that time. */
const STOP_TIMEOUT_MS = 10_000;

/** What a process is started with. */
export interface SpawnOptions {
  /** What its environment has beyond, or other than, ours. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may live, in milliseconds, before it is killed. */
  readonly timeoutMs: number;
}

/** One started process. Its output is dropped, except what it writes to stderr. */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #status: Deno.CommandStatus | null = null;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;

  /** Starts `argv`. Throws what `Deno.Command` throws. */
  constructor(argv: readonly string[], options: SpawnOptions) {
    const [program = "", ...args] = argv;
    this.#process = new Deno.Command(program, {
      args,
      env: { ...options.env },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    this.#deadline = setTimeout(() => this.#kill("SIGKILL"), options.timeoutMs);
    this.gone = this.#process.status.then((status) => {
      clearTimeout(this.#deadline);
      this.#status = status;
    });
  }

  /** How it ended, or `null` while it runs. */
  get status(): Deno.CommandStatus | null {
    return this.#status;
  }

  /** Asks it to end, in the end makes it, and waits until it is gone. */
  async stop(signal: Deno.Signal): Promise<void> {
    this.#kill(signal);
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.gone;
    clearTimeout(timer);
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It has ended, which is what was wanted.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** All processes of a script. Once they are being ended, no more can be started. */
export class Children {
  readonly #running = new Set<Child>();
  #ended: Promise<void> | null = null;

  /** Whether they are being ended, or have been. */
  get ended(): boolean {
    return this.#ended !== null;
  }

  /** Starts a process. Throws when they are being ended. */
  spawn(argv: readonly string[], options: SpawnOptions): Child {
    if (this.#ended) throw new Error("Cannot start a process: interrupted.");
    const child = new Child(argv, options);
    this.#running.add(child);
    child.gone.then(() => this.#running.delete(child));
    return child;
  }

  /** Ends all of them and waits until they are gone. */
  end(): Promise<void> {
    this.#ended ??= Promise.all(
      [...this.#running].map((child) => child.stop("SIGTERM")),
    ).then(() => {});
    return this.#ended;
  }
}
