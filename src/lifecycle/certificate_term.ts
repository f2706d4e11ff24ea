/**
 * Whether clients take a certificate at a certain time. Pure.
 *
 * @module
 */

const DAY_MS = 24 * 60 * 60 * 1000;

/** So long before its end whoever renews a certificate by hand wants to know. */
const NOTICE_MS = 7 * DAY_MS;

/** A certificate that lives for days is renewed when a third of its life is left: with less than this, it should have been. */
const NOTICE_SHARE = 1 / 4;

/** From when to when a certificate is valid, in milliseconds since 1970. */
export interface CertificateTerm {
  /** The file it is in. */
  readonly path: string;
  readonly validFrom: number;
  readonly validTo: number;
}

/** Returns what is to be said of it, as whole sentences; `null` while it is valid, and for a while yet. */
export function termRemark(
  { path, validFrom, validTo }: CertificateTerm,
  now: number,
): string | null {
  const certificate = `The certificate in SERVER_CERT_PATH (${path})`;
  if (now < validFrom) {
    return `${certificate} is not valid before ${dateText(validFrom)}: ` +
      "clients refuse it until then.";
  }
  if (now > validTo) {
    return `${certificate} expired at ${dateText(validTo)}: ` +
      "clients refuse it. Renew it and reload.";
  }
  const notice = Math.min(NOTICE_MS, (validTo - validFrom) * NOTICE_SHARE);
  return validTo - now >= notice
    ? null
    : `${certificate} expires at ${dateText(validTo)}. Renew it and reload.`;
}

/** To the second, as certificates have it. */
function dateText(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}
