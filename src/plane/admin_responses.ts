/**
 * The pages of our own as the data plane asks for them, from whoever makes
 * them as `Response` objects.
 *
 * @module
 */

import type {
  AdminHead,
  AdminPort,
  AdminResponse,
  AdminSink,
} from "../proxy/core/admin_port.ts";
import { Gatekeeper } from "../admin/gatekeeper.ts";
import type { AdminSite } from "./contract.ts";

/** The port behind which `site` makes the pages. */
export function adminPort(site: AdminSite): AdminPort {
  const gatekeeper = new Gatekeeper(site.gate);
  return {
    take: (request) =>
      gatekeeper.admits(request)
        ? {
          respond: (body, sink) =>
            new PendingResponse(site.respond(request, body), sink),
        }
        : null,
  };
}

/** A response that is being made, and then read part by part. */
export class PendingResponse implements AdminResponse {
  readonly #sink: AdminSink;
  #response: Response | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #cancelled = false;

  /** Tells `sink` of `response`. */
  constructor(response: Promise<Response>, sink: AdminSink) {
    this.#sink = sink;
    response.then((made) => this.#begin(made), this.#break);
  }

  pull(): void {
    const next = this.#reader === null
      ? this.#response!.arrayBuffer().then((body) => new Uint8Array(body))
      : this.#reader.read().then(({ done, value }) => done ? null : value);
    next.then((part) => {
      if (this.#cancelled) return;
      if (part === null) this.#sink.onDone();
      else this.#sink.onPart(part);
    }).catch(this.#break);
  }

  cancel(): void {
    this.#cancelled = true;
    // Whatever made the body has nobody left to tell of an error.
    this.#reader?.cancel().catch(() => {});
  }

  #begin(response: Response): void {
    const head: AdminHead = {
      status: response.status,
      headers: [...response.headers],
      // As hono's own helpers say it of what is not there at once.
      streamed: response.headers.has("transfer-encoding"),
    };
    if (head.streamed) this.#reader = response.body!.getReader();
    else this.#response = response;
    if (this.#cancelled) this.cancel();
    else this.#sink.onHead(head);
  }

  readonly #break = (error: unknown): void => {
    if (!this.#cancelled) this.#sink.onBroken(String(error));
  };
}
