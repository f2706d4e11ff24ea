/**
 * Programs at a terminal, as somebody sits before it. Needs `script`, `stty`
 * and `tty`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";

/** What the terminal is like. */
export interface TerminalOptions {
  /** @default {24} */
  readonly rows?: number;
  /** @default {80} */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program in a terminal of its own, made by `script`. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #unread = "";

  #device = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#output = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    this.#input = child.stdin.getWriter();
  }

  /** Starts the program. */
  static async run(
    words: readonly string[],
    { rows = 24, columns = 80, env = {} }: TerminalOptions = {},
  ): Promise<Terminal> {
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    // What is set where the tests run is none of the program's.
    const colors = "NO_COLOR" in env ? "" : "unset NO_COLOR; ";
    const script = `${colors}stty rows ${rows} cols ${columns}; tty; exec ${
      quoted.join(" ")
    }`;
    const terminal = new Terminal(
      new Deno.Command("script", {
        args: ["-qefc", script, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
        env: { SHELL: "/bin/sh", TERM: "xterm", LC_ALL: "C.UTF-8", ...env },
      }).spawn(),
    );
    terminal.#device = (await terminal.readUntil("\n")).trim();
    return terminal;
  }

  /** Gives the terminal another size, as a window does. */
  async resize(rows: number, columns: number): Promise<void> {
    const { success } = await new Deno.Command("stty", {
      args: [
        "-F",
        this.#device,
        "rows",
        String(rows),
        "cols",
        String(columns),
      ],
    }).output();
    assert.ok(success);
  }

  /** Exit code of the program. */
  get code(): Promise<number> {
    return this.#child.status.then(({ code }) => code);
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  /** Reads up to and with `text`, and returns what came before it. */
  async readUntil(text: string): Promise<string> {
    // A screen that is refreshed brings something for ever.
    const deadline = performance.now() + DEFAULT_DEADLINE_MS;
    for (;;) {
      const at = this.#unread.indexOf(text);
      if (at >= 0) {
        const before = this.#unread.slice(0, at);
        this.#unread = this.#unread.slice(at + text.length);
        return before;
      }
      assert(
        performance.now() < deadline,
        `"${text}" did not come, but ${JSON.stringify(this.#unread)}`,
      );
      assert(await this.#readMore(), `the program ended before "${text}"`);
    }
  }

  /** Everything that is still to come. */
  async readUntilEnd(): Promise<string> {
    while (await this.#readMore());
    return this.#unread;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The end of `script` is the end of its terminal, and so of its program.
    try {
      this.#child.kill();
    } catch (error) {
      // Deno's way of saying that it has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#output.cancel();
    await this.#input.abort().catch(() => {});
  }

  async #readMore(): Promise<boolean> {
    const { done, value } = await withDeadline(
      this.#output.read(),
      DEFAULT_DEADLINE_MS,
      () => `Nothing came after ${JSON.stringify(this.#unread)}`,
    );
    this.#unread += value ?? "";
    return !done;
  }
}
