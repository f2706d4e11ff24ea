/**
 * What is said of a certificate's dates.
 *
 * @module
 */

import assert from "node:assert/strict";
import { termRemark } from "../../src/lifecycle/certificate_term.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const path = "cert.pem";
const validFrom = Date.parse("2026-03-01T10:00:00Z");

/** What is said of one that lives for so many days, at that share of its life. */
function remark(days: number, share: number): string | null {
  const validTo = validFrom + days * DAY_MS;
  const now = validFrom + share * days * DAY_MS;
  return termRemark({ path, validFrom, validTo }, now);
}

Deno.test("a certificate that is valid for long is nothing to speak of", () => {
  assert.equal(remark(90, 0), null);
  assert.equal(remark(90, 0.92), null);
});

Deno.test("one that is not valid yet is refused until then", () => {
  assert.equal(
    remark(90, -0.01),
    "The certificate in SERVER_CERT_PATH (cert.pem) is not valid before " +
      "2026-03-01T10:00:00Z: clients refuse it until then.",
  );
});

Deno.test("one that expires within a week is to be renewed", () => {
  assert.equal(
    remark(90, 0.93),
    "The certificate in SERVER_CERT_PATH (cert.pem) expires at " +
      "2026-05-30T10:00:00Z. Renew it and reload.",
  );
});

Deno.test("one that has expired is refused", () => {
  assert.equal(
    remark(90, 1.01),
    "The certificate in SERVER_CERT_PATH (cert.pem) expired at " +
      "2026-05-30T10:00:00Z: clients refuse it. Renew it and reload.",
  );
});

Deno.test("one that lives for days is spoken of when it should have been renewed", () => {
  assert.equal(remark(6, 0.7), null);
  assert.match(remark(6, 0.8)!, /expires at 2026-03-07T10:00:00Z/);
});
