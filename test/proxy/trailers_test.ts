/** Trailer fields, both ways, however they come (RFC 9110 §6.5). */

import assert from "node:assert/strict";
import {
  chunked,
  get,
  head,
  LAST_CHUNK,
  letters,
  ok,
  postHead,
} from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";

const CHUNKED = "Transfer-Encoding: chunked";
const TAKES_TRAILERS = ["TE: trailers", "Connection: TE"] as const;

/** A body in chunks that ends with these trailers. */
function withTrailers(
  body: string,
  trailers: readonly string[],
  chunkBytes: number = 1000,
): string {
  const lines = trailers.map((line) => `${line}\r\n`).join("");
  const chunks = chunked(body, chunkBytes).slice(0, -LAST_CHUNK.length);
  return `${chunks}0\r\n${lines}\r\n`;
}

/** Bodies whose last chunk comes with their head, with content alone, and by itself. */
const BODIES = [0, 4, 2000, 40_000, 300_000];

for (const size of BODIES) {
  Deno.test(`trailers behind ${size} octets pass both ways, and the connections are kept`, async () => {
    const body = letters(size);
    const framed = withTrailers(body, ["X-A: 1", "X-B: 2"], 30_000);
    await using origin = await RecordingOrigin.start([
      answering(head("HTTP/1.1 200 OK", CHUNKED) + framed),
    ]);
    await using proxy = startProxy({ origins: [origin.port] });
    await using client = await RawClient.connect(proxy);
    const expected = [["X-A", "1"], ["X-B", "2"]];
    const request = postHead("/", CHUNKED, "Trailer: X-A", ...TAKES_TRAILERS);
    for (const text of [request + framed, get("/", ...TAKES_TRAILERS)]) {
      const response = await client.ask(text);
      assert.deepEqual(response.trailers, expected);
      assert.ok(response.text === body);
    }
    assert.deepEqual(origin.requests[0]?.trailers, expected);
    assert.ok(origin.requests[0]?.text === body);
    assert.deepEqual((await client.ask(get("/"))).trailers, []);
    assert.equal(origin.connections.length, 1);
  });
}

Deno.test("trailers that come octet by octet pass both ways", async () => {
  const framed = withTrailers("body", ["grpc-status: 0", "grpc-message: "]);
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    {
      do: "send",
      data: head("HTTP/1.1 200 OK", CHUNKED) + framed,
      pieceBytes: 1,
    },
    ...answering(ok("next")),
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const request = postHead("/", CHUNKED, ...TAKES_TRAILERS) + framed;
  await client.sendInPieces(request, 1);
  const expected = [["grpc-status", "0"], ["grpc-message", ""]];
  const response = await client.readResponse();
  assert.deepEqual([response.text, response.trailers], ["body", expected]);
  const [seen] = origin.requests;
  assert.deepEqual([seen?.text, seen?.trailers], ["body", expected]);
  assert.equal((await client.ask(get("/next"))).text, "next");
  assert.equal(origin.connections.length, 1);
});

Deno.test("trailers follow content that has been passed on long before", async () => {
  await using origin = await RecordingOrigin.start([[
    { do: "read-request" },
    {
      do: "send",
      data: head("HTTP/1.1 200 OK", CHUNKED) + "4\r\nbody\r\n0\r\n",
    },
    { do: "gate", name: "trailers" },
    { do: "send", data: "X-T: 1\r\n\r\n" },
  ]]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/", ...TAKES_TRAILERS));
  await client.readThrough("body\r\n");
  origin.open("trailers");
  const end = await client.readThrough("\r\n\r\n");
  assert.equal(new TextDecoder().decode(end), "0\r\nX-T: 1\r\n\r\n");
});

/** Trailers of a response that cannot be passed on, and what follows them. */
const UNUSABLE = {
  "that are too large": `X-T: ${"x".repeat(17_000)}\r\n\r\n`,
  "that have no end": `X-T: ${"x".repeat(200_000)}`,
  "that are malformed": "X-A: 1\r\nno colon\r\n\r\n",
  "that are too many": "X-T: 1\r\n".repeat(101) + "\r\n",
};

for (const [which, trailers] of Object.entries(UNUSABLE)) {
  for (const pieceBytes of [Infinity, 4000]) {
    const how = pieceBytes === Infinity ? "at once" : "in pieces";
    for (const fields of [[], TAKES_TRAILERS]) {
      const who = fields.length === 0 ? "nobody" : "somebody";
      Deno.test(`trailers ${which} cost nobody the body; they come ${how}, and ${who} takes them`, async () => {
        const data = head("HTTP/1.1 200 OK", CHUNKED) +
          `4\r\nbody\r\n0\r\n${trailers}`;
        await using origin = await RecordingOrigin.start([
          [
            { do: "read-request" },
            { do: "send", data, pieceBytes: Math.min(pieceBytes, data.length) },
          ],
          answering(ok("next")),
        ]);
        await using proxy = startProxy({ origins: [origin.port] });
        await using client = await RawClient.connect(proxy);
        const response = await client.ask(get("/", ...fields));
        assert.deepEqual([response.text, response.trailers], ["body", []]);
        assert.equal((await client.ask(get("/next"))).text, "next");
        assert.equal(origin.connections.length, 2);
        assert.equal(proxy.counters.retries, 0);
      });
    }
  }
}

Deno.test("a request whose trailers are too large is a 431, announced or not", async () => {
  await using origin = await RecordingOrigin.start([[{ do: "read-head" }]]);
  await using proxy = startProxy({ origins: [origin.port] });
  for (const fields of [[], ["Trailer: X-T"]]) {
    await using client = await RawClient.connect(proxy);
    const response = await client.ask(
      postHead("/", CHUNKED, ...fields) +
        withTrailers("body", [`X-T: ${"x".repeat(5000)}`]),
    );
    assert.equal(response.status, 431);
    assert.match(response.text, /Trailer fields too large/);
    assert.equal((await client.readUntilEnd()).peer, "closed");
  }
});

Deno.test("trailers are sent again with the request they belong to", async () => {
  const script = answering(ok("ok"));
  await using broken = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "close" }],
  ]);
  await using origin = await RecordingOrigin.start([script]);
  await using proxy = startProxy({ origins: [broken.port, origin.port] });
  await using client = await RawClient.connect(proxy);
  const put = head("PUT / HTTP/1.1", "Host: a", CHUNKED, "Trailer: X-T");
  const response = await client.ask(put + withTrailers("body", ["X-T: 1"]));
  assert.equal(response.text, "ok");
  assert.deepEqual(origin.requests[0]?.trailers, [["X-T", "1"]]);
});

Deno.test("a pipelined request behind trailers is a request of its own", async () => {
  await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  const first = postHead("/1", CHUNKED, "Trailer: X-T") +
    withTrailers("body", ["X-T: 1"]);
  await client.send(first + get("/2"));
  await client.readResponse();
  await client.readResponse();
  assert.deepEqual(
    origin.requests.map(({ target, trailers }) => [target, trailers.length]),
    [["/1", 1], ["/2", 0]],
  );
});

Deno.test("a response that is cut within its trailers is not complete", async () => {
  const data = head("HTTP/1.1 200 OK", CHUNKED) +
    "4\r\nbody\r\n0\r\nX-T: 1\r\n";
  await using origin = await RecordingOrigin.start([
    [{ do: "read-request" }, { do: "send", data }, { do: "close" }],
  ]);
  await using proxy = startProxy({ origins: [origin.port] });
  await using client = await RawClient.connect(proxy);
  await client.send(get("/", ...TAKES_TRAILERS));
  const { bytes } = await client.readUntilEnd();
  assert.match(new TextDecoder().decode(bytes), /body\r\n$/);
});
