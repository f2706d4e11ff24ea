/**
 * The clients, in a process of their own, as the harness sees them.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { readLines } from "../../test/support/pool_log.ts";
import type { LoadResult, LoadSpec } from "./load_result.ts";

/** A worker that has answered, and when it first did. */
export interface Sighting {
  readonly pid: number;
  readonly atMs: number;
}

/** What a line of the clients' output says. */
type Line =
  | { readonly worker: number; readonly atMs: number }
  | { readonly result: LoadResult };

/** Clients at work until they are stopped. They end with us, however we end. */
export class Load implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  readonly #sightings: Sighting[] = [];
  #result: LoadResult | null = null;
  #stopped = false;

  /** Starts them. */
  constructor(spec: LoadSpec) {
    const main = fileURLToPath(new URL("load_main.ts", import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", main, JSON.stringify(spec)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#read = readLines(
      this.#child.stdout,
      (line) => this.#take(JSON.parse(line)),
      new AbortController(),
    );
  }

  /** Every worker that has answered, in the order of their first answers. */
  get sightings(): readonly Sighting[] {
    return this.#sightings;
  }

  /**
   * Lets the clients finish and returns what they have counted.
   *
   * @throws {Error} when they have failed.
   */
  async stop(): Promise<LoadResult> {
    await this[Symbol.asyncDispose]();
    if (this.#result === null) {
      throw new Error("Cannot count: the clients have failed");
    }
    return this.#result;
  }

  /** Lets the clients finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#child.stdin.close();
    await this.#read;
    await this.#child.status;
  }

  #take(line: Line): void {
    if ("result" in line) this.#result = line.result;
    else this.#sightings.push({ pid: line.worker, atMs: line.atMs });
  }
}
