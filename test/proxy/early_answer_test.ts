/** Answers that come before the request has been sent whole. */

import assert from "node:assert/strict";
import { get, head, ok, postHead } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const UPLOAD_BYTES = 10 * 1024 * 1024;
const UPLOAD = postHead("/", `Content-Length: ${UPLOAD_BYTES}`);
const TOO_LARGE = head("HTTP/1.1 413 Content Too Large", "Content-Length: 0");

Deno.test("a client that sends 10 MiB before it reads gets the 413 that came at once", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-head" }, { do: "send", data: TOO_LARGE }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(UPLOAD);
  await client.sendInPieces(new Uint8Array(UPLOAD_BYTES), 64 * 1024);
  const response = await client.readResponse();
  assert.equal(response.status, 413);
  assert.equal(response.headers.get("connection"), "close");
  assert.equal((await client.readUntilEnd()).peer, "closed");
});

Deno.test("the connection of an answer that came too early is not used again", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "read-head" }, { do: "send", data: ok("early") }],
    answering(ok("next")),
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  assert.equal((await client.ask(UPLOAD)).text, "early");
  await origin.waitFor(({ connections }) => connections[0]?.end !== null);
  await using another = await RawClient.connect(proxy);
  assert.equal((await another.ask(get("/next"))).text, "next");
  assert.equal(origin.connections.length, 2);
});

Deno.test("an answer may begin before the request ends, and both go on", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-head" },
    { do: "send", data: head("HTTP/1.1 200 OK", "Content-Length: 8") },
    { do: "read-bytes", count: 4 },
    { do: "send", data: "1234" },
    { do: "read-bytes", count: 4 },
    { do: "send", data: "5678" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(postHead("/", "Content-Length: 8"));
  await client.readThrough("\r\n\r\n");
  await client.send("abcd");
  await client.readThrough("1234");
  await client.send("efgh");
  await client.readThrough("5678");
  assert.match(origin.connections[0]!.text, /abcdefgh$/);
});
