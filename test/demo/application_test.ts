import assert from "node:assert/strict";
import { createDemo } from "../../src/demo/application.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../support/deadline.ts";

const demo = createDemo({ workerId: "3", port: 8084 });

Deno.test("/ says which worker answered, as plain text to programs", async () => {
  const response = await demo.request("/");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
  const text = await response.text();
  assert.match(text, /worker 3 \(pid \d+, port 8084, request \d+\)/);
  assert.match(text, /\/_metrics/);
});

Deno.test("/ is a page of HTML to browsers", async () => {
  const response = await demo.request("/", {
    headers: { accept: "text/html,*/*;q=0.8" },
  });
  assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(await response.text(), /<h1>Hello from worker 3<\/h1>/);
});

Deno.test("/ escapes a worker id that is not what it should be", async () => {
  const response = await createDemo({ workerId: "<b>" }).request("/", {
    headers: { accept: "text/html" },
  });
  const html = await response.text();
  assert.ok(html.includes("worker &lt;b>"));
  assert.ok(!html.includes("<b>"));
});

Deno.test("/api/health counts requests, its own kind left out", async () => {
  const app = createDemo();
  const requests = async (): Promise<unknown> => {
    const response = await app.request("/api/health");
    return (await response.json()).requests;
  };
  assert.equal(await requests(), 0);
  await app.request("/");
  await app.request("/nowhere");
  assert.equal(await requests(), 2);
});

Deno.test("/echo describes the request, whatever its method", async () => {
  const response = await demo.request("/echo?a=1&b=%20", {
    method: "PATCH",
    headers: { "x-test": "yes" },
    body: "grüße",
  });
  const echo = await response.json();
  assert.equal(echo.method, "PATCH");
  assert.equal(echo.path, "/echo");
  assert.deepEqual(echo.query, { a: "1", b: " " });
  assert.equal(echo.headers["x-test"], "yes");
  assert.equal(echo.body, "grüße");
  assert.equal(echo.bytes, 7);
});

Deno.test("/echo takes a mebibyte and refuses more", async () => {
  const send = async (length: number): Promise<number> => {
    const body = new Uint8Array(length);
    const response = await demo.request("/echo", { method: "POST", body });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await send(1024 ** 2), 200);
  assert.equal(await send(1024 ** 2 + 1), 413);
});

Deno.test("/bytes streams exactly as many as asked for", async () => {
  for (const count of [0, 1, 65_536, 200_000]) {
    const response = await demo.request(`/bytes?n=${count}`);
    assert.equal(response.headers.get("content-length"), String(count));
    assert.equal((await response.bytes()).length, count);
  }
});

Deno.test("/upload counts the body and takes POST alone", async () => {
  const body = new Uint8Array(200_000);
  const response = await demo.request("/upload", { method: "POST", body });
  assert.equal((await response.json()).bytes, 200_000);
  const refused = await demo.request("/upload");
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "POST");
});

Deno.test("/slow answers after so long and leaves the thread free", async () => {
  const order: string[] = [];
  const ask = async (ms: number): Promise<void> => {
    const response = await demo.request(`/slow?ms=${ms}`);
    order.push(await response.text());
  };
  await Promise.all([ask(30), ask(0)]);
  assert.deepEqual(order, [
    "Served by worker 3 after 0 ms.\n",
    "Served by worker 3 after 30 ms.\n",
  ]);
});

Deno.test("/burn keeps the thread for as long as asked", async () => {
  const before = performance.now();
  await demo.request("/burn?ms=20");
  assert.ok(performance.now() - before >= 20);
});

Deno.test("/events sends one event at once and more in time", async () => {
  const response = await demo.request("/events?ms=10");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.getReader();
  for (const id of [1, 2, 3]) {
    const { value } = await reader.read();
    const event = new TextDecoder().decode(value);
    assert.match(event, new RegExp(`^id: ${id}\nevent: tick\ndata: {.*}\n\n$`));
  }
  await reader.cancel();
});

Deno.test("/events ends when the application stops", async () => {
  const stop = new AbortController();
  const app = createDemo({ stopping: stop.signal });
  const response = await app.request("/events");
  stop.abort();
  const text = await withDeadline(
    response.text(),
    DEFAULT_DEADLINE_MS,
    () => "The stream did not end",
  );
  assert.match(text, /^id: 1\n/);
  assert.equal(await (await app.request("/events")).text(), "");
});

Deno.test("/ws says what it wants when the request is a plain one", async () => {
  const response = await demo.request("/ws");
  assert.equal(response.status, 426);
  assert.equal(response.headers.get("upgrade"), "websocket");
});

for (
  const path of [
    "/slow?ms=60001",
    "/slow?ms=-1",
    "/slow?ms=",
    "/burn?ms=1e3",
    "/burn?ms=10001",
    "/bytes?n=17179869185",
    "/bytes?n=0x10",
    "/bytes?n=1.5",
    "/events?ms=9",
  ]
) {
  Deno.test(`${path} is refused with what is allowed`, async () => {
    const response = await demo.request(path);
    assert.equal(response.status, 400);
    assert.match(
      await response.text(),
      /^Cannot respond: (ms|n) must be a whole number from \d+ to \d+, not ".*"\.\n$/,
    );
  });
}
