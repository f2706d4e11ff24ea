/**
 * The processes a script has started, so that it can end them however it ends
 * itself, SIGKILL included. Knows nothing of what they do.
 *
 * @module
 */

import { OrphanGuard } from "../src/pool/orphan_guard.ts";

/** Between SIGTERM and SIGKILL: the pool ends its workers in that time. */
const STOP_TIMEOUT_MS = 10_000;

/** How long the last output of a dead process may take, where somebody still holds its pipe. */
const OUTPUT_TIMEOUT_MS = 1_000;

/** How much of its output is kept: a stack trace, not a log. */
const OUTPUT_CHARACTERS = 4_096;

/** What a process is started with. */
export interface SpawnOptions {
  /** What its environment has beyond, or other than, ours. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may live, in milliseconds, before it is killed. */
  readonly timeoutMs: number;
}

/**
 * One started process, in a group of its own: a Ctrl-C at the terminal is the
 * script's, which ends its processes in order.
 */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #status: Deno.CommandStatus | null = null;
  #output = "";
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;

  /** Starts `argv`. Throws what `Deno.Command` throws. */
  constructor(
    argv: readonly string[],
    options: SpawnOptions,
    guard: OrphanGuard,
  ) {
    const [program = "", ...args] = argv;
    this.#process = new Deno.Command(program, {
      args,
      env: { ...options.env, ...guard.marks("script") },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      detached: true,
    }).spawn();
    guard.add(this.#process.pid);
    this.#deadline = setTimeout(() => this.#kill("SIGKILL"), options.timeoutMs);
    this.gone = this.#watch(guard);
  }

  /** How it ended, or `null` while it runs. */
  get status(): Deno.CommandStatus | null {
    return this.#status;
  }

  /** The last it has written to stderr; all of it once it is gone. */
  get lastOutput(): string {
    return this.#output.trim();
  }

  /** Asks it to end, in the end makes it, and waits until it is gone. */
  async stop(signal: Deno.Signal): Promise<void> {
    this.#kill(signal);
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.gone;
    clearTimeout(timer);
  }

  async #watch(guard: OrphanGuard): Promise<void> {
    const abort = new AbortController();
    const decoder = new TextDecoder();
    const output = this.#process.stderr.pipeTo(
      new WritableStream({
        write: (chunk): void => {
          this.#output =
            (this.#output + decoder.decode(chunk, { stream: true }))
              .slice(-OUTPUT_CHARACTERS);
        },
      }),
      { signal: abort.signal },
    ).catch(() => {
      // Given up, below: what has come is kept.
    });
    this.#status = await this.#process.status;
    clearTimeout(this.#deadline);
    // What it has left behind goes with it.
    this.#kill("SIGKILL");
    guard.remove(this.#process.pid);
    const timer = setTimeout(() => abort.abort(), OUTPUT_TIMEOUT_MS);
    await output;
    clearTimeout(timer);
  }

  #kill(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.#process.pid, signal);
    } catch (error) {
      // It has ended, which is what was wanted.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** All processes of a script. Once they are being ended, no more can be started. */
export class Children {
  readonly #running = new Set<Child>();
  readonly #guard = new OrphanGuard((message) => console.error(message));
  #ended: Promise<void> | null = null;

  /** Resolves when processes that are started are sure to be ended. */
  get ready(): Promise<void> {
    return this.#guard.ready;
  }

  /** Whether they are being ended, or have been. */
  get ended(): boolean {
    return this.#ended !== null;
  }

  /** Starts a process. Throws when they are being ended. */
  spawn(argv: readonly string[], options: SpawnOptions): Child {
    if (this.#ended) throw new Error("Cannot start a process: interrupted.");
    const child = new Child(argv, options, this.#guard);
    this.#running.add(child);
    child.gone.then(() => this.#running.delete(child));
    return child;
  }

  /** Ends all of them and waits until they are gone. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    await Promise.all(
      [...this.#running].map((child) => child.stop("SIGTERM")),
    );
    await this.#guard.stop();
  }
}
