/**
 * Node's `http` as a second opinion: its parser, llhttp, is strict, widely
 * used, and not ours.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { withDeadline } from "../support/deadline.ts";
import type { View } from "./view.ts";

/** A stream of bytes, one a character, to be read as requests or as the answer to one. */
export type Question =
  | { readonly kind: "requests"; readonly bytes: string }
  | {
    readonly kind: "responses";
    /** What was asked with. */
    readonly method: string;
    readonly bytes: string;
  };

/** How long Node may take for a batch, on a machine that has other things to do too. */
const BATCH_DEADLINE_MS = 120_000;

/** A running Node that reads streams. */
export class NodeOracle implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;

  /** Starts Node. */
  constructor() {
    const program = fileURLToPath(new URL("node_views.mjs", import.meta.url));
    this.#child = new Deno.Command("node", {
      args: [program],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /**
   * What Node sees in each of the streams. One call at a time.
   *
   * @throws {DeadlineError} When it does not say.
   */
  async ask(questions: readonly Question[]): Promise<readonly View[]> {
    const line = JSON.stringify(questions) + "\n";
    const [answer] = await withDeadline(
      Promise.all([
        this.#readLine(),
        this.#input.write(new TextEncoder().encode(line)),
      ]),
      BATCH_DEADLINE_MS,
      () => "Node did not say what it sees",
    );
    return JSON.parse(answer);
  }

  /** Ends Node. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#output.cancel();
    await this.#child.status;
  }

  /** One line; Node says nothing that it was not asked, so it is the end of what comes. */
  async #readLine(): Promise<string> {
    let line = "";
    while (!line.endsWith("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("Cannot ask Node: it has ended");
      line += value;
    }
    return line;
  }
}
