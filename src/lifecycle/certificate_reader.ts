/**
 * Finds what reads the certificate, and loads it only where there is one.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { ReadCertificate } from "./read_certificate.ts";

/** What reads the certificate that the settings name; `null` when they name none. It throws a `StartError` where that cannot be used. */
export async function certificateReader(
  { serverCertPath, serverKeyPath }: Config,
): Promise<(() => ReadCertificate) | null> {
  if (serverCertPath === null || serverKeyPath === null) return null;
  // A tenth of the memory of a balancer that does not speak TLS.
  const { readCertificate } = await import("./read_certificate.ts");
  return () => readCertificate({ serverCertPath, serverKeyPath });
}
