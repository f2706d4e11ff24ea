/**
 * Which run of which pool this is: what tells one from another that has taken
 * its port.
 *
 * @module
 */

import { VERSION } from "./version.ts";

/** One run of a pool. */
export interface Instance {
  /** No other run ever has the same. */
  readonly id: string;
  /** Process id of the balancer. */
  readonly pid: number;
  /** POOL_NAME, or `null`. */
  readonly name: string | null;
  /** The version of the program. */
  readonly version: string;
}

/** Field of requests and responses of the admin pages that holds the `id`. */
export const INSTANCE_FIELD = "Prefork-Instance";

/** The run that begins now, in this process. */
export function newInstance(name: string | null): Instance {
  return { id: crypto.randomUUID(), pid: Deno.pid, name, version: VERSION };
}
