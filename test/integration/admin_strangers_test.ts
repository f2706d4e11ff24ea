/**
 * Whatever a stranger sends: never the figures of the pool.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TOKEN } from "../support/admin_pages.ts";
import { startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { get } from "../support/requests.ts";

/** In the figures, and in no page of the application. */
const FIGURES = "totalRequests";

/** Makes every request one of somebody elsewhere: what a proxy in front says of its client. */
const PREFACE = "PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n";

/** Field lines that pretend something; each goes with an otherwise plain GET of /_metrics. */
const FORGED_FIELDS: readonly (readonly string[])[] = [
  [],
  ["X-Forwarded-For: 127.0.0.1"],
  ["X_Forwarded_For: 127.0.0.1"],
  ["X-Real-IP: 127.0.0.1"],
  ["Forwarded: for=127.0.0.1;host=localhost"],
  ["X-Forwarded-Host: localhost", "X-Original-URL: /_metrics"],
  ["Connection: Authorization", `Authorization: Bearer x${TOKEN}`],
  ["Authorization:"],
  ["Authorization: Bearer"],
  ["Authorization: Bearer "],
  [`Authorization: Basic ${TOKEN}`],
  [`Authorization: ${TOKEN}`],
  [`Authorization: Bearer ${TOKEN.toUpperCase()}`],
  [`Authorization: Bearer ${TOKEN.slice(0, -1)}`],
  [`Authorization: Bearer ${TOKEN} x`],
  [`Authorization: Bearer x, Bearer ${TOKEN}`],
  ["Authorization: Bearer x", `Authorization: Bearer ${TOKEN}`],
  [`Authorization: Bearer ${TOKEN}`, "Authorization: Bearer x"],
  [`Proxy-Authorization: Bearer ${TOKEN}`],
  [`X-Authorization: Bearer ${TOKEN}`],
  [`Cookie: token=${TOKEN}`],
  ["Origin: http://localhost", "Sec-Fetch-Site: same-origin"],
];

/** Other ways to write the path; some are refused, some are the application's. */
const TARGETS: readonly string[] = [
  "/_metrics",
  "/_metrics?x",
  "/_metrics?format=prometheus",
  `/_metrics?token=${TOKEN}`,
  "/_metrics/",
  "/_metrics.",
  "/_metrics;x",
  "/_metrics%2f",
  "/_metrics%00",
  "/%5Fmetrics",
  "/%5fmetrics",
  "//_metrics",
  "/./_metrics",
  "/x/../_metrics",
  "/_health/../_metrics",
  "/_health/..;/_metrics",
  "/_health/%2e%2e/_metrics",
  "/_ready/..\\_metrics",
  "/_health?/../_metrics",
  "/_METRICS",
  "http://localhost/_metrics",
  "http://localhost//_metrics",
  "http://127.0.0.1/_metrics",
  "http://x@localhost/_metrics",
  "_metrics",
  "*",
];

/** The whole requests of a stranger, each for a connection of its own. */
function requests(): string[] {
  const close = "Connection: close\r\n";
  const plain = `Host: localhost\r\n${close}\r\n`;
  return [
    ...FORGED_FIELDS.map((lines) =>
      [`GET /_metrics HTTP/1.1`, ...lines, plain].join("\r\n")
    ),
    ...TARGETS.map((target) => `GET ${target} HTTP/1.1\r\n${plain}`),
    ...["localhost:8080", "127.0.0.1", "[::1]", "evil.example"].map((host) =>
      `GET /_metrics HTTP/1.1\r\nHost: ${host}\r\n${close}\r\n`
    ),
    ...["HEAD", "POST", "PUT", "OPTIONS", "TRACK", "get"].map((method) =>
      `${method} /_metrics HTTP/1.1\r\n${plain}`
    ),
    "GET /_metrics HTTP/1.0\r\n\r\n",
    "POST /_metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" +
    `${plain}0\r\n\r\n`,
    `GET /_health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n${close}\r\n` +
    `xxxxxGET /_metrics HTTP/1.1\r\n${plain}`,
    // The first is allowed; the second must be judged by itself.
    `GET /_health HTTP/1.1\r\nHost: localhost\r\n\r\n` +
    `GET /_metrics HTTP/1.1\r\n${plain}`,
  ];
}

Deno.test("a stranger never gets the figures, however it asks", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_TOKEN: TOKEN, PROXY_PROTOCOL: "on" },
  });
  const ask = async (bytes: string): Promise<string> => {
    await using client = await RawClient.connect(pool);
    await client.send(PREFACE + bytes);
    const end = await client.readUntilEnd();
    return new TextDecoder().decode(end.bytes);
  };
  for (const bytes of requests()) {
    const answer = await ask(bytes);
    assert.match(answer, /^HTTP\/1\.1 \d/, bytes);
    assert.doesNotMatch(answer, new RegExp(FIGURES), bytes);
  }
  const allowed =
    `GET /_metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
  const stranger =
    "GET /_metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const both = await ask(allowed + stranger);
  assert.equal(both.split(FIGURES).length - 1, 1, "one of two has it");
  assert.match(both, /HTTP\/1\.1 404 [^]*$/);
});

Deno.test("a browser on this machine that was led here by a foreign name gets the application's answer", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const ask = async (head: string): Promise<string> => {
    await using client = await RawClient.connect(pool);
    return (await client.ask(`${head}\r\nConnection: close\r\n\r\n`)).text;
  };
  for (const host of ["evil.example", `evil.example:${pool.port}`]) {
    const answer = await ask(`GET /_metrics HTTP/1.1\r\nHost: ${host}`);
    assert.doesNotMatch(answer, new RegExp(FIGURES));
  }
  const local = await ask("GET /_metrics HTTP/1.1\r\nHost: localhost");
  assert.match(local, new RegExp(FIGURES));
});

Deno.test("the admin pages are only read, and let no other site's scripts read them", async () => {
  await using pool = await startPool({ env: { POOL_SIZE: "1" } });
  const page = await get(
    pool.port,
    "/_metrics",
    "Origin: http://evil.example",
    "Sec-Fetch-Site: cross-site",
  );
  assert.equal(page.headers.has("access-control-allow-origin"), false);
  for (const path of ["/_metrics", "/_health", "/_ready"]) {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACK", "get"]) {
      await using client = await RawClient.connect(pool);
      const answer = await client.ask(
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      );
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.get("allow"), "GET, HEAD");
    }
  }
});

Deno.test("with ADMIN_PORT a foreign name is told nothing either, unless there is a token", async () => {
  await using pool = await startPool({
    env: { POOL_SIZE: "1", ADMIN_PORT: "0" },
  });
  const { port } = await pool.waitForEvent("listening", {
    where: ({ role }) => role === "admin",
  });
  const ask = async (host: string): Promise<number> => {
    await using client = await RawClient.connect({ port });
    return (await client.ask(
      `GET /_metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )).status;
  };
  assert.equal(await ask(`localhost:${port}`), 200);
  assert.equal(await ask("evil.example"), 421);
});
