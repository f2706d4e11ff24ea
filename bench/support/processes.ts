/**
 * The processes of a benchmark, each ended by its pid however the run ends.
 * Knows nothing of what they do.
 *
 * @module
 */

import { settledWithin } from "../../src/shared/settled_within.ts";

/** Between SIGTERM and SIGKILL. Peers with idle connections may take a while to drain. */
const STOP_TIMEOUT_MS = 5_000;

/** How long the outputs of one that has ended are read on, in milliseconds. */
const LEFT_OPEN_MS = 1_000;

/** What is kept of a process's output for the message when it fails. */
const OUTPUT_CHARACTERS = 2_000;

/** One process that was started. */
export class StartedProcess {
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<unknown>;
  #output = "";
  #ended = false;

  /** Starts `argv`. Throws what `Deno.Command` throws. */
  constructor(
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const [program = "", ...args] = argv;
    this.#child = new Deno.Command(program, {
      args,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // An unread pipe would stop the process in the middle of a measurement.
    this.#drained = Promise.all([
      this.#drain(this.#child.stdout),
      this.#drain(this.#child.stderr),
    ]);
    this.#child.status.then(() => this.#ended = true);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The end of what it has written to either output. */
  get output(): string {
    return this.#output;
  }

  /** Asks it to end, in the end makes it, and waits until it is gone. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_TIMEOUT_MS);
    this.#kill("SIGTERM");
    await this.#child.status;
    clearTimeout(timer);
    // Others that it has started may hold its outputs open.
    await settledWithin(this.#drained, LEFT_OPEN_MS);
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has ended, which is what was wanted.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #drain(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#output = (this.#output + decoder.decode(bytes, { stream: true }))
        .slice(-OUTPUT_CHARACTERS);
    }
  }
}

/** All processes of a run, ended in reverse order when it is disposed of. */
export class Processes implements AsyncDisposable {
  readonly #started: StartedProcess[] = [];

  /** Starts `argv`. */
  start(
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): StartedProcess {
    const process = new StartedProcess(argv, env);
    this.#started.push(process);
    return process;
  }

  /** Ends all of them and waits until they are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#started.reverse()) await process.stop();
  }
}
