/**
 * The certificate that clients are shown, and how it is renewed while they
 * are served.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { BufferPool } from "../proxy/core/buffer_pool.ts";
import type { TlsServer } from "../proxy/core/handshake.ts";
import type { Link } from "../proxy/core/link.ts";
import { TlsLink } from "../transport/tls_link.ts";
import { StartError } from "./start_error.ts";

/** One block of a PEM file (RFC 7468 §2). */
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /^-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;

/** Where the certificate is. */
export interface CertificatePaths {
  /** PEM: the certificate, and after it those that lead to a root. */
  readonly serverCertPath: string;
  /** PEM: its private key. */
  readonly serverKeyPath: string;
}

/** Holds the certificate of the moment. */
export class Certificates implements TlsServer {
  readonly #paths: CertificatePaths;
  #context: SecureContext;

  /** Reads the files. @throws {StartError} When they cannot be used. */
  constructor(paths: CertificatePaths) {
    this.#paths = paths;
    this.#context = readCertificate(paths);
  }

  secure(link: Link, buffers: BufferPool): Link {
    return new TlsLink(link, buffers, this.#context);
  }

  /**
   * Reads the files anew, for the connections to come.
   *
   * @throws {StartError} When they cannot be used; what was read before stays.
   */
  reload(): void {
    this.#context = readCertificate(this.#paths);
  }
}

function readCertificate(paths: CertificatePaths): SecureContext {
  const { serverCertPath, serverKeyPath } = paths;
  const cert = pemBlocks(
    readFile(serverCertPath, "SERVER_CERT_PATH"),
    CERTIFICATE,
  );
  const key = pemBlocks(
    readFile(serverKeyPath, "SERVER_KEY_PATH"),
    PRIVATE_KEY,
  );
  // All of them: `node:tls` looks at them only when a client comes.
  const [certificate] = parsed(
    () => cert.map((block) => new X509Certificate(block)),
    `SERVER_CERT_PATH (${serverCertPath}) holds a damaged certificate`,
  );
  if (certificate === undefined) {
    throw unusable(
      `SERVER_CERT_PATH (${serverCertPath}) holds no PEM certificate`,
    );
  }
  const privateKey = parsed(
    () => createPrivateKey(key.join("\n")),
    `SERVER_KEY_PATH (${serverKeyPath}) holds no PEM private key, ` +
      "or one that is encrypted",
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusable(
      `SERVER_KEY_PATH (${serverKeyPath}) is not the key of the certificate ` +
        `in SERVER_CERT_PATH (${serverCertPath})`,
    );
  }
  return createSecureContext({
    cert: cert.join("\n"),
    key: key.join("\n"),
    minVersion: "TLSv1.2",
  });
}

/** The blocks with this label: one file may hold certificate, key and parameters. */
function pemBlocks(text: string, label: RegExp): string[] {
  const blocks = text.match(PEM_BLOCK) ?? [];
  return blocks.filter((block) => label.test(block));
}

function readFile(path: string, setting: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw unusable(
        `Deno does not permit reading ${setting} (${path}); ` +
          `run with --allow-read=${path}`,
        cause,
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unusable(`${setting} cannot be read: ${reason}`, cause);
  }
}

function parsed<T>(parse: () => T, otherwise: string): T {
  try {
    return parse();
  } catch (cause) {
    throw unusable(otherwise, cause);
  }
}

function unusable(what: string, cause?: unknown): StartError {
  return new StartError(
    "unusable-certificate",
    `Cannot serve TLS: ${what}.`,
    cause,
  );
}
