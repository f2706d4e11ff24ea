import assert from "node:assert/strict";
import { canonicalAddress } from "../../src/net/ip_address.ts";

Deno.test("an address has one text, however it is written", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["0:0:0:0:0:FFFF:C000:0207", "192.0.2.7"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    // RFC 5952 §4.2.2: one group of zeros stays.
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    // §4.2.3: the longest run, the first of equal ones.
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["fe80:0:0:0:1:2:0:0", "fe80::1:2:0:0"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["010.0.0.1", null],
    ["1.2.3", null],
    [":::", null],
    ["fe80::1%eth0", null],
    ["", null],
  ];
  for (const [text, expected] of cases) {
    assert.equal(canonicalAddress(text), expected, text);
  }
});
