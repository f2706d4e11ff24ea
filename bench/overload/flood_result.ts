/**
 * What the flood is told and what it tells.
 *
 * @module
 */

import type { HttpClientOptions } from "../support/http_client.ts";
import type { Target } from "../support/node_apps.ts";
import type { Distribution } from "../tail/load_result.ts";

/** What the flood shall be. */
export interface FloodSpec extends HttpClientOptions {
  /** Connections at once. */
  readonly clients: number;
  readonly seed: number;
  readonly targets: readonly Target[];
}

/** What came of it. */
export interface FloodResult {
  readonly clients: number;
  /** Answered 200. */
  readonly succeeded: number;
  /** Answered 503. */
  readonly rejected: number;
  /** Anything else. */
  readonly failed: number;
  /** When the answers were there, from the beginning of the flood. */
  readonly answered: Distribution;
}
