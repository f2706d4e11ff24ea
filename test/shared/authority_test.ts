import assert from "node:assert/strict";
import {
  authorityOf,
  bracketed,
  reachableAuthority,
} from "../../src/shared/authority.ts";

Deno.test("RFC 3986 §3.2.2: an IPv6 address is put in brackets, no other", () => {
  assert.equal(bracketed("::1"), "[::1]");
  assert.equal(bracketed("localhost"), "localhost");
  assert.equal(authorityOf({ hostname: "::1", port: 80 }), "[::1]:80");
});

Deno.test("what listens on any address is reached on the loopback address", () => {
  const at = (hostname: string): string =>
    reachableAuthority({ hostname, port: 80 });
  assert.equal(at("0.0.0.0"), "127.0.0.1:80");
  assert.equal(at("::"), "[::1]:80");
  assert.equal(at("192.0.2.1"), "192.0.2.1:80");
});
