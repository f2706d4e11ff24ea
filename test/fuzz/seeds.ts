/**
 * Valid streams, from which all others are made.
 *
 * @module
 */

import {
  chunked,
  get,
  head,
  ok,
  post,
  postHead,
} from "../support/message_text.ts";

const TRANSFER_ENCODING = "Transfer-Encoding: chunked";

/** What clients send. */
export const REQUEST_SEEDS: readonly string[] = [
  get("/"),
  get("/a/b?c=d&e=%20f"),
  get("/", "Connection: close") + get("/not-read"),
  get("/1") + get("/2", "X: y") + get("/3"),
  get("http://a/absolute?x"),
  get("http://a"),
  get("https://a?x") + get("/next"),
  "GET http://[::1]:8080/ HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n" + get("/next"),
  get("ws://a:80/chat") + get("http://A:/x") + get("/next"),
  head("GET / HTTP/1.2", "Host: a") + get("/next"),
  head("OPTIONS * HTTP/1.1", "Host: a:80"),
  head("HEAD / HTTP/1.1", "Host: a", "Accept: */*", "Cookie: a=b; c=d"),
  head("GET /old HTTP/1.0") + get("/not-read"),
  head("GET /old HTTP/1.0", "Connection: keep-alive") + get("/next"),
  head("POST /old HTTP/1.0", "Content-Length: 3") + "abc",
  head("DELETE /a HTTP/1.1", "host:a", "x-empty:", "x-obs: \xe4\xff"),
  post("/", "0123456789") + get("/next"),
  post("/", "a", "Content-Length: 1", "Expect: 100-continue"),
  post("/", get("/in-the-body")) + get("/next"),
  post("/", "x".repeat(300)),
  head("PUT / HTTP/1.1", "Host: a", "Content-Length: 0") + get("/next"),
  postHead("/", TRANSFER_ENCODING) + chunked("0123456789", 4) + get("/next"),
  postHead("/", TRANSFER_ENCODING) + chunked(get("/in-a-chunk"), 64) +
  get("/next"),
  postHead("/", TRANSFER_ENCODING, "Trailer: X", "TE: trailers") +
  '5;a=b;c="d"\r\nhello\r\n0\r\nX: y\r\nContent-Length: 4\r\n\r\n' +
  get("/next"),
  postHead("/", "transfer-encoding:\tCHUNKED ") + "00A\r\n0123456789\r\n" +
  "000\r\n\r\n" + get("/next"),
  postHead("/", TRANSFER_ENCODING) +
  '0000000000000005 ; a = b ;\tc="d"\t\r\nhello\r\n0 \r\n\r\n' + get("/next"),
  postHead("/", TRANSFER_ENCODING) + chunked("", 1) + post("/", "abc") +
  get("/next"),
  get("/", "Connection: Upgrade", "Upgrade: websocket") + get("/next"),
  get("/", "Connection: upgrade, HTTP2-Settings", "Upgrade: h2c"),
  get("/", "Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: 5") +
  get("/next"),
  get("/", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4") + get("/next"),
  get("/", "X-Forwarded-For: 1.2.3.4, [::1]:80", "X-Forwarded-Proto: https") +
  get("/next", 'Forwarded: for="[::1]:80";proto=https;host=b', "X-Real-IP: x"),
  get("/", "X-Request-Id: abc", "X-Forwarded-Host: b", "Proxy: x"),
  `\r\n${get("/after-an-empty-line")}\r\n${get("/next")}`,
];

/** What workers answer. */
export const RESPONSE_SEEDS: readonly string[] = [
  ok("hello"),
  ok("hello", "Connection: close", "Keep-Alive: timeout=5"),
  ok("hello", "X-Obs: \xe4", "X-Empty:", "Set-Cookie: a=b", "Set-Cookie: c=d"),
  ok("x".repeat(300), "Date: Thu, 01 Jan 1970 00:00:00 GMT"),
  ok("hello", "Connection: X-Hop", "X-Hop: 1") + ok("more"),
  ok("hello", "Refresh: 0; url=/", "Location: http://127.0.0.1:81/"),
  "HTTP/1.1 200 OK\nA: b \nContent-Length: 5\r\n\nhello",
  "HTTP/1.0 200\nX: y\n\nuntil the end\n\n",
  head("HTTP/1.2 200 OK", "Content-Length: 0"),
  head("HTTP/1.1 200 OK", "Content-Length: 0"),
  head("HTTP/1.1 200 ", "Content-Length: 2") + "ok",
  head("HTTP/1.1 200 OK") + "until the end",
  head("HTTP/1.0 200 OK") + ok("in the body"),
  head("HTTP/1.0 200 OK", "Content-Length: 3", "Connection: keep-alive") +
  "abc",
  head("HTTP/1.1 204 No Content") + ok("more"),
  head("HTTP/1.1 304 Not Modified", "Content-Length: 10", 'ETag: "a"'),
  head("HTTP/1.1 404 Not \xe4 Found", "Content-Length: 1") + "x",
  head("HTTP/1.1 100 Continue") + ok("hello"),
  head("HTTP/1.1 103 Early Hints", "Link: </a>") +
  head("HTTP/1.1 102 Processing") + ok("hello"),
  head("HTTP/1.1 101 Switch", "Connection: upgrade", "Upgrade: websocket") +
  "\x81\x02hi",
  head("HTTP/1.1 200 OK", TRANSFER_ENCODING) + chunked("0123456789", 4),
  head("HTTP/1.1 200 OK", TRANSFER_ENCODING) + chunked(ok("in a chunk"), 100) +
  ok("more"),
  head("HTTP/1.1 200 OK", TRANSFER_ENCODING, "Trailer: X") +
  "5 ;a = b\r\nhello\r\n00 \r\nX: y\r\nContent-Length: 5\r\n\r\n",
  head("HTTP/1.1 500 Oops", TRANSFER_ENCODING, "Connection: close") +
  chunked("abc", 1),
];
