/**
 * The admin pages as a part that is started and stopped: on the public port,
 * or on one of their own.
 *
 * @module
 */

import {
  type AdminPages,
  type AdminSources,
  createAdmin,
} from "../admin/admin.ts";
import type { AccessOptions } from "../admin/access.ts";
import { adminSite, serveAdmin } from "../admin/serve_admin.ts";
import type { AdminSite } from "../plane/contract.ts";
import type { AdminEndpoint } from "../registry/pool_record.ts";
import { settledWithin } from "../shared/settled_within.ts";
import { listenError } from "./start_error.ts";

/**
 * How long clients may take, once nothing is to be served any more, to send
 * the rest of a request and to read their response, in milliseconds.
 */
const STOP_TIMEOUT_MS = 2_000;

/** Where the pages are, and who may see them. */
export interface AdminServiceOptions extends AccessOptions {
  /** Port of their own; `null` serves them on the public one. */
  readonly adminPort: number | null;
  /** Address of that port. */
  readonly adminHost: string;
}

/** Starts and stops the admin pages. */
export class AdminService {
  readonly #options: AdminServiceOptions;
  readonly #pages: AdminPages;
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;

  /** Makes the pages; nothing is started. */
  constructor(options: AdminServiceOptions, sources: AdminSources) {
    this.#options = options;
    this.#pages = createAdmin(sources);
  }

  /** Where the pages are on a port of their own; else `null`. */
  get address(): Deno.NetAddr | null {
    return this.#server?.addr ?? null;
  }

  /** How they are reached there; else `null`. */
  get endpoint(): AdminEndpoint | null {
    if (this.#server === null) return null;
    const { hostname: host, port } = this.#server.addr;
    return {
      transport: "tcp",
      host,
      port,
      tls: false,
      proxyProtocol: false,
    };
  }

  /**
   * Begins to serve, and returns the pages on the public
   * port: `null` when they have one of their own.
   *
   * @throws {StartError} When that cannot be listened on.
   */
  async start(): Promise<AdminSite | null> {
    const { app } = this.#pages;
    const { adminHost, adminPort } = this.#options;
    if (adminPort === null) return adminSite(app, this.#options);
    try {
      this.#server = serveAdmin(app, { ...this.#options, adminPort });
      return null;
    } catch (error) {
      throw await listenError({
        host: adminHost,
        port: adminPort,
        hostSetting: "ADMIN_HOST",
        portSetting: "ADMIN_PORT",
      }, error);
    }
  }

  /**
   * Ends what is under way, and resolves when nothing is served any more. Whoever
   * keeps the rest of a request back by then, or does not read the response, is
   * left to the end of the process.
   */
  async stop(): Promise<void> {
    this.#pages.close();
    if (this.#server === null) return;
    const ended = this.#server.shutdown();
    if (!await settledWithin(ended, STOP_TIMEOUT_MS)) this.#server.unref();
  }
}
