import assert from "node:assert/strict";
import { NO_BODY } from "../../src/http1/body_length.ts";
import { MAX_FIELDS } from "../../src/http1/field_table.ts";
import {
  Method,
  parseRequestHead,
  RequestHead,
} from "../../src/http1/request_head.ts";
import { toBytes } from "../support/raw_socket.ts";
import {
  checkPrefixes,
  judgeRequest,
  parseRequest,
  targetOf,
  type Verdict,
} from "./parsing.ts";

/** A head with these field lines beside Host. */
function withFields(...lines: readonly string[]): string {
  return ["GET / HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n");
}

function withLine(line: string): string {
  return `${line}\r\nHost: a\r\n\r\n`;
}

function withHost(host: string): string {
  return `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** Heads that are refused, by clause. */
const REFUSED: readonly [clause: string, status: number, heads: string[]][] = [
  ["RFC 9112 §2.2: bare CR and bare LF", 400, [
    "\r" + withFields(),
    "\n" + withFields(),
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\rZ",
    "GET / HTTP/1.1\rX\r\nHost: a\r\n\r\n",
    withFields("A: b\rC: d"),
    withFields("A: b\nC: d"),
  ]],
  ["RFC 9112 §2.2: white space before the first field", 400, [
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
  ]],
  ["RFC 9112 §2.3: another major version", 505, [
    withLine("GET / HTTP/2.0"),
    withLine("GET / HTTP/0.9"),
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ]],
  ["RFC 9112 §2.3: what is no version", 400, [
    withLine("GET / HTTP/1.10"),
    withLine("GET / HTTP/1.:"),
    withLine("GET / HTTP/1./"),
    withLine("GET / HTTP/1.x"),
    withLine("GET / http/1.1"),
    withLine("GET / HTTP/1"),
    withLine("GET /"),
    withLine("GET / XTTP/2.0"),
  ]],
  ["RFC 9112 §3: anything but single spaces", 400, [
    withLine("GET  / HTTP/1.1"),
    withLine("GET /  HTTP/1.1"),
    withLine("GET\t/ HTTP/1.1"),
    withLine("GET / HTTP/1.1 "),
    withLine(" GET / HTTP/1.1"),
    withLine("GET / x HTTP/1.1"),
  ]],
  ["RFC 9112 §3.1: what is no method", 400, [
    withLine("G(T / HTTP/1.1"),
    withLine("G\0T / HTTP/1.1"),
    withLine("G\x80T / HTTP/1.1"),
    withLine(`${"M".repeat(33)} / HTTP/1.1`),
  ]],
  ["RFC 9112 §3.2: octets that no target has", 400, [
    ...["\0", "\x01", "\x7f", "\x80", "\xff", "#", "\t"].map((octet) =>
      withLine(`GET /a${octet}b HTTP/1.1`)
    ),
  ]],
  ["RFC 9112 §3.2: not exactly one Host", 400, [
    "GET / HTTP/1.1\r\n\r\n",
    withFields("Host: a"),
    withFields("HOST: b"),
    "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
  ]],
  ["RFC 9112 §3.2: an invalid Host", 400, [
    ...["", "a b", "u@a", "a/b", "a:b", "a:1:2", ":1", "::1", "[::1", "[]"]
      .map(withHost),
    withHost("[::1]x"),
    withHost("a:123456"),
    withHost("a\xe9"),
  ]],
  ["RFC 9112 §3.2.2: an authority other than Host", 400, [
    withLine("GET http://b/ HTTP/1.1"),
    withLine("GET http://ab/ HTTP/1.1"),
    withLine("GET http://a:443/ HTTP/1.1"),
    withLine("GET https://a:80/ HTTP/1.1"),
    withLine("GET ws://a:443/ HTTP/1.1"),
    withLine("GET http://a:080/ HTTP/1.1"),
    withLine("GET http://a.:80/ HTTP/1.1"),
    withLine("GET http://u@a/ HTTP/1.1"),
    withLine("GET ws://u:p@a:80/ HTTP/1.1"),
    withLine("GET http://a:80:80/ HTTP/1.1"),
    withLine("GET http://a\\:80/ HTTP/1.1"),
    "GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n",
    "GET http://[::1]:81/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    withLine("GET http:/// HTTP/1.1"),
    "GET http:/// HTTP/1.0\r\n\r\n",
  ]],
  ["RFC 9112 §3.2: a target of no form", 400, [
    withLine("GET a HTTP/1.1"),
    withLine("GET ftp://a/ HTTP/1.1"),
    withLine("GET a:80 HTTP/1.1"),
    withLine("GET * HTTP/1.1"),
  ]],
  ["RFC 9110 §9.3.6 and §9.3.8: CONNECT and TRACE", 405, [
    withLine("CONNECT a:80 HTTP/1.1"),
    withLine("TRACE / HTTP/1.1"),
  ]],
  ["RFC 9110 §10.1.1: another expectation than 100-continue", 417, [
    ...[
      "",
      "x",
      "y 100-continue",
      "100-continue, x",
      "x, 100-continue",
      "100-continue,",
      "100-continue, 100-continue",
      "100-continue;q=1",
      '"100-continue"',
      "100-continued",
      "100-continu",
      "\xa0100-continue",
    ].map((value) => withFields(`Expect: ${value}`)),
    withFields("Expect: 100-continue", "expect: 100-continue"),
    withFields("Expect: 100-continue", "Expect: x"),
    "POST / HTTP/1.0\r\nExpect: x\r\n\r\n",
  ]],
  ["RFC 9112 §5: what is no field line", 400, [
    withFields("A"),
    withFields(": b"),
    withFields("A B: c"),
    withFields("A\xe9: b"),
    withFields("A: \0"),
    withFields("A: \x1f"),
    withFields("A: \x7f"),
  ]],
  ["RFC 9112 §5.1: white space before the colon", 400, [
    withFields("A : b"),
    withFields("A\t: b"),
  ]],
  ["RFC 9112 §5.2: folded lines", 400, [
    withFields("A: b", " c"),
    withFields("A: b", "\tc"),
  ]],
  ["RFC 6585 §5: too many fields", 431, [
    withFields(...new Array(MAX_FIELDS).fill("A: b")),
  ]],
];

for (const [clause, status, heads] of REFUSED) {
  Deno.test(`${clause}: refused with ${status}, wherever the head is cut`, () => {
    const refused: Verdict = `refused ${status}`;
    for (const head of heads) {
      assert.equal(judgeRequest(head), refused, JSON.stringify(head));
      checkPrefixes(head, judgeRequest);
    }
  });
}

Deno.test("a valid head is incomplete at every prefix, and then ends where it ends", () => {
  const heads = [
    "\r\n\r\n" + withFields("A: \xe9\t b "),
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET http://a HTTP/1.0\r\n\r\n",
    withFields("Transfer-Encoding: chunked"),
    withFields("Content-Length: 3", "Content-Length: 03"),
    withFields(...new Array(MAX_FIELDS - 1).fill("A: b")),
  ];
  for (const head of heads) {
    assert.equal(judgeRequest(head + "GET /next"), head.length);
    for (let end = 0; end < head.length; end++) {
      assert.equal(judgeRequest(head.slice(0, end)), "incomplete", `${end}`);
    }
  }
});

Deno.test("RFC 9110 §2.5: a higher minor version is served as HTTP/1.1", () => {
  for (
    const [version, minor] of [["1.0", 0], ["1.1", 1], ["1.2", 1], ["1.9", 1]]
  ) {
    const { head } = parseRequest(withLine(`GET / HTTP/${version}`));
    assert.equal(head.minorVersion, minor);
    assert.equal(head.keepAlive, minor === 1);
  }
});

Deno.test("RFC 9110 §4.2.3: hosts have no case, and a port that need not be said is no difference", () => {
  const same = [
    ["http://a:80/x", "a"],
    ["http://a/x", "a:80"],
    ["http://a:/x", "a"],
    ["http://a/x", "a:"],
    ["HTTP://A:80/x", "a:80"],
    ["http://a:8080/x", "A:8080"],
    ["https://a:443/x", "a"],
    ["https://a/x", "a:443"],
    ["ws://a/x", "a"],
    ["WS://a:80/x", "a"],
    ["wss://a:443/x", "a"],
    ["wss://[2001:DB8::1]:443/x", "[2001:db8::1]"],
    ["http://[::1]/x", "[::1]:80"],
    ["http://[::1]:8080/x", "[::1]:8080"],
  ] as const;
  for (const [target, host] of same) {
    const request = parseRequest(
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    assert.equal(targetOf(request), "/x", `${target} and ${host}`);
  }
});

Deno.test("RFC 9112 §3: a target of 8000 octets is taken", () => {
  const target = "/" + "a".repeat(7999);
  assert.equal(
    targetOf(parseRequest(withLine(`GET ${target} HTTP/1.1`))),
    target,
  );
});

Deno.test("RFC 9112 §3.2: targets are never decoded", () => {
  for (const target of ["/%2e%2e/%00", "//a", "/../b", '/?{}|"<>\\^`', "/\\"]) {
    const request = parseRequest(withLine(`GET ${target} HTTP/1.1`));
    assert.equal(targetOf(request), target);
  }
});

Deno.test("RFC 9112 §3.2.2: absolute form is taken to origin form", () => {
  const cases = [
    ["GET http://a/b?c HTTP/1.1", "/b?c"],
    ["GET HTTPS://A/b HTTP/1.1", "/b"],
    ["GET http://a?b HTTP/1.1", "?b"],
    ["GET http://a HTTP/1.1", ""],
  ] as const;
  for (const [line, target] of cases) {
    const request = parseRequest(withLine(line));
    assert.equal(targetOf(request), target);
    assert.ok(request.head.absolute);
  }
});

Deno.test("RFC 9110 §9.1: methods are told apart by case", () => {
  const cases = [
    ["GET", Method.GET, true],
    ["HEAD", Method.HEAD, true],
    ["PUT", Method.PUT, true],
    ["DELETE", Method.DELETE, true],
    ["OPTIONS", Method.OPTIONS, true],
    ["POST", Method.OTHER, false],
    ["get", Method.OTHER, false],
    ["GETS", Method.OTHER, false],
  ] as const;
  for (const [name, method, idempotent] of cases) {
    const { head } = parseRequest(withLine(`${name} / HTTP/1.1`));
    assert.equal(head.method, method, name);
    assert.equal(head.idempotent, idempotent, name);
  }
});

Deno.test("RFC 9112 §9.3: what version and Connection say of the next request", () => {
  const cases = [
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: a, CLOSE", false],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive", true],
    ["HTTP/1.0", "Connection: keep-alive, close", false],
    ["HTTP/1.1", "Connection: closed", true],
  ] as const;
  for (const [version, line, keepAlive] of cases) {
    const fields = line && `${line}\r\n`;
    const text = `GET / ${version}\r\nHost: a\r\n${fields}\r\n`;
    assert.equal(parseRequest(text).head.keepAlive, keepAlive, text);
  }
});

Deno.test("RFC 9110 §7.8: an upgrade is passed on only for GET and OPTIONS without a body on HTTP/1.1, and never to what carries HTTP", () => {
  const asked = ["Connection: Upgrade", "Upgrade: websocket"];
  const upgrades = (text: string): boolean => parseRequest(text).head.upgrade;
  assert.ok(upgrades(withFields(...asked)));
  assert.ok(upgrades(withFields(...asked, "Content-Length: 0")));
  assert.ok(upgrades(withFields(...asked).replace("GET", "OPTIONS")));
  assert.ok(upgrades(withFields("Connection: Upgrade", "Upgrade: a, h2c")));
  assert.ok(upgrades(withFields(...asked, "Upgrade: h2c")));
  assert.ok(upgrades(withFields("Upgrade: h2c", ...asked)));
  for (
    const text of [
      withFields("Upgrade: websocket"),
      withFields("Connection: Upgrade"),
      withFields("Connection: Upgrade", "Upgrade:"),
      withFields("Connection: Upgrade", "Upgrade: H2C"),
      withFields("Connection: Upgrade", "Upgrade: h2c, TLS/1.0"),
      withFields("Connection: Upgrade", "Upgrade: HTTP/2.0", "Upgrade: h2c"),
      withFields(...asked, "Content-Length: 1"),
      withFields(...asked, "Transfer-Encoding: chunked"),
      withFields(...asked).replace("GET", "POST"),
      withFields(...asked).replace("HTTP/1.1", "HTTP/1.0"),
    ]
  ) assert.ok(!upgrades(text), text);
});

Deno.test("RFC 9110 §10.1.1: 100-continue is heeded on HTTP/1.1 only", () => {
  const text = withFields("Expect: 100-Continue");
  assert.ok(parseRequest(text).head.expectsContinue);
  const old = text.replace("HTTP/1.1", "HTTP/1.0");
  assert.ok(!parseRequest(old).head.expectsContinue);
});

Deno.test("a head that is used again keeps nothing of the request before", () => {
  const head = new RequestHead();
  const parse = (text: string): void => {
    const bytes = toBytes(text);
    parseRequestHead(bytes, 0, bytes.length, head);
  };
  parse(withFields("Connection: close, Upgrade", "Upgrade: a"));
  assert.ok(head.upgrade && !head.keepAlive);
  parse("POST http://b HTTP/1.0\r\nContent-Length: 3\r\n\r\n");
  assert.ok(head.absolute && head.hostEnd > head.hostStart);
  parse("GET / HTTP/1.0\r\n\r\n");
  assert.deepEqual(
    [head.upgrade, head.absolute, head.hostEnd, head.fields.count, head.body],
    [false, false, 0, 0, NO_BODY],
  );
});
