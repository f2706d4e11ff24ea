/**
 * Talks to the admin pages of a running pool.
 *
 * @module
 */

import type { ScaleReport } from "../admin/commands.ts";
import type { MetricsSnapshot } from "../metrics/metrics_snapshot.ts";
import type { ReloadReport } from "../events/reload_report.ts";
import { type Instance, INSTANCE_FIELD } from "../instance.ts";
import type { AdminEndpoint } from "../registry/pool_record.ts";
import type { AdminTarget } from "./admin_options.ts";
import { isLoopback, requestDirectly } from "./direct_request.ts";
import { CliError } from "./subcommand.ts";

/** Longest wait for what is there at once, in milliseconds. */
const RESPONSE_TIMEOUT_MS = 10_000;

/** Longest wait of a health check: its own caller gives it not much more. */
const HEALTH_TIMEOUT_MS = 2500;

/** What those pages say where all is well: another server may respond to any path. */
const PUBLIC_PAGES = { "/_health": "ok\n", "/_ready": "ready\n" };

const HOW_TO_NAME_IT = "name it with --admin URL, PORT or ADMIN_PORT";

/** How long figures are waited for. */
export interface MetricsOptions {
  /** In milliseconds. @default {10000} */
  readonly timeoutMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** One pool, seen from outside. */
export class AdminClient {
  readonly #target: AdminTarget;
  readonly #endpoint: AdminEndpoint | null;
  /** The run that responds, once that is known. */
  #instance: string | null;

  readonly #timeoutMs: number;

  /** Talks to the pool at `target`; what is there at once is waited for `timeoutMs`. */
  constructor(target: AdminTarget, timeoutMs: number = RESPONSE_TIMEOUT_MS) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#endpoint = target.endpoint === undefined
      ? localEndpoint(target.url)
      : target.endpoint;
    this.#instance = target.expected?.instance ?? null;
  }

  /** Reads the figures. @throws {CliError} When they cannot be had. */
  async metrics(
    { timeoutMs = this.#timeoutMs, signal }: MetricsOptions = {},
  ): Promise<MetricsSnapshot> {
    await this.#verify();
    const response = await this.#ask("/_metrics", {
      signal: inTime(timeoutMs, signal),
    });
    return await this.#read<MetricsSnapshot>(response, "workers");
  }

  /** Replaces every worker, and waits for the verdict, however long that takes. @throws {CliError} When it is not even begun. */
  async reload(signal?: AbortSignal): Promise<ReloadReport> {
    await this.#verify();
    await this.#ping();
    const response = await this.#ask("/_admin/reload", command({}, signal));
    return await this.#read<ReloadReport>(response, "ok");
  }

  /** Sets or changes the wanted number of workers. @throws {CliError} When it cannot be set. */
  async scale(workers: string, signal?: AbortSignal): Promise<ScaleReport> {
    await this.#verify();
    const request = command({ workers }, inTime(this.#timeoutMs, signal));
    const response = await this.#ask("/_admin/scale", request);
    return await this.#read<ScaleReport>(response, "to");
  }

  /** Begins to stop the pool. @throws {CliError} When it does not. */
  async stop(): Promise<{ readonly pid: number }> {
    await this.#verify();
    const request = command({}, inTime(this.#timeoutMs));
    const response = await this.#ask("/_admin/stop", request);
    return await this.#read<{ readonly pid: number }>(response, "pid");
  }

  /**
   * What happens, as server-sent events: first what is kept of what came after
   * the event `since`, then, with `follow`, what comes.
   *
   * @throws {CliError} When it cannot be had.
   */
  async events(
    { since, follow }: { readonly since: number; readonly follow: boolean },
  ): Promise<ReadableStream<Uint8Array>> {
    await this.#verify();
    await this.#ping();
    const path = `/_events?since=${since}${follow ? "" : "&follow=off"}`;
    const response = await this.#ask(path, {});
    const { headers, body } = response;
    if (
      body !== null && response.status === 200 &&
      headers.get("content-type")?.startsWith("text/event-stream")
    ) return body;
    return await this.#read<never>(response, undefined);
  }

  /** Asks for the status of a page that is there for everyone. @throws {CliError} When nobody responds, or no pool. */
  async statusOf(path: keyof typeof PUBLIC_PAGES): Promise<number> {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const response = await this.#ask(path, { signal });
    const { status } = response;
    if (status !== 200) await response.body?.cancel();
    else if (await this.#textOf(response) !== PUBLIC_PAGES[path]) {
      throw this.#noPool(status);
    }
    return status;
  }

  /** Sees to it that somebody responds, where what is asked for may take any time. @throws {CliError} When nobody does. */
  async #ping(): Promise<void> {
    const response = await this.#askInstance();
    await response.body?.cancel();
  }

  #askInstance(): Promise<Response> {
    return this.#ask("/_admin/instance", { signal: inTime(this.#timeoutMs) });
  }

  /**
   * Sees to it that it is the pool that is meant, where only its process id or
   * its name is known. From then on it is known which run that is, and each
   * request says so.
   */
  async #verify(): Promise<void> {
    const { pid, name } = this.#target.expected ?? {};
    if (this.#instance !== null || (pid === undefined && name === undefined)) {
      return;
    }
    const response = await this.#askInstance();
    const found = await this.#read<Instance>(response, "id");
    if (
      (pid !== undefined && pid !== found.pid) ||
      (name !== undefined && name !== found.name)
    ) {
      throw this.#notTheOne(
        `process ${found.pid}` +
          (found.name === null
            ? ", without a name,"
            : `, named ${found.name},`),
      );
    }
    this.#instance = found.id;
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const { url, token } = this.#target;
    const headers = new Headers(init.headers);
    if (!headers.has("Accept")) headers.set("Accept", "application/json");
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    if (this.#instance !== null) headers.set(INSTANCE_FIELD, this.#instance);
    let response: Response;
    try {
      response = await this.#send(path, { ...init, headers });
    } catch (cause) {
      const { record } = this.#target;
      if (record?.stopping) {
        throw new CliError(
          `Cannot reach the pool at ${url}: it is stopping (pid ${record.pid}), ` +
            'and listens no more; "prefork-pool stop" waits for its end.',
          { cause },
        );
      }
      throw new CliError(
        `Cannot reach a pool at ${url}: ${reasonOf(cause)}\n${this.#hint()}` +
          `Is it running? If it is elsewhere, ${HOW_TO_NAME_IT}.`,
        { cause },
      );
    }
    this.#checkInstance(response);
    return response;
  }

  /** Elsewhere as anything is asked for; on this machine past every proxy. */
  async #send(
    path: string,
    init: RequestInit & { readonly headers: Headers },
  ): Promise<Response> {
    const endpoint = this.#endpoint;
    if (endpoint === null) {
      const { url } = this.#target;
      return await fetch(url + path, { ...init, redirect: "manual" });
    }
    const { method = "GET", headers, body, signal } = init;
    return await requestDirectly(endpoint, {
      method,
      path,
      headers: Object.fromEntries(headers),
      ...typeof body === "string" ? { body } : {},
      ...signal ? { signal } : {},
    });
  }

  /** Whoever responds as another run is another pool. */
  #checkInstance(response: Response): void {
    const found = response.headers.get(INSTANCE_FIELD);
    if (this.#instance === null || found === null) return;
    if (found !== this.#instance) throw this.#notTheOne("another one");
  }

  #notTheOne(found: string): CliError {
    return new CliError(
      `Cannot find the pool that is meant at ${this.#target.url}: ${found} ` +
        `responds there.\n${this.#hint()}` +
        `"prefork-pool list" shows those that run; ${HOW_TO_NAME_IT}.`,
    );
  }

  /** Where the pool cannot see that we are on its machine. */
  #closedHint(): string {
    const endpoint = this.#endpoint;
    if (endpoint === null) return "";
    const why = endpoint.transport === "unix"
      ? "On a unix socket"
      : endpoint.proxyProtocol
      ? "With PROXY_PROTOCOL=on"
      : null;
    return why === null
      ? ""
      : `${why}, nobody is known to be on this machine: ` +
        "run both with --allow-read --allow-write, or set ADMIN_PORT or " +
        "ADMIN_TOKEN.\n";
  }

  #hint(): string {
    const { hint } = this.#target;
    return hint === undefined ? "" : `${hint}\n`;
  }

  /** @throws {CliError} When it does not come whole. */
  async #textOf(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (cause) {
      throw new CliError(
        `The response of ${this.#target.url} has not come whole: ` +
          `${reasonOf(cause)}. If the pool is elsewhere, ${HOW_TO_NAME_IT}.`,
        { cause },
      );
    }
  }

  /** The JSON in a response; `field` is one that only the right kind of it has. */
  async #read<T>(
    response: Response,
    field: (keyof T & string) | undefined,
  ): Promise<T> {
    const value = parseJson(await this.#textOf(response));
    if (isObject(value) && field !== undefined && field in value) {
      return value as T;
    }
    const { url } = this.#target;
    if (isObject(value) && typeof value.error === "string") {
      throw new CliError(value.error);
    }
    if (response.status === 401 || response.status === 404) {
      throw new CliError(
        `Cannot see the admin pages at ${url} (${response.status}): they are ` +
          `elsewhere, or not open to us.\n${this.#hint()}${this.#closedHint()}` +
          "Ask on the pool's own machine, or give its ADMIN_TOKEN with " +
          `--token T; if they are elsewhere, ${HOW_TO_NAME_IT}.`,
      );
    }
    throw this.#noPool(response.status);
  }

  #noPool(status: number): CliError {
    return new CliError(
      `Cannot understand what responds at ${this.#target.url} (${status}): ` +
        `it does not seem to be a pool. If that is elsewhere, ${HOW_TO_NAME_IT}.`,
    );
  }
}

/** A signal that comes when a response is late, or with `signal`. */
function inTime(timeoutMs: number, signal?: AbortSignal): AbortSignal {
  const late = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? late : AbortSignal.any([signal, late]);
}

/** How a URL on this machine is asked; `null` for one elsewhere. */
function localEndpoint(url: string): AdminEndpoint | null {
  if (!URL.canParse(url)) return null;
  const { hostname, port, protocol } = new URL(url);
  if (!isLoopback(hostname)) return null;
  const tls = protocol === "https:";
  return {
    transport: "tcp",
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (tls ? 443 : 80),
    tls,
    proxyProtocol: false,
  };
}

/** A request that changes something: JSON, which no web page can make a browser send unasked. */
function command(body: unknown, signal?: AbortSignal): RequestInit {
  return {
    ...signal === undefined ? {} : { signal },
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

/** What the errors of the system mean here. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOENT: "there is no such socket",
  EACCES: "it may not be opened by this user",
  ECONNRESET: "it closes the connection; if it expects a PROXY header, set " +
    "PROXY_PROTOCOL=on",
};

/** Deno says why in parentheses behind a repetition of the URL, and once more in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (
    error.name === "TimeoutError" ||
    error.cause instanceof Error && error.cause.name === "TimeoutError"
  ) {
    return "no response in time";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return `Deno does not permit it (${error.message}); run with -A`;
  }
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string" && code in REASONS) return REASONS[code]!;
  return error.cause instanceof Error ? error.cause.message : error.message;
}
