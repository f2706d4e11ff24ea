/**
 * Opening connections to workers with Deno's own.
 *
 * @module
 */

import { abortAtEndOfTurn } from "../../net/abort_at_end_of_turn.ts";
import { isExhaustion, isOutOfPorts } from "../../net/exhaustion.ts";
import { MEDIUM_BUFFER_BYTES } from "../../proxy/core/buffer_pool.ts";
import type {
  Cancellable,
  ConnectFailure,
  ConnectHandler,
  Connector,
  Destination,
} from "../../proxy/core/link.ts";
import { DenoLink, type LinkSurroundings } from "./link.ts";

/** Opens connections. */
export class DenoConnector implements Connector {
  readonly #surroundings: LinkSurroundings;

  /** Creates a connector whose links share `surroundings`. */
  constructor(surroundings: LinkSurroundings) {
    this.#surroundings = surroundings;
  }

  connect(to: Destination, handler: ConnectHandler): Cancellable {
    const cut = new AbortController();
    let cancelled = false;
    const options = { hostname: to.hostname, port: to.port };
    Deno.connect({ ...options, signal: cut.signal }).then((conn) => {
      if (cancelled) return conn.close();
      conn.setNoDelay(true);
      handler.onConnected(
        new DenoLink(conn, this.#surroundings, MEDIUM_BUFFER_BYTES),
      );
    }, (error) => {
      if (!cancelled) handler.onConnectFailed(failureOf(error));
    });
    return {
      cancel: () => {
        cancelled = true;
        abortAtEndOfTurn(cut);
      },
    };
  }
}

function failureOf(error: unknown): ConnectFailure {
  if (isExhaustion(error)) {
    // The runtime has no class for these: all are called `Error`.
    const { code } = error as { readonly code: string };
    return { reason: "exhausted", detail: code };
  }
  const detail = error instanceof Error ? error.name : String(error);
  if (isOutOfPorts(error)) return { reason: "out-of-ports", detail };
  return error instanceof Deno.errors.ConnectionRefused
    ? { reason: "refused", detail }
    : { reason: "other", detail };
}
