/**
 * The pages of our own, made in another thread than the one that serves them.
 *
 * @module
 */

import type {
  AdminPage,
  AdminPort,
  AdminResponse,
  AdminSink,
} from "../proxy/core/admin_port.ts";
import { Gatekeeper } from "../admin/gatekeeper.ts";
import type { AdminGate, AdminRequest, AdminSite } from "./contract.ts";
import { PendingResponse } from "./admin_responses.ts";
import type { FromThread, ToThread } from "./thread_messages.ts";

type PageMessage = Extract<ToThread, { readonly type: `page-${string}` }>;
type PageOrder = Extract<FromThread, { readonly type: `page-${string}` }>;

/** The data plane's side: asks for pages. */
export class RemotePages implements AdminPort {
  readonly #gatekeeper: Gatekeeper;
  readonly #post: (message: PageOrder) => void;
  readonly #sinks = new Map<number, AdminSink>();
  #nextId = 0;

  /** Lets those in whom `gate` does; `post` carries a message to whoever makes the pages. */
  constructor(gate: AdminGate, post: (message: PageOrder) => void) {
    this.#gatekeeper = new Gatekeeper(gate);
    this.#post = post;
  }

  take(request: AdminRequest): AdminPage | null {
    if (!this.#gatekeeper.admits(request)) return null;
    return { respond: (body, sink) => this.#ask(request, body, sink) };
  }

  /** A page, or part of one, has come. */
  receive(message: PageMessage): void {
    const { id } = message;
    const sink = this.#sinks.get(id);
    switch (message.type) {
      case "page-head":
        return sink?.onHead(message.head);
      case "page-part":
        return sink?.onPart(message.part);
      case "page-done":
        this.#sinks.delete(id);
        return sink?.onDone();
      case "page-broken":
        this.#sinks.delete(id);
        return sink?.onBroken(message.reason);
    }
  }

  #ask(
    request: AdminRequest,
    body: Uint8Array<ArrayBuffer>,
    sink: AdminSink,
  ): AdminResponse {
    const id = this.#nextId++;
    this.#sinks.set(id, sink);
    this.#post({ type: "page-request", id, request, body });
    return {
      pull: () => this.#post({ type: "page-pull", id }),
      cancel: () => {
        // It is called when all is over, too.
        if (!this.#sinks.delete(id)) return;
        this.#post({ type: "page-cancel", id });
      },
    };
  }
}

/** The control plane's side: makes pages for a data plane elsewhere. */
export class PageMaker {
  readonly #site: AdminSite;
  readonly #post: (message: PageMessage) => void;
  readonly #responses = new Map<number, PendingResponse>();

  /** Makes the pages of `site`; `post` carries a message to whoever has asked. */
  constructor(site: AdminSite, post: (message: PageMessage) => void) {
    this.#site = site;
    this.#post = post;
  }

  /** A page is asked for, or one that is being made is wanted further, or no more. */
  receive(order: PageOrder): void {
    const { id } = order;
    switch (order.type) {
      case "page-request": {
        const response = this.#site.respond(order.request, order.body);
        const sink = this.#sinkOf(id);
        this.#responses.set(id, new PendingResponse(response, sink));
        return;
      }
      case "page-pull":
        return this.#responses.get(id)?.pull();
      case "page-cancel":
        this.#responses.get(id)?.cancel();
        this.#responses.delete(id);
    }
  }

  /** Whoever has asked is gone. */
  cancelAll(): void {
    for (const response of this.#responses.values()) response.cancel();
    this.#responses.clear();
  }

  #sinkOf(id: number): AdminSink {
    const end = (message: PageMessage): void => {
      this.#responses.delete(id);
      this.#post(message);
    };
    return {
      onHead: (head) => this.#post({ type: "page-head", id, head }),
      onPart: (part) => this.#post({ type: "page-part", id, part }),
      onDone: () => end({ type: "page-done", id }),
      onBroken: (reason) => end({ type: "page-broken", id, reason }),
    };
  }
}
