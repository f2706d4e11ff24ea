import assert from "node:assert/strict";
import { ByteWriter } from "../../src/http1/byte_writer.ts";
import {
  forwarding,
  type ForwardingText,
  REQUEST_HEAD_GROWTH,
  trustedRequestId,
  writeRequestHead,
} from "../../src/http1/request_writer.ts";
import { toBytes, toText } from "../support/raw_socket.ts";
import { parseRequest } from "./parsing.ts";

const PEER: ForwardingText = {
  trusted: false,
  address: "192.0.2.7",
  proto: "http",
  port: 8080,
  defaultHost: "localhost:8080",
};
const TRUSTED = { ...PEER, trusted: true };

/** The forwarding fields of an untrusted client that asked for Host a. */
const OURS = "X-Forwarded-For: 192.0.2.7\r\n" +
  "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n" +
  "X-Forwarded-Host: a\r\n" +
  'Forwarded: for=192.0.2.7;proto=http;host="a"\r\n';
const ID = "X-Request-Id: id\r\n";

function write(text: string, peer: ForwardingText = PEER): string {
  const { head, bytes } = parseRequest(text);
  const out = new ByteWriter();
  out.reset(new Uint8Array(3 * text.length + REQUEST_HEAD_GROWTH));
  writeRequestHead(out, bytes, head, {
    forwarding: forwarding(peer),
    requestId: toBytes("id"),
  });
  assert.ok(out.at <= out.bytes.length, "the room that is promised is enough");
  return toText(out.bytes.subarray(0, out.at));
}

/** What becomes of these field lines of a GET: those before our own. */
function passedOn(lines: string, peer: ForwardingText = PEER): string {
  const head = "GET / HTTP/1.1\r\nHost: a\r\n";
  const written = write(`${head}${lines}\r\n`, peer);
  assert.ok(written.startsWith(head), written);
  return written.slice(head.length, written.indexOf("X-Forwarded-For:"));
}

/** The field lines of this name. */
function linesOf(written: string, name: string): string[] {
  return written.split("\r\n").filter((line) =>
    line.toLowerCase().startsWith(`${name.toLowerCase()}:`)
  );
}

Deno.test("a request goes on as it came, with our fields behind it", () => {
  const text = "POST /a?b HTTP/1.1\r\nhOst: a\r\nX-A: 1\r\nx-a:  2 \r\n";
  assert.equal(
    write(`${text}\r\n`),
    `POST /a?b HTTP/1.1\r\nhOst: a\r\nX-A: 1\r\nx-a:  2\r\n${OURS}${ID}\r\n`,
  );
});

Deno.test("RFC 9110 §7.6.1: the fields of this hop are taken out", () => {
  const lines = [
    "Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authenticate: Basic",
    "Proxy-Authorization: Basic YTpi",
    "TE: gzip",
    "Trailer: X-T",
    "Upgrade: foo",
    "HTTP2-Settings: AAMA",
    "Proxy: http://evil",
  ];
  for (const line of lines) {
    assert.equal(passedOn(`${line}\r\nX-A: b\r\n`), "X-A: b\r\n", line);
  }
});

Deno.test("RFC 9110 §7.6.1: fields that Connection names are taken out, before and after it", () => {
  assert.equal(
    passedOn(
      "X-Hop: 1\r\nConnection: close, x-hop\r\nX-HOP: 2\r\nX-Hops: 3\r\n",
    ),
    "X-Hops: 3\r\n",
  );
});

Deno.test("RFC 9110 §7.6.1: what the message needs cannot be taken out by naming it", () => {
  const named =
    "Connection: Host, Content-Length, X-Forwarded-For, Forwarded, " +
    "X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Request-Id\r\n";
  assert.equal(
    write(`POST / HTTP/1.1\r\nHost: a\r\n${named}Content-Length: 3\r\n\r\n`),
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n${OURS}${ID}\r\n`,
  );
  assert.equal(
    passedOn("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n"),
    "Transfer-Encoding: chunked\r\n",
  );
});

Deno.test("RFC 9110 §10.1.4: of TE only trailers is kept", () => {
  const kept = "TE: trailers\r\nConnection: TE\r\n";
  assert.equal(passedOn("TE: gzip;q=1, Trailers\r\nConnection: TE\r\n"), kept);
  assert.equal(passedOn("TE: gzip\r\nTE: trailers\r\n"), kept);
  assert.equal(passedOn("TE: trailersx\r\n"), "");
});

Deno.test("RFC 9110 §7.8: an upgrade that may be is asked for again", () => {
  const asked = "Upgrade: websocket\r\nConnection: x, Upgrade\r\n";
  const kept = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  assert.equal(passedOn(asked), kept);
  assert.equal(passedOn(`${asked}TE: trailers\r\n`), kept);
  assert.equal(passedOn("Upgrade: h2c\r\nConnection: Upgrade\r\n"), "");
  const listed =
    "Upgrade: h2c, websocket,HTTP/2.0, b/1\r\nUpgrade: tls/1.3\r\n";
  assert.equal(
    passedOn(`${listed}Connection: Upgrade\r\n`),
    "Upgrade: websocket, b/1\r\nConnection: Upgrade\r\n",
  );
});

Deno.test("RFC 9112 §6: the body's framing is written anew", () => {
  const cases = [
    ["Content-Length: 007\r\n", "Content-Length: 7\r\n"],
    ["Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length: 3\r\n"],
    ["Content-Length: 0\r\n", "Content-Length: 0\r\n"],
    ["Transfer-Encoding: CHUNKED\r\n", "Transfer-Encoding: chunked\r\n"],
    ["", ""],
  ] as const;
  for (const [lines, written] of cases) {
    assert.equal(passedOn(lines), written, lines);
  }
});

Deno.test("RFC 9110 §10.1.1: Expect goes on, but not for HTTP/1.0", () => {
  const lines = "Expect: 100-continue\r\n";
  assert.equal(passedOn(lines), lines);
  const old = write(`GET / HTTP/1.0\r\nHost: a\r\n${lines}\r\n`);
  assert.deepEqual(linesOf(old, "Expect"), []);
});

Deno.test("RFC 9112 §2.3: HTTP/1.0 goes on as HTTP/1.1, with a Host", () => {
  assert.equal(
    write("GET / HTTP/1.0\r\n\r\n"),
    "GET / HTTP/1.1\r\nHost: localhost:8080\r\n" +
      OURS.replace("X-Forwarded-Host: a\r\n", "").replace(';host="a"', "") +
      `${ID}\r\n`,
  );
});

Deno.test("RFC 9112 §3.2.2: absolute form goes on in origin form, its authority as Host", () => {
  const cases = [
    ["GET http://a/b?c HTTP/1.1", "GET /b?c HTTP/1.1"],
    ["GET http://a?b HTTP/1.1", "GET /?b HTTP/1.1"],
    ["GET http://a HTTP/1.1", "GET / HTTP/1.1"],
    ["OPTIONS http://a HTTP/1.1", "OPTIONS * HTTP/1.1"],
  ] as const;
  for (const [line, written] of cases) {
    const head = write(`${line}\r\nHost: a\r\n\r\n`);
    assert.equal(head, `${written}\r\nHost: a\r\n${OURS}${ID}\r\n`);
  }
  assert.equal(
    write("GET http://a/b HTTP/1.0\r\n\r\n"),
    `GET /b HTTP/1.1\r\nHost: a\r\n${OURS}${ID}\r\n`,
  );
});

Deno.test("RFC 7239 §4: what an untrusted client says of its way is replaced", () => {
  const said = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n" +
    "X-Forwarded-Port: 1\r\nX-Forwarded-Host: evil\r\n" +
    "Forwarded: for=6.6.6.6\r\nX-Request-Id: theirs\r\n";
  assert.equal(
    write(`GET / HTTP/1.1\r\nHost: a\r\n${said}${said}\r\n`),
    `GET / HTTP/1.1\r\nHost: a\r\n${OURS}${ID}\r\n`,
  );
});

Deno.test("RFC 7239 §4: what a trusted proxy says is kept, and added to", () => {
  const said = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n" +
    "X-Forwarded-Port: 443\r\nX-Forwarded-Host: b\r\n" +
    "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n" +
    "X-Forwarded-For:\r\n";
  const head = write(`GET / HTTP/1.1\r\nHost: a\r\n${said}\r\n`, TRUSTED);
  const expected = [
    ["X-Forwarded-For", "6.6.6.6, 7.7.7.7, 192.0.2.7"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Port", "443"],
    ["X-Forwarded-Host", "b"],
    ["Forwarded", 'for=6.6.6.6, for=192.0.2.7;proto=http;host="a"'],
  ] as const;
  for (const [name, value] of expected) {
    assert.deepEqual(linesOf(head, name), [`${name}: ${value}`]);
  }
  const bare = "GET / HTTP/1.1\r\nHost: a\r\n";
  assert.equal(write(`${bare}\r\n`, TRUSTED), `${bare}${OURS}${ID}\r\n`);
});

/** The fields that say whom a request is forwarded for, in one kind and in the other. */
function forwardedAs(
  lines: string,
  peer: Partial<ForwardingText> = {},
): Record<string, string> {
  const head = write(
    `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`,
    { ...TRUSTED, ...peer },
  );
  const names = ["For", "Proto", "Host", "Port"].map((n) => `X-Forwarded-${n}`);
  return Object.fromEntries(
    [...names, "Forwarded"].flatMap((name) =>
      linesOf(head, name).map((line) => [name, line.slice(name.length + 2)])
    ),
  );
}

Deno.test("RFC 7239 §7.4: Forwarded says what a trusted proxy has said in X-Forwarded-*", () => {
  const cases = [
    [
      "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n",
      'for=6.6.6.6;proto=https;host="b", for=192.0.2.7;proto=https',
    ],
    [
      "X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-For: 8.8.8.8\r\n",
      'for=6.6.6.6;proto=http;host="a", for=7.7.7.7, for=8.8.8.8, for=192.0.2.7;proto=http',
    ],
    ["X-Forwarded-Proto: https\r\n", 'for=192.0.2.7;proto=https;host="a"'],
    [
      "X-Forwarded-Host: b:8443\r\n",
      'for=192.0.2.7;proto=http;host="b:8443"',
    ],
    [
      "X-Forwarded-For: ::1, [2001:db8::1]:80, 6.6.6.6:80, unknown, _x\r\n" +
      "X-Forwarded-Proto: https, http\r\nX-Forwarded-Host: b, c\r\n",
      'for="[::1]";proto=https;host="b", for="[2001:db8::1]:80", ' +
      'for="6.6.6.6:80", for=unknown, for=_x, for=192.0.2.7;proto=https',
    ],
    // What cannot be said in Forwarded is not.
    [
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: "\r\nX-Forwarded-Host: "\r\n',
      "for=6.6.6.6, for=192.0.2.7",
    ],
    ["X-Forwarded-For: 6.6.6.6, evil.example\r\n", undefined],
    ['X-Forwarded-For: 6.6.6.6";proto=x\r\n', undefined],
    ["X-Forwarded-For: 6.6.6\r\n", undefined],
    ["X-Forwarded-For: [::1[\r\n", undefined],
    ["X-Forwarded-For: [6]\r\n", undefined],
    [`X-Forwarded-For: ${"6.6.6.6,".repeat(17)}\r\n`, undefined],
  ] as const;
  for (const [lines, expected] of cases) {
    assert.equal(forwardedAs(lines)["Forwarded"], expected, lines);
  }
});

Deno.test("RFC 7239 §7.4: X-Forwarded-* say what a trusted proxy has said in Forwarded", () => {
  const ours = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "a",
    "X-Forwarded-Port": "8080",
  };
  const element = 'for=192.0.2.7;proto=http;host="a"';
  const cases = [
    ["for=6.6.6.6", { "X-Forwarded-For": "6.6.6.6, 192.0.2.7" }],
    [
      'For="[2001:db8::1]:47011";Proto=HTTPS;by=_x ; Host="b:8443" , for=7.7.7.7',
      {
        "X-Forwarded-For": "2001:db8::1, 7.7.7.7, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "b:8443",
        "X-Forwarded-Port": undefined,
      },
    ],
    ['for=unknown, , for="_a\\b"', {
      "X-Forwarded-For": "unknown, _ab, 192.0.2.7",
    }],
    ["proto=https", {
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Port": undefined,
    }],
  ] as const;
  for (const [value, differing] of cases) {
    const expected = Object.entries({ ...ours, ...differing })
      .filter(([, text]) => text !== undefined);
    assert.deepEqual(forwardedAs(`Forwarded: ${value}\r\n`), {
      ...Object.fromEntries(expected),
      Forwarded: `${value}, ${element}`,
    });
  }
  // As good as nothing.
  for (
    const malformed of [
      "for=a b",
      'for="6.6.6.6',
      "for=evil",
      "for=",
      "x",
      "host=a/b",
      "for=1.1.1.1;for=2.2.2.2",
      "",
    ]
  ) {
    assert.deepEqual(
      forwardedAs(`Forwarded: ${malformed}\r\n`),
      { ...ours, Forwarded: element },
      malformed,
    );
  }
});

Deno.test("the room for forwarding fields is enough for the longest of all", () => {
  // Fails in write() if it is not.
  const address = "2001:db8:1111:2222:3333:4444:5555:6666";
  const peer = { address, proto: "https", port: 65_535 } as const;
  const hosts = `X-Forwarded-Host: ${"b".repeat(500)}\r\n`;
  for (const node of ["::", "::1", "1.1.1.1", "_x", address]) {
    const list = `X-Forwarded-For: ${Array(16).fill(node)}\r\n`;
    forwardedAs(`${list}TE: trailers\r\nContent-Length: 3\r\n`, peer);
    forwardedAs(`${list}${hosts}`, peer);
    forwardedAs(`Forwarded: ${Array(500).fill(`for=_x`)}\r\n`, peer);
  }
});

Deno.test("X-Real-IP is replaced for untrusted clients, and kept for trusted proxies", () => {
  const said =
    "X-Real-IP: 6.6.6.6\r\nX_Real_IP: 7.7.7.7\r\nx-real-ip: 8.8.8.8\r\n";
  const head = `GET / HTTP/1.1\r\nHost: a\r\n${said}\r\n`;
  assert.deepEqual(linesOf(write(head), "X-Real-IP"), ["X-Real-IP: 192.0.2.7"]);
  assert.ok(!write(head).includes("_"));
  assert.deepEqual(linesOf(write(head, TRUSTED), "X-Real-IP"), [
    "X-Real-IP: 6.6.6.6",
    "x-real-ip: 8.8.8.8",
  ]);
  const named = "Connection: X-Real-IP\r\nX-Real-IP: 6.6.6.6\r\n";
  const kept = write(`GET / HTTP/1.1\r\nHost: a\r\n${named}\r\n`);
  assert.deepEqual(linesOf(kept, "X-Real-IP"), ["X-Real-IP: 192.0.2.7"]);
});

Deno.test("RFC 7239 §6: an IPv6 address is put in brackets and quotes", () => {
  const head = write("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {
    ...PEER,
    address: "2001:db8::1",
    proto: "https",
  });
  assert.deepEqual(linesOf(head, "X-Forwarded-For"), [
    "X-Forwarded-For: 2001:db8::1",
  ]);
  assert.deepEqual(linesOf(head, "Forwarded"), [
    'Forwarded: for="[2001:db8::1]";proto=https;host="a"',
  ]);
});

Deno.test("names with underscores for hyphens are dropped, from whomever", () => {
  const aliases = "X_Forwarded_For: 1\r\nX-Forwarded_Proto: 2\r\n" +
    "Content_Length: 3\r\nTRANSFER_ENCODING: chunked\r\nX_Request_Id: 4\r\n";
  for (const peer of [PEER, TRUSTED]) {
    assert.equal(passedOn(`${aliases}X_Other: 5\r\n`, peer), "X_Other: 5\r\n");
  }
});

Deno.test("an X-Request-Id is taken from trusted peers only, and only when it is short", () => {
  const idOf = (value: string, trusted: boolean): string | null => {
    const { head, bytes } = parseRequest(
      `GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${value}\r\n\r\n`,
    );
    const id = trustedRequestId(bytes, head, trusted);
    return id && toText(id);
  };
  assert.equal(idOf("abc", true), "abc");
  assert.equal(idOf("abc", false), null);
  assert.equal(idOf("", true), null);
  assert.equal(idOf("x".repeat(128), true)?.length, 128);
  assert.equal(idOf("x".repeat(129), true), null);
});
