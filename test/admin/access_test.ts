/** Who counts as being on this machine, and who only seems to. */

import assert from "node:assert/strict";
import {
  AdminAccess,
  isDeliberate,
  isRebound,
} from "../../src/admin/access.ts";

const NOBODY = { adminToken: null, adminAllow: [], proxyProtocol: false };

const LOCAL_HOSTS = [
  "localhost",
  "localhost:8080",
  "LOCALHOST.",
  "metrics.localhost:8080",
  "127.0.0.1:8080",
  "10.0.0.7",
  "[::1]:8080",
];

const FOREIGN_HOSTS = [
  "evil.example",
  "evil.example:8080",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "notlocalhost",
  "",
];

for (const clientAddress of ["127.0.0.1", "127.9.9.9", "::1"]) {
  Deno.test(`a caller from ${clientAddress} is local unless it asks by a name that anybody may own`, () => {
    const access = new AdminAccess(NOBODY);
    const ask = (host: string): boolean =>
      access.permits({ clientAddress, headers: [["Host", host]] });
    for (const host of LOCAL_HOSTS) assert.equal(ask(host), true, host);
    for (const host of FOREIGN_HOSTS) assert.equal(ask(host), false, host);
    // HTTP/1.0 has no Host, and no browser speaks it.
    assert.equal(access.permits({ clientAddress, headers: [] }), true);
  });
}

for (const clientAddress of ["203.0.113.7", "10.0.0.7", "2001:db8::1", ""]) {
  Deno.test(`a caller from "${clientAddress}" is not local, whatever it asks for`, () => {
    const access = new AdminAccess(NOBODY);
    for (const host of LOCAL_HOSTS) {
      const caller = { clientAddress, headers: [["Host", host]] as const };
      assert.equal(access.permits(caller), false, host);
      assert.equal(isRebound(caller), false, host);
    }
  });
}

Deno.test("a token opens the pages by any name", () => {
  const access = new AdminAccess({ ...NOBODY, adminToken: "secret" });
  const headers = [
    ["Host", "pool.example"],
    ["Authorization", "Bearer secret"],
  ] as const;
  assert.equal(access.permits({ clientAddress: "127.0.0.1", headers }), true);
  assert.equal(access.permits({ clientAddress: "203.0.113.7", headers }), true);
});

Deno.test("the key of the run opens the pages like the token, beside it and without", () => {
  for (const adminToken of [null, "secret"]) {
    const access = new AdminAccess({
      ...NOBODY,
      proxyProtocol: true,
      adminToken,
      adminKey: "key-of-the-run",
    });
    const ask = (given: string): boolean =>
      access.permits({
        clientAddress: "unknown",
        headers: [["Authorization", `Bearer ${given}`]],
      });
    assert.equal(ask("key-of-the-run"), true);
    assert.equal(ask("key-of-the-ruN"), false);
    assert.equal(ask("key-of-the-run, secret"), false);
    assert.equal(ask("secret"), adminToken !== null);
  }
});

Deno.test("what a page elsewhere can make a browser send is not taken for a command", () => {
  // The content types of a form, and none: those need no preflight.
  for (
    const type of [
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=application/json",
      "text/plain",
      "text/plain; application/json",
      "application/jsonp",
      "",
    ]
  ) {
    assert.equal(isDeliberate([["Content-Type", type]]), false, type);
  }
  assert.equal(isDeliberate([]), false);
  // Of a login, a browser remembers the name and the password.
  assert.equal(isDeliberate([["Authorization", "Basic eDp5"]]), false);
  assert.equal(isDeliberate([["Origin", "http://localhost"]]), false);
});

Deno.test("JSON and a token are sent by those who mean it", () => {
  for (
    const field of [
      ["Content-Type", "application/json"],
      ["content-type", "application/json; charset=utf-8"],
      ["Authorization", "Bearer secret"],
    ] as const
  ) {
    assert.equal(isDeliberate([field]), true, field.join(": "));
  }
});

Deno.test("part of the token, or more than it, opens nothing", () => {
  const access = new AdminAccess({ ...NOBODY, adminToken: "secret" });
  for (const guess of ["s", "secre", "secrets", "secretsecret", "Secret"]) {
    const headers = [["Authorization", `Bearer ${guess}`]] as const;
    const caller = { clientAddress: "203.0.113.7", headers };
    assert.equal(access.permits(caller), false, guess);
  }
});
