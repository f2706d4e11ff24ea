/**
 * TLS on the connections of clients, with the certificate of the moment.
 *
 * @module
 */

import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsServer } from "../proxy/arrival.ts";
import { TlsTransport } from "../proxy/tls_transport.ts";
import type { Transport } from "../proxy/transport.ts";
import type { Certificate } from "./contract.ts";

/** Holds the certificate of the moment. */
export class TlsTermination implements TlsServer {
  #context: SecureContext;

  /** Begins with `certificate`. */
  constructor(certificate: Certificate) {
    this.#context = contextOf(certificate);
  }

  secure(transport: Transport, first: Uint8Array): Transport {
    return new TlsTransport(transport, first, this.#context);
  }

  /** Serves the connections to come with another certificate. */
  renew(certificate: Certificate): void {
    this.#context = contextOf(certificate);
  }
}

function contextOf({ cert, key }: Certificate): SecureContext {
  return createSecureContext({ cert, key, minVersion: "TLSv1.2" });
}
