import assert from "node:assert/strict";
import {
  rewriteOwnLocations,
  type WorkerAddress,
} from "../../src/http1/own_location.ts";
import { toText } from "../support/raw_socket.ts";
import { parseResponse } from "./parsing.ts";

const WORKER: WorkerAddress = { hostname: "127.0.0.1", port: 8081 };

/** What is sent to the worker for a client that asked https://example.org. */
const ASKED = "GET / HTTP/1.1\r\nHost: example.org\r\n" +
  "X-Forwarded-Proto: https\r\nX-Forwarded-Host: example.org\r\n";

interface Circumstances {
  readonly worker?: WorkerAddress;
  readonly asked?: string;
}

/** The lines that take the place of `line`; `null` when it stays. */
function rewritten(
  line: string,
  circumstances: Circumstances = {},
): string | null {
  const { worker = WORKER, asked = ASKED } = circumstances;
  const { head, bytes } = parseResponse(
    `HTTP/1.1 302 Found\r\n${line}\r\n\r\n`,
  );
  const lines = rewriteOwnLocations(bytes, head, worker, () => asked);
  return lines && toText(lines).slice(0, -2);
}

function locationOf(uri: string, circumstances: Circumstances = {}): string {
  const line = rewritten(`Location: ${uri}`, circumstances);
  return line === null ? uri : line.slice("Location: ".length);
}

Deno.test("a worker's own address, by whatever name, becomes what the client asked", () => {
  const origins = [
    "http://127.0.0.1:8081",
    "http://localhost:8081",
    "http://LocalHost:8081",
    "HTTP://[::1]:8081",
    "http://0.0.0.0:8081",
    "https://127.0.0.1:8081",
    "https://localhost:08081",
  ];
  for (const origin of origins) {
    for (const rest of ["", "/", "/a//b?c#d", "?c", "#d", "//b"]) {
      assert.equal(locationOf(origin + rest), `https://example.org${rest}`);
    }
  }
});

Deno.test("a scheme-relative URI stays one", () => {
  assert.equal(locationOf("//127.0.0.1:8081/x"), "//example.org/x");
  assert.equal(locationOf("//localhost:8081"), "//example.org");
});

Deno.test("what leads elsewhere is left as it is", () => {
  const others = [
    "/about",
    "about",
    "?a",
    "",
    "http://example.org/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1:80811/",
    "http://127.0.0.1:808/",
    "http://127.0.0.1:/",
    "http://127.0.0.1:8081.evil.example/",
    "http://127.0.0.1:8081@evil.example/",
    "http://127.0.0.1:8081:1/",
    "http://127.0.0.1:8081\\@evil.example/",
    "http://user@127.0.0.1:8081/",
    "http://127.0.0.1.evil.example:8081/",
    "http://1127.0.0.1:8081/",
    "http://127.0.0.2:8081/",
    "http://localhost.example:8081/",
    "http://xlocalhost:8081/",
    "http://::1:8081/",
    "http:/127.0.0.1:8081/",
    "http:127.0.0.1:8081/",
    "ws://127.0.0.1:8081/",
    "xhttp://127.0.0.1:8081/",
    "http://a/?to=http://127.0.0.1:8081/",
    "http://a/#//127.0.0.1:8081/",
    "127.0.0.1:8081/",
    "http://127.0.0.1:8081 /",
  ];
  for (const uri of others) assert.equal(locationOf(uri), uri);
});

Deno.test("a query or a fragment that holds the address keeps it", () => {
  const rest = "/?to=http://127.0.0.1:8081/a#http://localhost:8081";
  assert.equal(
    locationOf(`http://127.0.0.1:8081${rest}`),
    `https://example.org${rest}`,
  );
});

Deno.test("a port that need not be said is that of the scheme", () => {
  const plain = { worker: { hostname: "127.0.0.1", port: 80 } };
  assert.equal(
    locationOf("http://localhost/a", plain),
    "https://example.org/a",
  );
  assert.equal(locationOf("//localhost/a", plain), "//example.org/a");
  assert.equal(locationOf("https://localhost/a", plain), "https://localhost/a");
  const secure = { worker: { hostname: "127.0.0.1", port: 443 } };
  assert.equal(
    locationOf("https://localhost:/a", secure),
    "https://example.org/a",
  );
  assert.equal(locationOf("http://localhost/a", secure), "http://localhost/a");
});

Deno.test("the address that a worker was told to listen on is its own, too", () => {
  const ipv6 = { worker: { hostname: "fd00::7", port: 3000 } };
  assert.equal(
    locationOf("http://[FD00::7]:3000/a", ipv6),
    "https://example.org/a",
  );
  const ipv4 = { worker: { hostname: "10.0.0.7", port: 3000 } };
  assert.equal(
    locationOf("http://10.0.0.7:3000/a", ipv4),
    "https://example.org/a",
  );
  assert.equal(locationOf("http://10.0.0.7:3000/a"), "http://10.0.0.7:3000/a");
});

Deno.test("of what was forwarded the first member counts, and a name that is none does not", () => {
  const asked = (proto: string, host: string): Circumstances => ({
    asked: `GET / HTTP/1.1\r\nX-Forwarded-Host: ${host}\r\n` +
      `x-forwarded-proto: ${proto}\r\nX-Forwarded-Host: other\r\n`,
  });
  const cases = [
    ["HTTPS, http", "b.example:8443, c", "https://b.example:8443/a"],
    ["http", "[::1]:8080", "http://[::1]:8080/a"],
    ["ftp", "b", "//b/a"],
    ["", "b", "//b/a"],
    ["https", "b/evil", "/a"],
    ["https", "u@b", "/a"],
    ["https", "b#", "/a"],
  ] as const;
  for (const [proto, host, expected] of cases) {
    const uri = locationOf("http://localhost:8081/a", asked(proto, host));
    assert.equal(uri, expected, `${proto} ${host}`);
  }
});

Deno.test("a client that named no host is sent to a path, and never to a host", () => {
  const asked = "GET / HTTP/1.1\r\nHost: localhost:8080\r\n" +
    "X-Forwarded-Proto: http\r\n";
  const cases = [
    ["", "/"],
    ["/a?b#c", "/a?b#c"],
    ["?b", "/?b"],
    ["#c", "/#c"],
    ["//evil.example/a", "/.//evil.example/a"],
  ] as const;
  for (const [rest, expected] of cases) {
    const uri = `http://127.0.0.1:8081${rest}`;
    assert.equal(locationOf(uri, { asked }), expected);
  }
});

Deno.test("Content-Location and Refresh too, however Refresh is written, and nothing else", () => {
  const lines = [
    [
      "content-location: http://localhost:8081/a",
      "content-location: https://example.org/a",
    ],
    [
      "Refresh: 0; url=http://127.0.0.1:8081/a",
      "Refresh: 0; url=https://example.org/a",
    ],
    [
      "Refresh: 5;URL='http://127.0.0.1:8081/a'",
      "Refresh: 5;URL='https://example.org/a'",
    ],
    [
      'Refresh: 1.5 , uRl = "http://127.0.0.1:8081" x',
      'Refresh: 1.5 , uRl = "https://example.org" x',
    ],
    ["Refresh: 0;http://localhost:8081/a", "Refresh: 0;https://example.org/a"],
    ["Refresh: 0 http://localhost:8081/a", "Refresh: 0 https://example.org/a"],
    ["Refresh: 0;url=//localhost:8081/a", "Refresh: 0;url=//example.org/a"],
    [
      "Location: http://localhost:8081/\xe9",
      "Location: https://example.org/\xe9",
    ],
  ] as const;
  for (const [line, expected] of lines) assert.equal(rewritten(line), expected);
  const others = [
    "Refresh: 5",
    "Refresh: 0; url=http://127.0.0.1:80811/a",
    "Refresh: 0; url=/a?http://127.0.0.1:8081/",
    "Refresh: 0; url='http://127.0.0.1:8081@evil.example/'",
    "Refresh: http://127.0.0.1:8081/",
    "Link: <http://127.0.0.1:8081/a>",
    "X-Location: http://127.0.0.1:8081/a",
    "Content_Location: http://127.0.0.1:8081/a",
  ];
  for (const line of others) assert.equal(rewritten(line), null, line);
});

Deno.test("every line of them is rewritten, but not what goes no further", () => {
  const location = "Location: http://127.0.0.1:8081/";
  assert.equal(
    rewritten(`${location}a\r\nX: y\r\nLocation: /b\r\n${location}c`),
    "Location: https://example.org/a\r\nLocation: https://example.org/c",
  );
  assert.equal(rewritten(`Connection: Location\r\n${location}`), null);
});

Deno.test("the request is only looked at when there is something to rewrite", () => {
  const { head, bytes } = parseResponse(
    "HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n",
  );
  const asked = (): string => assert.fail("it was looked at");
  assert.equal(rewriteOwnLocations(bytes, head, WORKER, asked), null);
});
