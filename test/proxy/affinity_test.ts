/**
 * AFFINITY: a cookie or a field ties clients to their worker.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  AFFINITY_COOKIE,
  MAX_VALUE_OCTETS,
  MAX_VALUES,
} from "../../src/proxy/core/affinity.ts";
import { affinityOf } from "../../src/proxy/core/affinity.ts";
import { ascii } from "../../src/http1/bytes.ts";
import {
  parseResponseHead,
  ResponseHead,
} from "../../src/http1/response_head.ts";
import { parseRequestHead, RequestHead } from "../../src/http1/request_head.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import type { RawResponse } from "../support/http_message.ts";
import { get, head } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { type ProxyServer, startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

/** An origin that says who it is, and `field` each time. */
function originOf(name: string, field = "X: y"): Promise<RecordingOrigin> {
  const length = `Content-Length: ${name.length}`;
  return RecordingOrigin.start([
    answering(head("HTTP/1.1 200 OK", length, field) + name),
  ]);
}

function upstreamOf({ port }: RecordingOrigin, id: number): Upstream {
  return new Upstream({ id, port, hostname: "127.0.0.1", generation: 1 });
}

async function ask(port: number, ...fields: string[]): Promise<RawResponse> {
  await using client = await RawClient.connect({ port });
  return await client.ask(get("/", ...fields));
}

function start(affinity: string): ProxyServer {
  return startProxy({ options: { affinity } });
}

Deno.test("a client is told a name once, by which it comes back to its worker, however its turn is", async () => {
  await using a = await originOf("a");
  await using b = await originOf("b");
  await using proxy = start("cookie");
  const [first, second] = [upstreamOf(a, 0), upstreamOf(b, 1)];
  proxy.dispatcher.publish([first, second]);
  const told = (await ask(proxy.port)).headers.get("set-cookie") ?? "";
  const [, cookie] =
    /^(prefork-worker=[0-9a-f]{16}); Path=\/; HttpOnly; SameSite=Lax$/
      .exec(told) ?? [];
  assert.ok(cookie !== undefined, told);
  for (const line of [cookie, `x=1; ${cookie}; y=2`, cookie]) {
    const answer = await ask(proxy.port, `Cookie: ${line}`);
    assert.equal(answer.text, "a");
    assert.equal(answer.headers.get("set-cookie"), undefined);
  }
  // Its worker is gone: it is another's from now on.
  first.retire();
  proxy.dispatcher.publish([second]);
  const moved = await ask(proxy.port, `Cookie: ${cookie}`);
  assert.equal(moved.text, "b");
  assert.match(moved.headers.get("set-cookie") ?? "", /^prefork-worker=/);
});

Deno.test("a cookie that names nobody counts as none", async () => {
  await using a = await originOf("a");
  await using proxy = start("cookie");
  proxy.dispatcher.publish([upstreamOf(a, 0)]);
  for (
    const value of ["0123456789abcdef", "", "x", "0".repeat(17), "__proto__"]
  ) {
    const answer = await ask(
      proxy.port,
      `Cookie: ${AFFINITY_COOKIE}=${value}`,
    );
    assert.equal(answer.text, "a");
    assert.match(answer.headers.get("set-cookie") ?? "", /^prefork-worker=/);
  }
});

Deno.test("who has sent a value of the field gets the requests that carry it, and no cookie is set", async () => {
  await using a = await originOf("a", "mcp-session-id: of-a");
  await using b = await originOf("b", "MCP-Session-Id: of-b");
  await using proxy = start("header:Mcp-Session-Id");
  proxy.dispatcher.publish([upstreamOf(a, 0), upstreamOf(b, 1)]);
  for (const expected of ["a", "b"]) {
    const answer = await ask(proxy.port);
    assert.equal(answer.text, expected);
    assert.equal(answer.headers.get("set-cookie"), undefined);
  }
  for (const name of ["b", "b", "a", "b", "a", "a"]) {
    const answer = await ask(proxy.port, `Mcp-Session-Id: of-${name}`);
    assert.equal(answer.text, name);
  }
});

Deno.test("a pinned request does not wait for others: its worker may have as many as it is", async () => {
  await using a = await originOf("a");
  await using proxy = startProxy({
    options: { affinity: "cookie", workerConcurrency: 1 },
  });
  const only = upstreamOf(a, 0);
  proxy.dispatcher.publish([only]);
  const told = (await ask(proxy.port)).headers.get("set-cookie") ?? "";
  only.claim();
  const answer = await ask(proxy.port, `Cookie: ${told.split(";")[0]}`);
  assert.equal(answer.text, "a");
  only.release();
});

Deno.test("a connection that its worker had closed while it was idle costs the client nothing of what the worker keeps", async () => {
  const answer = {
    do: "send",
    data: head("HTTP/1.1 200 OK", "Content-Length: 1") + "a",
  } as const;
  await using a = await RecordingOrigin.start([
    [{ do: "read-request" }, answer, { do: "read-request" }, { do: "close" }],
    [{ do: "read-request" }, answer],
  ]);
  await using b = await originOf("b");
  await using proxy = start("cookie");
  proxy.dispatcher.publish([upstreamOf(a, 0), upstreamOf(b, 1)]);
  const told = (await ask(proxy.port)).headers.get("set-cookie") ?? "";
  const again = await ask(proxy.port, `Cookie: ${told.split(";")[0]}`);
  assert.equal(again.text, "a");
  assert.equal(again.headers.get("set-cookie"), undefined);
  assert.equal(proxy.counters.retries, 1);
  assert.equal(b.requests.length, 0);
});

Deno.test("the values that are remembered are bounded: the one not seen for longest is forgotten", () => {
  const affinity = affinityOf("header:S", {
    tls: false,
    named: () => null,
  });
  const upstream = new Upstream({
    id: 0,
    port: 1,
    hostname: "127.0.0.1",
    generation: 1,
  });
  const response = new ResponseHead();
  const note = (value: string): void => {
    const bytes = ascii(`HTTP/1.1 200 OK\r\nS: ${value}\r\n\r\n`);
    parseResponseHead(bytes, 0, bytes.length, response);
    affinity.note({ bytes, fields: response.fields, upstream }, null);
  };
  const request = new RequestHead();
  const owner = (value: string): Upstream | null => {
    const bytes = ascii(`GET / HTTP/1.1\r\nHost: x\r\nS: ${value}\r\n\r\n`);
    parseRequestHead(bytes, 0, bytes.length, request);
    return affinity.ownerOf(bytes, request);
  };
  for (let i = 0; i < MAX_VALUES; i++) note(`v${i}`);
  assert.equal(owner("v0"), upstream);
  note("one more");
  assert.equal(owner("v0"), upstream);
  assert.equal(owner("v1"), null);
  // As long as a signed token; of those there is room for fewer.
  const token = "t".repeat(8_000);
  note(token);
  assert.equal(owner(token), upstream);
  const tokens = MAX_VALUE_OCTETS / token.length;
  for (let i = 0; i < tokens; i++) note(`${i}`.padStart(token.length, "-"));
  assert.equal(owner(token), null);
  assert.equal(owner("0".padStart(token.length, "-")), null);
  assert.equal(owner("9".padStart(token.length, "-")), upstream);
});
