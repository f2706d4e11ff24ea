/**
 * What the clients are told and what they tell.
 *
 * @module
 */

import { FAILURES, type HttpClientOptions } from "../support/http_client.ts";

/** What the clients shall do. */
export interface LoadSpec extends HttpClientOptions {
  readonly clients: number;
  readonly seed: number;
}

/** Every way to fail, in the order of the table: those of a connection, and an answer other than 200. */
export const FAULTS = [...FAILURES, "status"] as const;

/** One way to fail. */
export type Fault = typeof FAULTS[number];

/** What came of the requests of one method. */
export interface Tally {
  requests: number;
  readonly failures: Record<Fault, number>;
}

/** What came of all requests. */
export interface LoadResult {
  readonly get: Tally;
  readonly post: Tally;
  /** The POSTs that were answered 200, by their ids. */
  readonly answeredPosts: string[];
}

/** Nothing yet. */
export function emptyTally(): Tally {
  return {
    requests: 0,
    failures: {
      refused: 0,
      stale: 0,
      reset: 0,
      cut: 0,
      timeout: 0,
      status: 0,
    },
  };
}

/** All failures of a method. */
export function failureCount({ failures }: Tally): number {
  return FAULTS.reduce((sum, fault) => sum + failures[fault], 0);
}
