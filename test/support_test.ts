import assert from "node:assert/strict";
import { CutError } from "./support/byte_reader.ts";
import { Changes } from "./support/changes.ts";
import { DeadlineError } from "./support/deadline.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { CutMessageError } from "./support/http_message.ts";
import { answering, type OriginScript } from "./support/origin_script.ts";
import { parseEvent, readLines } from "./support/pool_log.ts";
import {
  aliveAmong,
  childrenOf,
  isAlive,
  waitUntilGone,
} from "./support/processes.ts";
import { hasProgram, ignoreWithout } from "./support/programs.ts";
import { RawClient } from "./support/raw_client.ts";
import { toBytes, toText } from "./support/raw_socket.ts";
import { RecordingOrigin } from "./support/recording_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Starts an origin with one script for all connections and connects to it. */
async function connected(
  script: OriginScript,
  deadlineMs?: number,
): Promise<AsyncDisposable & { origin: RecordingOrigin; client: RawClient }> {
  const origin = await RecordingOrigin.start([script]);
  const client = await RawClient.connect({
    port: origin.port,
    ...deadlineMs === undefined ? {} : { deadlineMs },
  });
  return {
    origin,
    client,
    async [Symbol.asyncDispose](): Promise<void> {
      await client.close();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** A script that sends `data` once a request has come, and then closes. */
function sending(data: string): OriginScript {
  return [{ do: "read-request" }, { do: "send", data }, { do: "close" }];
}

Deno.test("RecordingOrigin keeps the exact bytes of several requests on one connection", async () => {
  await using pair = await connected(answering(OK));
  const post = "POST /b HTTP/1.1\r\nhOst: a\r\nContent-Length: 3\r\n\r\nabc";
  await pair.client.ask(GET);
  await pair.client.ask(post);
  await pair.client.close();
  await pair.origin.waitFor((o) => o.connections[0]?.end === "closed");
  assert.equal(pair.origin.connections[0]?.text, GET + post);
  assert.deepEqual(
    pair.origin.requests.map((r) => [r.method, r.target, r.text]),
    [["GET", "/", ""], ["POST", "/b", "abc"]],
  );
});

Deno.test("RecordingOrigin reads requests that arrive a byte at a time", async () => {
  await using pair = await connected(answering(OK));
  const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: v\r\n\r\n";
  await pair.client.sendInPieces(chunked);
  await pair.client.readResponse();
  const request = pair.origin.requests[0];
  assert.equal(request?.text, "abcd");
  assert.deepEqual(request?.trailers, [["T", "v"]]);
  assert.equal(toText(request.raw), chunked);
});

Deno.test("RecordingOrigin gives each connection its script and the last one to all others", async () => {
  await using origin = await RecordingOrigin.start([
    [{ do: "close" }],
    answering(OK),
  ]);
  await using first = await RawClient.connect({ port: origin.port });
  assert.deepEqual((await first.readUntilEnd()).peer, "closed");
  for (let i = 0; i < 2; i++) {
    await using client = await RawClient.connect({ port: origin.port });
    assert.equal((await client.ask(GET)).text, "ok");
  }
});

Deno.test("RecordingOrigin answers before the body has come", async () => {
  await using pair = await connected([
    { do: "read-head" },
    { do: "send", data: OK },
  ]);
  await pair.client.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
  assert.equal((await pair.client.readResponse()).status, 200);
  assert.equal(pair.origin.requests.length, 0);
});

Deno.test("RecordingOrigin answers after a number of bytes", async () => {
  await using pair = await connected([
    { do: "read-bytes", count: 5 },
    { do: "send", data: OK },
  ]);
  await pair.client.send("12345");
  assert.equal((await pair.client.readResponse()).status, 200);
});

Deno.test("RecordingOrigin holds at a gate until the test opens it", async () => {
  await using pair = await connected([
    { do: "send", data: "a" },
    { do: "gate", name: "go" },
    { do: "send", data: "b", pieceBytes: 1 },
    { do: "half-close" },
  ]);
  assert.equal(toText(await pair.client.read(1)), "a");
  pair.origin.open("go");
  assert.equal(toText((await pair.client.readUntilEnd()).bytes), "b");
});

Deno.test("RecordingOrigin stops sending to a client that does not read", async () => {
  const count = 64 * 1024 * 1024;
  await using pair = await connected([{ do: "send-fill", count }]);
  await pair.origin.waitFor((o) => (o.connections[0]?.sentBytes ?? 0) > 0);
  await pair.client.read(1);
  const sent = pair.origin.connections[0]?.sentBytes ?? 0;
  assert.ok(sent < count, `${sent} bytes were sent`);
});

Deno.test("RecordingOrigin answers health probes off the record", async () => {
  await using origin = await RecordingOrigin.start([answering(OK)], {
    healthPath: "/api/health",
  });
  await using probe = await RawClient.connect({ port: origin.port });
  await probe.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await probe.readResponse()).status, 200);
  assert.equal((await probe.readUntilEnd()).peer, "closed");
  await using client = await RawClient.connect({ port: origin.port });
  assert.equal((await client.ask(GET)).text, "ok");
  assert.equal(origin.connections.length, 1);
});

Deno.test("RecordingOrigin can be stopped while it holds connections", async () => {
  await using pair = await connected([{ do: "gate", name: "never" }]);
  await pair.client.send(GET);
  await pair.origin[Symbol.asyncDispose]();
  assert.notEqual((await pair.client.readUntilEnd()).peer, "open");
});

Deno.test("RecordingOrigin names a wait that ended in nothing", async () => {
  await using pair = await connected(answering(OK));
  await pair.client.ask(GET);
  await assert.rejects(
    pair.origin.waitFor((o) => o.requests.length === 2, 20),
    (error: Error) =>
      error instanceof DeadlineError && error.message.includes("Host: a"),
  );
});

Deno.test("a reset by the origin is seen as one", async () => {
  await using pair = await connected([{ do: "read-head" }, { do: "reset" }]);
  await pair.client.send(GET);
  assert.equal((await pair.client.readUntilEnd()).peer, "reset");
});

Deno.test("a reset by the client is seen as one", async () => {
  await using pair = await connected([{ do: "read-end" }]);
  await pair.client.send(GET);
  await pair.origin.waitFor((o) => o.connections[0]?.text === GET);
  await pair.client.reset();
  await pair.origin.waitFor((o) => o.connections[0]?.end === "reset");
});

Deno.test("half-closing leaves the answer readable", async () => {
  await using pair = await connected([
    { do: "read-end" },
    { do: "send", data: OK },
  ]);
  await pair.client.send(GET);
  await pair.client.closeWrite();
  assert.equal((await pair.client.readResponse()).text, "ok");
});

Deno.test("readResponse() takes interim, bodiless and pipelined responses apart", async () => {
  await using pair = await connected(sending(
    "HTTP/1.1 100 Continue\r\n\r\n" +
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nto the end",
  ));
  const { client } = pair;
  assert.equal((await client.ask(GET)).status, 100);
  assert.equal((await client.readResponse()).status, 304);
  assert.equal((await client.readResponse()).text, "ab");
  assert.equal((await client.readResponse("HEAD")).text, "");
  const last = await client.readResponse();
  assert.equal(last.text, "to the end");
  assert.deepEqual(last.fields, [["Set-Cookie", "a"], ["set-cookie", "b"]]);
  assert.equal(last.headers.get("set-cookie"), "a, b");
});

for (
  const [what, bytes, body] of [
    ["a length", "Content-Length: 9\r\n\r\nabc", "abc"],
    ["a chunk", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc", "abc"],
    ["the last chunk", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "a"],
  ] as const
) {
  Deno.test(`readResponse() does not take a body cut before ${what} for whole`, async () => {
    await using pair = await connected(
      sending(`HTTP/1.1 200 OK\r\n${bytes}`),
    );
    await assert.rejects(
      pair.client.ask(GET),
      (error: unknown) =>
        error instanceof CutMessageError && error.partial?.text === body,
    );
  });
}

Deno.test("readResponse() does not take a reset for the end of a body", async () => {
  await using pair = await connected([
    { do: "send", data: "HTTP/1.1 200 OK\r\n\r\nabc" },
    { do: "gate", name: "read" },
    { do: "reset" },
  ]);
  const response = pair.client.readResponse();
  pair.origin.open("read");
  await assert.rejects(response, CutMessageError);
});

Deno.test("read() says how much had come", async () => {
  await using pair = await connected([{ do: "send", data: "abc" }, {
    do: "close",
  }]);
  await assert.rejects(pair.client.read(4), CutError);
});

Deno.test("a client that gets nothing gives up at its deadline", async () => {
  await using pair = await connected([{ do: "read-end" }], 20);
  await assert.rejects(pair.client.ask(GET), DeadlineError);
});

Deno.test("toBytes() refuses characters that are not one byte", () => {
  assert.deepEqual([...toBytes("a\xff\0")], [0x61, 0xff, 0]);
  assert.throws(() => toBytes("€"), RangeError);
});

Deno.test("Changes wakes whoever waits, and fails those left over", async () => {
  const changes = new Changes();
  let state = 0;
  const describe = (): string => "It did not come";
  const second = changes.until(() => state === 2 || undefined, { describe });
  const never = changes.until(() => undefined, { describe });
  state = 2;
  changes.notify();
  assert.equal(await second, true);
  changes.fail(new RangeError("over"));
  await assert.rejects(never, RangeError);
  await assert.rejects(
    changes.until(() => undefined, { describe }),
    RangeError,
  );
});

Deno.test("FakeClock moves when told, and never backwards", () => {
  const clock = new FakeClock(5);
  const { now } = clock;
  assert.equal(clock.advance(10), 15);
  assert.equal(now(), 15);
  assert.throws(() => clock.advance(-1), RangeError);
});

Deno.test("hasProgram() finds what is there and only that", () => {
  assert.equal(hasProgram("sh"), true);
  assert.equal(hasProgram("no-such-program"), false);
});

Deno.test("ignoreWithout() passes over what lacks a program, never on the build server", () => {
  const before = Deno.env.get("CI");
  try {
    Deno.env.delete("CI");
    assert.equal(ignoreWithout("sh"), false);
    assert.equal(ignoreWithout("sh", "no-such-program"), true);
    Deno.env.set("CI", "true");
    assert.equal(ignoreWithout("no-such-program"), false);
  } finally {
    if (before === undefined) Deno.env.delete("CI");
    else Deno.env.set("CI", before);
  }
});

Deno.test("a process is alive and our child until it is killed", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  assert.equal(await isAlive(child.pid), true);
  assert.ok((await childrenOf(Deno.pid)).includes(child.pid));
  await assert.rejects(waitUntilGone([child.pid], 0), DeadlineError);
  child.kill("SIGKILL");
  await waitUntilGone([child.pid]);
  assert.deepEqual(await aliveAmong([Deno.pid, child.pid]), [Deno.pid]);
  await child.status;
});

Deno.test("parseEvent() makes an event of a log line and nothing of any other", () => {
  assert.deepEqual(
    parseEvent(
      '{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","message":"a",' +
        '"event":"worker-recovered","workerId":2}',
    ),
    {
      type: "worker-recovered",
      timestamp: "2026-01-01T00:00:00.000Z",
      level: "info",
      message: "a",
      workerId: 2,
    },
  );
  assert.equal(parseEvent('{"message":"plain"}'), null);
  assert.equal(parseEvent("panicked at"), null);
});

Deno.test("readLines() yields lines that come in parts, and the unfinished last one", async () => {
  const lines: string[] = [];
  const parts = ["a\nb", "c\n", "\nd"].map((part) => toBytes(part));
  await readLines(
    ReadableStream.from(parts) as ReadableStream<Uint8Array<ArrayBuffer>>,
    (line) => lines.push(line),
    new AbortController(),
  );
  assert.deepEqual(lines, ["a", "bc", "", "d"]);
});
