/**
 * SKEW_PROTECTION: a cookie ties clients to the generation that served them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SKEW_COOKIE } from "../../src/proxy/core/skew_cookie.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import type { RawResponse } from "../support/http_message.ts";
import { get, head, ok } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import {
  type ProxyServer,
  startProxy,
  type StartProxyOptions,
} from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { connectTls, TestTlsServer } from "../support/tls.ts";

const COOKIE = new RegExp(
  `^(${SKEW_COOKIE}=([0-9a-f]{8})-([1-9][0-9]*)); (.*)$`,
);

/** What a client is told to remember. */
interface Told {
  /** As it is sent back. */
  readonly cookie: string;
  readonly generation: number;
  readonly attributes: string;
}

/** An origin whose answers name its generation. */
function originOf(generation: number): Promise<RecordingOrigin> {
  return RecordingOrigin.start([answering(ok(String(generation)))]);
}

function upstreamOf({ port }: RecordingOrigin, generation: number): Upstream {
  return new Upstream({ id: 0, port, hostname: "127.0.0.1", generation });
}

function startProtected(
  options: StartProxyOptions["options"] = {},
): ProxyServer {
  return startProxy({ options: { skewProtection: true, ...options } });
}

async function ask(port: number, ...fields: string[]): Promise<RawResponse> {
  await using client = await RawClient.connect({ port });
  return await client.ask(get("/", ...fields));
}

/** What the answer tells the client to remember; `null` when nothing. */
function toldIn(response: RawResponse): Told | null {
  const value = response.headers.get("set-cookie");
  if (value === undefined) return null;
  const [, cookie, , generation, attributes] = COOKIE.exec(value) ?? [];
  assert.ok(cookie !== undefined && attributes !== undefined, value);
  return { cookie, generation: Number(generation), attributes };
}

Deno.test("a client that is new is told its generation once, and stays with it", async () => {
  await using first = await originOf(1);
  await using second = await originOf(2);
  await using proxy = startProtected();
  proxy.dispatcher.publish([upstreamOf(first, 1)]);
  const told = toldIn(await ask(proxy.port));
  assert.equal(told!.generation, 1);
  assert.equal(told!.attributes, "Path=/; HttpOnly; SameSite=Lax");
  // The second generation takes over, and the first is kept.
  proxy.dispatcher.publish([upstreamOf(second, 2)], [upstreamOf(first, 1)]);
  for (const line of [told!.cookie, `theme=dark; ${told!.cookie}; lang=en`]) {
    const answer = await ask(proxy.port, `Cookie: ${line}`);
    assert.equal(answer.text, "1");
    assert.equal(toldIn(answer), null);
  }
  const newcomer = await ask(proxy.port, "Cookie: theme=dark");
  assert.equal(newcomer.text, "2");
  assert.equal(toldIn(newcomer)!.generation, 2);
});

Deno.test("a client whose generation has ended is tied to the one that answers", async () => {
  await using first = await originOf(1);
  await using second = await originOf(2);
  await using proxy = startProtected();
  proxy.dispatcher.publish([upstreamOf(first, 1)]);
  const { cookie } = toldIn(await ask(proxy.port))!;
  proxy.dispatcher.publish([upstreamOf(second, 2)]);
  const moved = await ask(proxy.port, `Cookie: ${cookie}`);
  assert.equal(moved.text, "2");
  const told = toldIn(moved)!;
  assert.equal(told.generation, 2);
  assert.equal(toldIn(await ask(proxy.port, `Cookie: ${told.cookie}`)), null);
});

Deno.test("a former worker that is gone costs its clients no request that may be sent again", async () => {
  await using second = await originOf(2);
  await using proxy = startProtected();
  const first = await originOf(1);
  const former = upstreamOf(first, 1);
  proxy.dispatcher.publish([former]);
  const { cookie } = toldIn(await ask(proxy.port))!;
  await first[Symbol.asyncDispose]();
  proxy.dispatcher.publish([upstreamOf(second, 2)], [former]);
  const answer = await ask(proxy.port, `Cookie: ${cookie}`);
  assert.deepEqual([answer.status, answer.text], [200, "2"]);
  assert.equal(toldIn(answer)!.generation, 2);
});

Deno.test("a cookie of another balancer, or that is no cookie of ours, counts as none", async () => {
  await using first = await originOf(1);
  await using second = await originOf(2);
  await using proxy = startProtected();
  proxy.dispatcher.publish([upstreamOf(first, 1)]);
  const { cookie } = toldIn(await ask(proxy.port))!;
  proxy.dispatcher.publish([upstreamOf(second, 2)], [upstreamOf(first, 1)]);
  const own = cookie.slice(0, -1);
  const strange = [
    `${SKEW_COOKIE}=00000000-1`,
    `${SKEW_COOKIE}=1`,
    `${SKEW_COOKIE}=`,
    SKEW_COOKIE,
    own,
    `${own}0`,
    `${own}01`,
    `${own}1x`,
    `${own}-1`,
    `${own}1 `.padEnd(80, "1"),
    `${own}1111111111`,
    `x${cookie}`,
    cookie.toUpperCase(),
    `"${cookie}"`,
  ];
  for (const line of strange) {
    const answer = await ask(proxy.port, `Cookie: ${line}`);
    assert.equal(answer.text, "2", line);
    assert.equal(toldIn(answer)?.generation, 2, line);
  }
  // A stranger's does not hide our own.
  const both = await ask(
    proxy.port,
    `Cookie: ${SKEW_COOKIE}=00000000-7; ${cookie}`,
  );
  assert.equal(both.text, "1");
});

Deno.test("the worker sees the client's cookies as they came, and its own go out as they are", async () => {
  await using origin = await RecordingOrigin.start([
    answering(ok("", "Set-Cookie: a=1", "Set-Cookie: b=2; Path=/")),
  ]);
  await using proxy = startProtected();
  proxy.dispatcher.publish([upstreamOf(origin, 1)]);
  const response = await ask(proxy.port, "Cookie: theme=dark");
  const set = response.fields
    .filter(([name]) => name.toLowerCase() === "set-cookie")
    .map(([, value]) => value);
  assert.deepEqual(set.slice(0, 2), ["a=1", "b=2; Path=/"]);
  const [own] = COOKIE.exec(set[2]!)!.slice(1);
  await ask(proxy.port, `Cookie: theme=dark; ${own}`);
  assert.deepEqual(
    origin.requests.map(({ headers }) => headers.get("cookie")),
    ["theme=dark", `theme=dark; ${own}`],
  );
});

Deno.test("the cookie is for https alone where a trusted proxy says that the client speaks it", async () => {
  await using origin = await originOf(1);
  for (
    const [trusted, proto, secure] of [
      [true, "https", true],
      [true, "HTTPS", true],
      [true, "http", false],
      [false, "https", false],
    ] as const
  ) {
    await using proxy = startProtected({
      trustedProxies: trusted ? ["127.0.0.1/32"] : [],
    });
    proxy.dispatcher.publish([upstreamOf(origin, 1)]);
    const { attributes } = toldIn(
      await ask(proxy.port, `X-Forwarded-Proto: ${proto}`),
    )!;
    assert.equal(
      attributes.endsWith("; Secure"),
      secure,
      `${trusted} ${proto}`,
    );
  }
});

Deno.test("the cookie is for https alone where this balancer speaks TLS", async () => {
  await using origin = await originOf(1);
  await using proxy = startProxy({
    options: { skewProtection: true },
    tls: new TestTlsServer(),
  });
  proxy.dispatcher.publish([upstreamOf(origin, 1)]);
  await using connection = await connectTls(proxy.port);
  const { attributes } = toldIn(await connection.client.ask(get("/")))!;
  assert.equal(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
});

Deno.test("interim answers and switches of protocol set no cookie", async () => {
  const hints = head("HTTP/1.1 103 Early Hints", "Link: </a>");
  await using origin = await RecordingOrigin.start([
    answering(hints + ok("1")),
  ]);
  await using proxy = startProtected();
  proxy.dispatcher.publish([upstreamOf(origin, 1)]);
  await using client = await RawClient.connect({ port: proxy.port });
  assert.equal(toldIn(await client.ask(get("/"))), null);
  assert.equal(toldIn(await client.readResponse())!.generation, 1);
});

Deno.test("an answer of the balancer's own sets no cookie", async () => {
  await using proxy = startProtected({ maxQueue: 0 });
  const answer = await ask(proxy.port);
  assert.equal(answer.status, 503);
  assert.equal(toldIn(answer), null);
});

Deno.test("without SKEW_PROTECTION no cookie is set, and none is heeded", async () => {
  await using first = await originOf(1);
  await using second = await originOf(2);
  await using other = startProtected();
  other.dispatcher.publish([upstreamOf(first, 1)]);
  const { cookie } = toldIn(await ask(other.port))!;
  await using proxy = startProxy();
  proxy.dispatcher.publish([upstreamOf(second, 2)], [upstreamOf(first, 1)]);
  const answer = await ask(proxy.port, `Cookie: ${cookie}`);
  assert.equal(answer.text, "2");
  assert.equal(answer.headers.has("set-cookie"), false);
});
