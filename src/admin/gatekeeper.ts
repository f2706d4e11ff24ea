/**
 * Which requests on the public port are for our own pages. Pure.
 *
 * @module
 */

import type { AdminGate, AdminRequest } from "../plane/contract.ts";
import { AdminAccess } from "./access.ts";

/** Tells requests for our pages from the application's. */
export class Gatekeeper {
  /** By path: whether everyone may see it. */
  readonly #pages: ReadonlyMap<string, boolean>;
  readonly #access: AdminAccess;

  /** Reads the rules. */
  constructor({ pages, access }: AdminGate) {
    this.#pages = new Map(pages.map((page) => [page.path, page.public]));
    this.#access = new AdminAccess(access);
  }

  /** Whether the request is for one of the pages, by somebody who may see it; to all others they do not exist. */
  admits(request: AdminRequest): boolean {
    const [path = ""] = request.target.split("?", 1);
    const isPublic = this.#pages.get(path);
    if (isPublic === undefined) return false;
    return isPublic || this.#access.permits(request);
  }
}
