import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import { RawClient } from "../support/raw_client.ts";
import { toText } from "../support/raw_socket.ts";

const MAIN = fileURLToPath(
  new URL("../../src/demo/main.ts", import.meta.url),
);

/** The demo application as a process. */
interface DemoProcess extends AsyncDisposable {
  readonly port: number;
  readonly child: Deno.ChildProcess;
  /** How it ended and what it wrote until then. */
  readonly output: Promise<Deno.CommandOutput>;
}

async function startDemo(): Promise<DemoProcess> {
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-env", MAIN],
    env: { PORT: String(port), HOST: "127.0.0.1", WORKER_ID: "5" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await eventually(async () => {
    await using client = await RawClient.connect({ port });
    await client.ask("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n");
  });
  return {
    port,
    child,
    output,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // Deno's way of saying that the child has ended.
        if (!(error instanceof TypeError)) throw error;
      }
      await output;
    },
  };
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

/** Opens the WebSocket and waits until it is open. */
async function openWebSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = (): void => resolve();
    socket.onerror = (event): void => reject(event);
  });
  return socket;
}

Deno.test("the demo echoes WebSocket messages", async () => {
  await using demo = await startDemo();
  const socket = await openWebSocket(demo.port);
  const message = await new Promise((resolve) => {
    socket.onmessage = ({ data }): void => resolve(data);
    socket.send("hello");
  });
  assert.equal(message, "hello");
  await new Promise<void>((resolve) => {
    socket.onclose = (): void => resolve();
    socket.close();
  });
});

Deno.test("the demo answers others while a long body waits to be read", async () => {
  await using demo = await startDemo();
  await using client = await RawClient.connect({ port: demo.port });
  const count = 16 * 1024 ** 3;
  await client.send(get(`/bytes?n=${count}`));
  const head = toText(await client.readThrough("\r\n\r\n")).toLowerCase();
  assert.ok(head.includes(`content-length: ${count}\r\n`), head);
  // Another request is answered while the first one's body waits.
  await using other = await RawClient.connect({ port: demo.port });
  assert.equal((await other.ask(get("/api/health"))).status, 200);
});

Deno.test("the demo ends requests in flight on SIGTERM, says nothing and exits with 0", async () => {
  await using demo = await startDemo();
  await using slow = await RawClient.connect({ port: demo.port });
  await using events = await RawClient.connect({ port: demo.port });
  const socket = await openWebSocket(demo.port);
  const closed = new Promise<number>((resolve) => {
    socket.onclose = ({ code }): void => resolve(code);
  });
  await events.send(get("/events"));
  await events.readThrough("id: 1");
  // Both on one connection, so that /slow is being answered when TERM comes.
  await slow.ask(get("/"));
  await slow.send(get("/slow?ms=500"));
  await eventually(async () => {
    await using client = await RawClient.connect({ port: demo.port });
    const { text } = await client.ask(get("/api/health"));
    // The WebSocket, /events, / and /slow.
    assert.equal(JSON.parse(text).requests, 4);
  });

  demo.child.kill("SIGTERM");

  assert.equal((await slow.readResponse()).status, 200);
  assert.ok(toText((await events.readUntilEnd()).bytes).endsWith("0\r\n\r\n"));
  assert.equal(await closed, 1001);
  const { stdout, stderr, code, signal } = await demo.output;
  assert.deepEqual([code, signal], [0, null]);
  assert.equal(toText(stdout) + toText(stderr), "");
});

Deno.test("the demo leaves Ctrl-C to the pool", async () => {
  await using demo = await startDemo();
  demo.child.kill("SIGINT");
  await using client = await RawClient.connect({ port: demo.port });
  assert.equal((await client.ask(get("/"))).status, 200);
});
