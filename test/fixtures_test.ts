import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "./support/deadline.ts";
import { freePort } from "./support/free_port.ts";
import { ignoreWithout } from "./support/programs.ts";
import { RawClient } from "./support/raw_client.ts";

const DIRECTORY = fileURLToPath(new URL("fixtures/", import.meta.url));

/** A fixture that runs, without a pool. */
interface Fixture extends AsyncDisposable {
  readonly port: number;
  readonly child: Deno.ChildProcess;
}

/** Starts a fixture as the pool does and waits until it answers. */
async function start(command: readonly string[]): Promise<Fixture> {
  const port = freePort();
  const [program = "", ...args] = command.map((word) =>
    word.replaceAll("{port}", String(port)).replaceAll("{host}", "127.0.0.1")
  );
  const child = new Deno.Command(program, {
    args,
    cwd: DIRECTORY,
    env: {
      PORT: String(port),
      HOST: "127.0.0.1",
      WORKER_ID: "7",
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const fixture: Fixture = {
    port,
    child,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // Deno's way of saying that the child has ended.
        if (!(error instanceof TypeError)) throw error;
      }
      await child.status;
    },
  };
  // deno-lint-ignore no-undef -- newer than the linter's list of globals.
  await using cleanup = new AsyncDisposableStack();
  cleanup.use(fixture);
  await eventually(async () => {
    await using client = await RawClient.connect({ port });
    await client.ask("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n");
  });
  cleanup.move();
  return fixture;
}

/** The body of the answer to a request. */
async function ask(
  fixture: Fixture,
  path: string,
  request: RequestInit = {},
): Promise<string> {
  const url = `http://127.0.0.1:${fixture.port}${path}`;
  return await (await fetch(url, request)).text();
}

const deno = Deno.execPath();

Deno.test({
  name: "node_http.mjs has a route for everything (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using fixture = await start(["node", "node_http.mjs"]);
    assert.equal(JSON.parse(await ask(fixture, "/")).workerId, "7");
    const echo = JSON.parse(
      await ask(fixture, "/echo?a=1", { method: "POST", body: "abc" }),
    );
    assert.equal(echo.method, "POST");
    assert.equal(echo.url, "/echo?a=1");
    assert.equal(echo.bytes, 3);
    assert.match(echo.sha256, /^ba7816bf/);
    assert.equal((await ask(fixture, "/bytes?n=100000")).length, 100_000);
    assert.equal((await ask(fixture, "/chunked?n=3")).length, 30);
    assert.equal(await ask(fixture, "/slow?ms=1"), "slow");
    const upload = await ask(fixture, "/upload", { method: "PUT", body: "a" });
    assert.equal(JSON.parse(upload).bytes, 1);

    await using client = await RawClient.connect({ port: fixture.port });
    await client.send("GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.readThrough("data: 3\n\n");
    await client.reset();
    await eventually(async () => {
      const { aborted } = JSON.parse(await ask(fixture, "/abort-seen"));
      assert.equal(aborted, 1);
    });

    await assert.rejects(ask(fixture, "/crash"));
    assert.equal((await fixture.child.status).code, 13);
  },
});

Deno.test({
  name: "node_keepalive_1s.mjs closes an idle connection (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using fixture = await start(["node", "node_keepalive_1s.mjs"]);
    await using client = await RawClient.connect({ port: fixture.port });
    const response = await client.ask(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na",
    );
    assert.equal(response.text, '{"posts":1}');
    // By itself Node waits for 5 s.
    assert.equal(response.headers.get("keep-alive"), "timeout=1");
    assert.equal((await client.readUntilEnd()).peer, "closed");
  },
});

Deno.test("express_app.mjs answers", async () => {
  await using fixture = await start([deno, "run", "-A", "express_app.mjs"]);
  assert.equal(JSON.parse(await ask(fixture, "/")).framework, "express");
});

Deno.test("deno_hard_coded.ts is moved by DENO_SERVE_ADDRESS", async () => {
  await using fixture = await start([deno, "run", "-A", "deno_hard_coded.ts"]);
  assert.match(await ask(fixture, "/x"), /^hard-coded \d+ \/x$/);
});

Deno.test("deno_export_default.ts answers under deno serve", async () => {
  await using fixture = await start([
    deno,
    "serve",
    "--port",
    "{port}",
    "--host",
    "{host}",
    "deno_export_default.ts",
  ]);
  assert.match(await ask(fixture, "/x"), /^export default \d+ \/x$/);
});

Deno.test("ws_echo.mjs echoes messages", async () => {
  await using fixture = await start([deno, "run", "-A", "ws_echo.mjs"]);
  const socket = new WebSocket(`ws://127.0.0.1:${fixture.port}/`);
  const messages: string[] = [];
  await new Promise<void>((resolve) => {
    socket.onclose = (): void => resolve();
    socket.onmessage = ({ data }): void => {
      messages.push(data);
      if (messages.length === 1) socket.send("hello");
      else socket.close();
    };
  });
  assert.deepEqual(messages, ["worker 7", "hello"]);
});

Deno.test("recording_worker.ts follows the scripts of its environment", async () => {
  const scripts = JSON.stringify([[
    { do: "read-request" },
    { do: "send", data: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" },
    { do: "close" },
  ]]);
  await using fixture = await start([
    deno,
    "run",
    "-A",
    "recording_worker.ts",
    scripts,
  ]);
  assert.equal(await ask(fixture, "/"), "a");
});

Deno.test({
  name: "php/index.php answers under PHP's own server (needs php)",
  ignore: ignoreWithout("php"),
  async fn(): Promise<void> {
    await using fixture = await start(
      ["php", "-S", "127.0.0.1:{port}", "-t", "php", "php/index.php"],
    );
    const answer = JSON.parse(
      await ask(fixture, "/x?y", { method: "POST", body: "abc" }),
    );
    assert.equal(answer.uri, "/x?y");
    assert.equal(answer.bytes, 3);
  },
});

Deno.test({
  name: "static/ is served by Python's http.server (needs python3)",
  ignore: ignoreWithout("python3"),
  async fn(): Promise<void> {
    await using fixture = await start([
      "python3",
      "-m",
      "http.server",
      "{port}",
      "--bind",
      "127.0.0.1",
      "--directory",
      "static",
    ]);
    assert.match(await ask(fixture, "/"), /A file behind the pool/);
  },
});
