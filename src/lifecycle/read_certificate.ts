/**
 * Reads the certificate that clients are shown, and finds out whether it can be
 * used.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Certificate } from "../plane/contract.ts";
import type { CertificateTerm } from "./certificate_term.ts";
import { StartError } from "./start_error.ts";

/** One block of a PEM file (RFC 7468 §2). */
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /^-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;

/** Keys that the runtime can sign with: of others it notices when a client comes, and serves nobody. */
const SIGNING_KEYS: ReadonlySet<string> = new Set([
  "rsa",
  "prime256v1",
  "secp384r1",
  "secp521r1",
  "ed25519",
]);

/** Where the certificate is. */
export interface CertificatePaths {
  /** PEM: the certificate, and after it those that lead to a root. */
  readonly serverCertPath: string;
  /** PEM: its private key. */
  readonly serverKeyPath: string;
}

/** What the files hold. */
export interface ReadCertificate extends CertificateTerm {
  readonly certificate: Certificate;
}

/** Reads the files. @throws {StartError} When they cannot be used. */
export function readCertificate(paths: CertificatePaths): ReadCertificate {
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
  const kind = privateKey.asymmetricKeyDetails?.namedCurve ??
    privateKey.asymmetricKeyType ?? "unknown";
  if (!SIGNING_KEYS.has(kind)) {
    throw unusable(
      `SERVER_KEY_PATH (${serverKeyPath}) holds a key of a kind that cannot ` +
        `be used (${kind}); use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519`,
    );
  }
  const usable = { cert: cert.join("\n"), key: key.join("\n") };
  // As the data plane will: what goes wrong with it shows here, and now.
  try {
    createSecureContext(usable);
  } catch (cause) {
    throw unusable(
      `SERVER_CERT_PATH (${serverCertPath}) is not accepted: ` +
        reasonOf(cause),
      cause,
    );
  }
  return {
    certificate: usable,
    path: serverCertPath,
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
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
    throw unusable(`${setting} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

function parsed<T>(parse: () => T, otherwise: string): T {
  try {
    return parse();
  } catch (cause) {
    throw unusable(otherwise, cause);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function unusable(what: string, cause?: unknown): StartError {
  return new StartError(
    "unusable-certificate",
    `Cannot serve TLS: ${what}.`,
    cause,
  );
}
