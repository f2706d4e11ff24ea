/**
 * Where clients connect: IPv6, and behind a balancer that speaks the PROXY
 * protocol.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TOKEN } from "../support/admin_pages.ts";
import { askMetrics, echoedFields } from "../support/demo_requests.ts";
import { get as getRequest } from "../support/message_text.ts";
import { startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";

Deno.test("clients of an IPv6 listener are named by their address, those of IPv4 by theirs", async () => {
  await using pool = await startPool({
    env: { HOST: "::", POOL_SIZE: "1", TRUSTED_PROXIES: "127.0.0.0/8" },
  });
  const field = "X-Forwarded-For: 203.0.113.9";
  await using six = await RawClient.connect({
    ...portOf(pool),
    hostname: "::1",
  });
  const ofSix = await echoedFields(six, "", field);
  assert.equal(ofSix["x-forwarded-for"], "::1");
  assert.equal(ofSix["forwarded"], 'for="[::1]";proto=http;host="a"');
  await using four = await RawClient.connect(portOf(pool));
  const ofFour = await echoedFields(four, "", field);
  assert.equal(ofFour["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
  assert.match(ofFour["forwarded"] ?? "", /for=127\.0\.0\.1;/);
  assert.equal((await six.ask(askMetrics())).status, 200);
});

Deno.test("HOST=::1 serves IPv6 alone, and TRUSTED_PROXIES may name it", async () => {
  await using pool = await startPool({
    env: { HOST: "::1", POOL_SIZE: "1", TRUSTED_PROXIES: "::1/128,fd00::/8" },
  });
  await assert.rejects(RawClient.connect(portOf(pool)), /ECONNREFUSED/);
  await using client = await RawClient.connect({
    ...portOf(pool),
    hostname: "::1",
  });
  const fields = await echoedFields(
    client,
    "",
    "X-Forwarded-For: 2001:db8::7",
    'Forwarded: for="[2001:db8::7]"',
    "X-Forwarded-Port: 443",
  );
  assert.equal(fields["x-forwarded-for"], "2001:db8::7, ::1");
  assert.equal(
    fields["forwarded"],
    'for="[2001:db8::7]", for="[::1]";proto=http;host="a"',
  );
  assert.equal(fields["x-forwarded-port"], "443");
});

Deno.test("with PROXY_PROTOCOL=on no header opens the admin pages, and a token does", async () => {
  await using pool = await startPool({
    env: { PROXY_PROTOCOL: "on", POOL_SIZE: "1", ADMIN_TOKEN: TOKEN },
  });
  const headers = [
    "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    "PROXY TCP6 ::1 ::1 1 2\r\n",
    "PROXY TCP6 ::ffff:127.0.0.1 ::1 1 2\r\n",
    "PROXY UNKNOWN\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
  ];
  for (const header of headers) {
    await using client = await RawClient.connect(portOf(pool));
    const response = await client.ask(header + askMetrics());
    assert.equal(response.status, 404, header);
    assert.equal((await client.ask(getRequest("/_ready"))).status, 200);
    const authorization = `Authorization: Bearer ${TOKEN}`;
    const opened = await client.ask(askMetrics(authorization));
    assert.equal(opened.status, 200);
  }
});

function portOf({ port }: { readonly port: number }): { port: number } {
  return { port };
}
