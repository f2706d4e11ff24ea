/**
 * A real Prometheus, with a configuration and a store of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";

/** One line of a result: its labels, and the value as text. */
export interface VectorSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** What its HTTP interface answers. */
interface Reply<T> {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data: T;
}

/** A server that runs. */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;
  /** What it logs is read to its end, so that it never waits for us. */
  readonly #log: Promise<void>;
  readonly #url: string;

  private constructor(
    child: Deno.ChildProcess,
    { directory, url, log }: {
      readonly directory: string;
      readonly url: string;
      readonly log: Promise<void>;
    },
  ) {
    this.#child = child;
    this.#directory = directory;
    this.#url = url;
    this.#log = log;
  }

  /** Starts it with this configuration, on a port that the system chooses. */
  static async start(configuration: string): Promise<Prometheus> {
    const directory = await Deno.makeTempDir();
    const file = join(directory, "prometheus.yml");
    await Deno.writeTextFile(file, configuration);
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        "--web.listen-address=127.0.0.1:0",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const found = Promise.withResolvers<string>();
    const log = readLog(child.stderr, found);
    const url = await withDeadline(
      found.promise,
      DEFAULT_DEADLINE_MS,
      () => "Prometheus does not say where it listens",
    );
    return new Prometheus(child, { directory, url, log });
  }

  /** Asks for the value of an expression now. @throws {AssertionError} When it is none. */
  query(expression: string): Promise<readonly VectorSample[]> {
    const query = new URLSearchParams({ query: expression });
    return this.#get<{ readonly result: readonly VectorSample[] }>(
      `query?${query}`,
    ).then(({ result }) => result);
  }

  /** Names of the metrics it has seen, as OpenMetrics has them. */
  async metricNames(): Promise<ReadonlySet<string>> {
    return new Set(Object.keys(await this.#get<object>("metadata")));
  }

  /** The rules it evaluates: their names, and what is wrong with them. */
  async rules(): Promise<
    readonly { readonly name: string; readonly lastError?: string }[]
  > {
    const { groups } = await this.#get<{
      readonly groups: readonly {
        readonly rules: readonly {
          readonly name: string;
          readonly lastError?: string;
        }[];
      }[];
    }>("rules");
    return groups.flatMap(({ rules }) => rules);
  }

  /** Ends it, and removes what it has stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await withDeadline(
      this.#child.status,
      DEFAULT_DEADLINE_MS,
      () => "Prometheus does not end",
    );
    await this.#log;
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const reply = await response.json() as Reply<T>;
    assert.equal(reply.status, "success", `${path}: ${reply.error}`);
    return reply.data;
  }
}

async function readLog(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  found: PromiseWithResolvers<string>,
): Promise<void> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    const address = /"?Listening on"? address=(127\.0\.0\.1:[1-9]\d*)/
      .exec(text)?.[1];
    if (address !== undefined) found.resolve(`http://${address}`);
  }
  found.reject(new Error(`Prometheus has ended:\n${text}`));
}
