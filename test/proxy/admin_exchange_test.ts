/** How requests for pages of our own are read, and how answers are written. */

import assert from "node:assert/strict";
import { BODY_BYTES, settled } from "../support/back_pressure.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";

type Responder = (body: string) => Response | Promise<Response>;

/** The proxy with one page of our own, `/_page`, and no workers. */
function startWith(
  respond: Responder,
  options: Parameters<typeof startProxy>[0] = {},
): ProxyServer {
  return startProxy({
    ...options,
    admin: ({ target }) =>
      target === "/_page"
        ? async (body) => await respond(new TextDecoder().decode(body))
        : null,
  });
}

/** A page that answers with the body it was sent. */
const ECHO: Responder = (body) => new Response(`got "${body}"`);

/** A body that comes when the test says so, and what becomes of it. */
class ManualBody {
  readonly cancelled: Promise<void>;
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.cancelled = promise;
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => resolve(),
    });
  }

  /** What the page answers with. */
  get response(): Response {
    return new Response(this.stream, {
      headers: { "Transfer-Encoding": "chunked", "X-Page": "yes" },
    });
  }

  send(text: string): void {
    this.#controller.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller.close();
  }

  fail(): void {
    this.#controller.error(new Error("broken"));
  }
}

function post(body: string, ...fields: readonly string[]): string {
  return ["POST /_page HTTP/1.1", "Host: a", ...fields, "", body].join("\r\n");
}

const GET = "GET /_page HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("a page's answer has a length, and the connection is kept", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  for (let i = 0; i < 2; i++) {
    const response = await client.ask(GET);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-length"), "6");
    assert.equal(response.headers.get("connection"), "keep-alive");
    assert.equal(response.text, 'got ""');
  }
});

Deno.test("the answer to HEAD has the length and no body", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  const head = GET.replace("GET", "HEAD");
  const response = await client.ask(head, "HEAD");
  assert.equal(response.headers.get("content-length"), "6");
  // The next answer is read from the octet behind it.
  assert.equal((await client.ask(GET)).text, 'got ""');
});

Deno.test("the body of a request is read, in whichever pieces it comes, and the connection kept", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  for (
    const request of [
      post("hello", "Content-Length: 5"),
      post("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    ]
  ) {
    assert.equal((await client.ask(request)).text, 'got "hello"');
    await client.sendInPieces(request);
    assert.equal((await client.readResponse()).text, 'got "hello"');
  }
});

Deno.test("requests behind a body are served in turn", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  const request = post("hello", "Content-Length: 5");
  await client.send(request + GET + request);
  assert.equal((await client.readResponse()).text, 'got "hello"');
  assert.equal((await client.readResponse()).text, 'got ""');
  assert.equal((await client.readResponse()).text, 'got "hello"');
});

Deno.test("a client that waits for 100 Continue gets it", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  await client.send(post("", "Content-Length: 5", "Expect: 100-continue"));
  assert.equal((await client.readResponse()).status, 100);
  await client.send("hello");
  assert.equal((await client.readResponse()).text, 'got "hello"');
});

Deno.test("a body of 4 KiB is taken, one more octet is too many", async () => {
  await using proxy = startWith(ECHO);
  const most = "x".repeat(4096);
  await using client = await RawClient.connect(proxy);
  const response = await client.ask(post(most, "Content-Length: 4096"));
  assert.equal(response.text, `got "${most}"`);
  const chunked = `1001\r\n${most}x\r\n0\r\n\r\n`;
  for (
    const request of [
      post(`${most}x`, "Content-Length: 4097"),
      post(chunked, "Transfer-Encoding: chunked"),
    ]
  ) {
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(request);
    assert.equal(response.status, 413);
    assert.equal(response.headers.get("connection"), "close");
  }
});

Deno.test("a body that breaks its framing is refused", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  const request = post("x\r\n", "Transfer-Encoding: chunked");
  assert.equal((await client.ask(request)).status, 400);
});

Deno.test("a body that is cut reaches no page", async () => {
  let asked = 0;
  await using proxy = startWith(() => new Response(`${asked++}`));
  await using client = await RawClient.connect(proxy);
  await client.send(post("hel", "Content-Length: 5"));
  await client.closeWrite();
  const { bytes } = await client.readUntilEnd();
  assert.equal(bytes.length, 0);
  assert.equal(asked, 0);
});

Deno.test("a body that does not come is waited for BODY_TIMEOUT_MS", async () => {
  await using proxy = startWith(ECHO, { options: { bodyTimeoutMs: 200 } });
  await using client = await RawClient.connect(proxy);
  await client.send(post("hel", "Content-Length: 5"));
  const { bytes } = await client.readUntilEnd();
  assert.equal(bytes.length, 0);
});

Deno.test("an answer that comes bit by bit is passed on bit by bit, in chunks", async () => {
  const body = new ManualBody();
  await using proxy = startWith(() => body.response);
  await using client = await RawClient.connect(proxy);
  await client.send(GET);
  const head = new TextDecoder().decode(await client.readThrough("\r\n\r\n"));
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\nx-page: yes\r\n/i);
  assert.match(head, /\r\ntransfer-encoding: chunked\r\n/i);
  assert.doesNotMatch(head, /content-length/i);
  for (const text of ["first", "second"]) {
    body.send(text);
    const chunk = await client.readThrough(`${text}\r\n`);
    assert.equal(
      new TextDecoder().decode(chunk),
      `${text.length}\r\n${text}\r\n`,
    );
  }
  body.send("");
  body.end();
  const { bytes, peer } = await client.readUntilEnd();
  assert.equal(new TextDecoder().decode(bytes), "0\r\n\r\n");
  assert.equal(peer, "closed");
});

Deno.test("to HTTP/1.0 it is passed on as it is, up to the end of the connection", async () => {
  const body = new ManualBody();
  await using proxy = startWith(() => body.response);
  await using client = await RawClient.connect(proxy);
  await client.send("GET /_page HTTP/1.0\r\n\r\n");
  const head = new TextDecoder().decode(await client.readThrough("\r\n\r\n"));
  assert.doesNotMatch(head, /transfer-encoding/i);
  body.send("first");
  assert.equal((await client.read(5)).length, 5);
  body.end();
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
});

Deno.test("of a HEAD request nobody makes the body", async () => {
  const body = new ManualBody();
  await using proxy = startWith(() => body.response);
  await using client = await RawClient.connect(proxy);
  await client.send(GET.replace("GET", "HEAD"));
  const { bytes } = await client.readUntilEnd();
  assert.match(new TextDecoder().decode(bytes), /\r\n\r\n$/);
  await body.cancelled;
});

for (
  const [how, leave] of [
    ["ends its side", (client: RawClient) => client.closeWrite()],
    ["closes", (client: RawClient) => client.close()],
    ["resets", (client: RawClient) => client.reset()],
  ] as const
) {
  Deno.test(`a client that ${how} ends the body, although nothing is being written`, async () => {
    const body = new ManualBody();
    await using proxy = startWith(() => body.response);
    await using client = await RawClient.connect(proxy);
    await client.send(GET);
    await client.readThrough("\r\n\r\n");
    await leave(client);
    await body.cancelled;
    await proxy.waitUntil(({ counters }) => counters.clientConnections === 0);
  });
}

Deno.test("when the pool stops, a body without end is ended in order", async () => {
  const body = new ManualBody();
  await using proxy = startWith(() => body.response);
  await using client = await RawClient.connect(proxy);
  await client.send(GET);
  await client.readThrough("\r\n\r\n");
  const stopped = proxy.stop(60_000);
  const { bytes, peer } = await client.readUntilEnd();
  assert.equal(new TextDecoder().decode(bytes), "0\r\n\r\n");
  assert.equal(peer, "closed");
  await body.cancelled;
  await client.close();
  await stopped;
});

Deno.test("a body that fails is cut and does not look complete", async () => {
  const body = new ManualBody();
  await using proxy = startWith(() => body.response);
  await using client = await RawClient.connect(proxy);
  await client.send(GET);
  await client.readThrough("\r\n\r\n");
  body.fail();
  assert.equal((await client.readUntilEnd()).bytes.length, 0);
  assert.match((await proxy.waitForEvent("notice")).message, /broken/);
});

Deno.test("a client that does not read stops the body, and is cut after BODY_TIMEOUT_MS", async () => {
  let produced = 0;
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const endless = new ReadableStream<Uint8Array>({
    pull(controller): void {
      produced += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel: () => resolve(),
  });
  await using proxy = startWith(
    () =>
      new Response(endless, { headers: { "Transfer-Encoding": "chunked" } }),
    { options: { bodyTimeoutMs: 1000 } },
  );
  await using client = await RawClient.connect(proxy);
  await client.send(GET);
  assert.ok(await settled(() => produced) < BODY_BYTES);
  await cancelled;
});

Deno.test("trailers of a request for a page may come in pieces, and be longer than a small buffer", async () => {
  await using proxy = startWith(ECHO);
  await using client = await RawClient.connect(proxy);
  const trailer = `X-T: ${"t".repeat(4000)}`;
  const request = post(
    `4\r\nbody\r\n0\r\n${trailer}\r\n\r\n`,
    "Transfer-Encoding: chunked",
  );
  await client.sendInPieces(request, 100);
  assert.equal((await client.readResponse()).text, 'got "body"');
  assert.equal((await client.ask(GET)).text, 'got ""');
});
