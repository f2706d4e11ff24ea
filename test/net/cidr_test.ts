import assert from "node:assert/strict";
import { CidrSet, parseCidr } from "../../src/net/cidr.ts";

Deno.test("a network contains the addresses that share its leading bits", () => {
  const cases: readonly [string, string, boolean][] = [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["192.168.4.0/22", "192.168.7.255", true],
    ["192.168.4.0/22", "192.168.8.0", false],
    ["192.168.4.77/22", "192.168.5.1", true],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["203.0.113.9/32", "203.0.113.8", false],
    ["fd00::/8", "fdff:1::2", true],
    ["fd00::/8", "fe00::1", false],
    ["2001:db8::/33", "2001:db8:7fff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::/0", "2001:db8::1", true],
  ];
  for (const [cidr, address, expected] of cases) {
    assert.equal(
      new CidrSet([cidr]).contains(address),
      expected,
      `${address} in ${cidr}`,
    );
  }
});

Deno.test("a bare address is a network of one", () => {
  const set = new CidrSet(["10.0.0.1", "::1"]);
  assert(set.contains("10.0.0.1"));
  assert(!set.contains("10.0.0.2"));
  assert(set.contains("::1"));
  assert(set.contains("0:0:0:0:0:0:0:1"));
  assert(!set.contains("::2"));
});

Deno.test("an IPv4-mapped IPv6 address is the IPv4 address, on either side", () => {
  assert(new CidrSet(["10.0.0.0/8"]).contains("::ffff:10.1.2.3"));
  assert(new CidrSet(["10.0.0.0/8"]).contains("::ffff:a01:203"));
  assert(new CidrSet(["::ffff:10.0.0.0/104"]).contains("10.1.2.3"));
  assert(!new CidrSet(["::ffff:10.0.0.0/104"]).contains("11.1.2.3"));
});

Deno.test("no IPv6 network contains an IPv4 address, however short its prefix", () => {
  assert(!new CidrSet(["::/0"]).contains("10.0.0.1"));
  assert(!new CidrSet(["::/0"]).contains("::ffff:10.0.0.1"));
  assert(!new CidrSet(["::ffff:0:0/95"]).contains("10.0.0.1"));
  assert(!new CidrSet(["0.0.0.0/0"]).contains("::1"));
});

Deno.test("what is no address is in no network", () => {
  const all = new CidrSet(["0.0.0.0/0", "::/0"]);
  for (const text of ["", "localhost", "10.0.0", "::1%lo", "unix"]) {
    assert(!all.contains(text), text);
  }
  assert(!new CidrSet([]).contains("10.0.0.1"));
});

Deno.test("what is no network is turned down", () => {
  const malformed = [
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.0.0",
    " 10.0.0.0/8",
    "::/129",
    ":::",
    "1::2::3",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3",
  ];
  for (const text of malformed) assert.equal(parseCidr(text), null, text);
  assert.throws(() => new CidrSet(["10.0.0.0/33"]), {
    name: "TypeError",
    message: /10\.0\.0\.0\/33/,
  });
});

Deno.test("every way of writing an IPv6 address is understood", () => {
  const written = ["1:0:0:0:0:0:102:304", "1::102:304", "1::1.2.3.4"];
  for (const text of written) {
    assert(new CidrSet(["1::102:304"]).contains(text), text);
  }
  assert.notEqual(parseCidr("::"), null);
  assert.notEqual(parseCidr("1::"), null);
  assert.notEqual(parseCidr("1:2:3:4:5:6:7::"), null);
  assert.notEqual(parseCidr("ABCD::/16"), null);
});
