/** A worker that redirects to its own address: clients are sent to where they have asked. */

import assert from "node:assert/strict";
import { get, head, ok } from "../support/message_text.ts";
import { answering, type OriginStep } from "../support/origin_script.ts";
import { startProxy, type StartProxyOptions } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { connectTls, TestTlsServer } from "../support/tls.ts";

const TRUSTED = ["127.0.0.1/32"];

/** Starts a worker whose answers are made of its port. */
async function startOrigin(
  answer: (port: number) => string,
): Promise<RecordingOrigin> {
  const script: OriginStep[] = [];
  const origin = await RecordingOrigin.start([script]);
  script.push(...answering(answer(origin.port)));
  return origin;
}

/** A redirect of the worker on `port`, to itself. */
function redirect(port: number): string {
  return head(
    "HTTP/1.1 302 Found",
    `Location: http://localhost:${port}/about?x#y`,
    "Content-Length: 0",
  );
}

async function locationFor(
  request: string,
  { options = {} }: StartProxyOptions = {},
): Promise<{ readonly location: string | undefined; readonly worker: number }> {
  await using origin = await startOrigin(redirect);
  await using proxy = startProxy({ origins: [origin.port], options });
  await using client = await RawClient.connect(proxy);
  const { status, headers } = await client.ask(request);
  assert.equal(status, 302);
  return { location: headers.get("location"), worker: origin.port };
}

Deno.test("a redirect goes to the Host that was asked, as the client wrote it", async () => {
  for (const host of ["a", "A.Example:8443", "[::1]:8080"]) {
    const request = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const { location } = await locationFor(request);
    assert.equal(location, `http://${host}/about?x#y`);
  }
});

Deno.test("an untrusted client cannot say where else it goes", async () => {
  const { location } = await locationFor(
    get("/", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https"),
  );
  assert.equal(location, "http://a/about?x#y");
});

Deno.test("behind a trusted proxy it goes to what that was asked", async () => {
  const options = { trustedProxies: TRUSTED };
  for (
    const fields of [
      ["X-Forwarded-Host: www.example", "X-Forwarded-Proto: https"],
      ["Forwarded: for=192.0.2.1;proto=https;host=www.example"],
    ]
  ) {
    const { location } = await locationFor(get("/", ...fields), { options });
    assert.equal(location, "https://www.example/about?x#y");
  }
});

Deno.test("HTTP/1.0 without Host is sent to the path", async () => {
  const { location } = await locationFor(head("GET / HTTP/1.0"));
  assert.equal(location, "/about?x#y");
});

Deno.test("with rewriteLocation off it stays", async () => {
  const { location, worker } = await locationFor(get("/"), {
    options: { rewriteLocation: false },
  });
  assert.equal(location, `http://localhost:${worker}/about?x#y`);
});

Deno.test("over TLS it goes to https", async () => {
  await using origin = await startOrigin(redirect);
  await using proxy = startProxy({
    origins: [origin.port],
    tls: new TestTlsServer(),
  });
  await using connection = await connectTls(proxy.port);
  const { headers } = await connection.client.ask(get("/"));
  assert.equal(headers.get("location"), "https://a/about?x#y");
});

Deno.test("each line grows by as long a host as there may be, and the content stays whole", async () => {
  const host = "h".repeat(4000);
  const content = "c".repeat(100_000);
  const lines = 50;
  await using origin = await startOrigin((port) =>
    ok(content, ...Array(lines).fill(`Location: http://[::1]:${port}`))
  );
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  for (let i = 0; i < 3; i++) {
    const response = await client.ask(
      `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    assert.equal(
      response.headers.get("location"),
      Array(lines).fill(`http://${host}`).join(", "),
    );
    assert.equal(response.text, content);
  }
});

Deno.test("an interim response is rewritten like a final one, and what leads elsewhere is not", async () => {
  await using origin = await startOrigin((port) =>
    head(
      "HTTP/1.1 103 Early Hints",
      `Content-Location: //127.0.0.1:${port}/a`,
    ) +
    ok("ok", `Refresh: 0;url=http://127.0.0.1:${port}@evil.example/`)
  );
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const hints = await client.ask(get("/"));
  assert.equal(hints.headers.get("content-location"), "//a/a");
  const { headers } = await client.readResponse("GET");
  assert.match(
    headers.get("refresh")!,
    /^0;url=http:\/\/127\.0\.0\.1:\d+@evil/,
  );
});
