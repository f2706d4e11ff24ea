/**
 * Talks to the admin pages of a running pool.
 *
 * @module
 */

import type { ScaleReport } from "../admin/commands.ts";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import type { ReloadReport } from "../pool/reload_report.ts";
import type { AdminTarget } from "./admin_options.ts";
import { CliError } from "./subcommand.ts";

/** Longest wait for what is there at once, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

const HOW_TO_NAME_IT = "name it with --admin URL, PORT or ADMIN_PORT";

/** One pool, seen from outside. */
export class AdminClient {
  readonly #target: AdminTarget;

  /** Talks to the pool at `target`. */
  constructor(target: AdminTarget) {
    this.#target = target;
  }

  /** Reads the figures. @throws {CliError} When they cannot be had. */
  async metrics(): Promise<MetricsSnapshot> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await this.#ask("/_metrics", { signal });
    return await this.#read<MetricsSnapshot>(response, "workers");
  }

  /** Replaces every worker, and waits for the verdict. @throws {CliError} When it is not even begun. */
  async reload(): Promise<ReloadReport> {
    const response = await this.#ask("/_admin/reload", command({}));
    return await this.#read<ReloadReport>(response, "ok");
  }

  /** Sets or changes the wanted number of workers. @throws {CliError} When it cannot be set. */
  async scale(workers: string): Promise<ScaleReport> {
    const response = await this.#ask("/_admin/scale", command({ workers }));
    return await this.#read<ScaleReport>(response, "to");
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const { url, token } = this.#target;
    const headers = new Headers(init.headers);
    headers.set("Accept", "application/json");
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    try {
      return await fetch(url + path, { ...init, headers, redirect: "manual" });
    } catch (cause) {
      throw new CliError(
        `Cannot reach a pool at ${url}: ${reasonOf(cause)}\n` +
          `Is it running? If it is elsewhere, ${HOW_TO_NAME_IT}.`,
        { cause },
      );
    }
  }

  /** The JSON in an answer; `field` is one that only the right kind of it has. */
  async #read<T>(response: Response, field: keyof T & string): Promise<T> {
    const value = parseJson(await response.text());
    if (isObject(value) && field in value) return value as T;
    const { url } = this.#target;
    if (isObject(value) && typeof value.error === "string") {
      throw new CliError(value.error);
    }
    if (response.status === 401 || response.status === 404) {
      throw new CliError(
        `Cannot see the admin pages at ${url} (${response.status}): they are ` +
          "elsewhere, or not open to us.\n" +
          "Ask on the pool's own machine, or give its ADMIN_TOKEN with " +
          `--token T; if they are elsewhere, ${HOW_TO_NAME_IT}.`,
      );
    }
    throw new CliError(
      `Cannot understand what answers at ${url} (${response.status}): ` +
        `it does not seem to be a pool. If that is elsewhere, ${HOW_TO_NAME_IT}.`,
    );
  }
}

/** A request that changes something: JSON, which no web page can make a browser send unasked. */
function command(body: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller tells what it looks like.
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Deno says why in parentheses behind a repetition of the URL, and once more in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") {
    return `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`;
  }
  return error.cause instanceof Error ? error.cause.message : error.message;
}
