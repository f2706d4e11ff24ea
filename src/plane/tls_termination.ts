/**
 * TLS on the connections of clients, with the certificate of the moment.
 *
 * @module
 */

import { createSecureContext, type SecureContext } from "node:tls";
import type { BufferPool } from "../proxy/core/buffer_pool.ts";
import type { TlsServer } from "../proxy/core/handshake.ts";
import type { Link } from "../proxy/core/link.ts";
import { TlsLink } from "../transport/tls_link.ts";
import type { Certificate } from "./contract.ts";

/** Holds the certificate of the moment. */
export class TlsTermination implements TlsServer {
  #context: SecureContext;

  /** Begins with `certificate`. */
  constructor(certificate: Certificate) {
    this.#context = contextOf(certificate);
  }

  secure(link: Link, buffers: BufferPool): Link {
    return new TlsLink(link, buffers, this.#context);
  }

  /** Serves the connections to come with another certificate. */
  renew(certificate: Certificate): void {
    this.#context = contextOf(certificate);
  }
}

function contextOf({ cert, key }: Certificate): SecureContext {
  return createSecureContext({ cert, key, minVersion: "TLSv1.2" });
}
