/**
 * Who is at the other end of a client connection.
 *
 * @module
 */

import type { Forwarding } from "../../http1/request_writer.ts";

/** What is known of the client beyond the request itself. */
export interface Client {
  /** IP address of the peer. */
  readonly address: string;
  readonly forwarding: Forwarding;
  /** The same for all requests of a client. */
  readonly hash: number;
}
