/** Each example, run as its first lines say, shows what it is to show. */

import assert from "node:assert/strict";
import { DenoOnPath, ROOT, startExample } from "../support/example.ts";
import { withDeadline } from "../support/deadline.ts";
import type { PoolProcess } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";
import { get } from "../support/requests.ts";

/** What a user sees of an example. */
interface Example {
  readonly file: string;
  readonly needs?: readonly string[];
  /** What it shows, as the name of its test goes on. */
  readonly shows: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly look: (pool: PoolProcess) => Promise<void>;
}

const EXAMPLES: readonly Example[] = [
  {
    file: "hono.ts",
    shows: "serves by deno serve",
    async look({ port }): Promise<void> {
      assert.match((await get(port, "/")).text, /^pid \d+\n$/);
      const greeting = await get(port, "/greet/Ada");
      assert.deepEqual(JSON.parse(greeting.text), { hello: "Ada" });
    },
  },
  {
    file: "express_sessions.mjs",
    shows: "keeps a session on whichever worker",
    look: lookAtSessions,
  },
  {
    file: "react.mjs",
    shows: "streams the page, and what came late",
    async look({ port }): Promise<void> {
      const page = (await get(port, "/")).text;
      assert.match(page, /<h1>Worker [01]<\/h1>.*Loading.*<li>one<\/li>/s);
    },
  },
  {
    file: "wsgi.py",
    needs: ["python3"],
    shows: "serves a WSGI application",
    async look({ port }): Promise<void> {
      assert.equal((await get(port, "/a?b")).text, "GET /a\n");
    },
  },
  {
    file: "python.sh",
    needs: ["python3"],
    shows: "serves the directory it is started in",
    async look({ port }): Promise<void> {
      assert.match((await get(port, "/LICENSE")).text, /^MIT License/);
    },
  },
  {
    file: "php.php",
    needs: ["php"],
    shows: "knows its client",
    async look({ port }): Promise<void> {
      const { path, client } = JSON.parse((await get(port, "/a?b")).text);
      assert.deepEqual({ path, client }, { path: "/a?b", client: "127.0.0.1" });
    },
  },
  {
    file: "node_server.mjs",
    needs: ["node"],
    shows: "serves on Node",
    async look({ port }): Promise<void> {
      const { text } = await get(port, "/a");
      assert.match(text, /^worker [01]: \/a for 127\.0\.0\.1 by http\n$/);
    },
  },
  {
    file: "llm_tokens.mjs",
    needs: ["node"],
    shows: "sends each token as it comes, also when it is asked to end",
    look: lookAtTokens,
  },
  {
    file: "websocket.mjs",
    shows: "answers, and says goodbye when it is asked to end",
    look: lookAtWebSocket,
  },
  {
    file: "socket_io.mjs",
    shows: "passes on what is said",
    look: lookAtSocketIo,
  },
  {
    file: "behind_cdn.sh",
    needs: ["node"],
    shows: "believes its own addresses alone",
    async look({ port }): Promise<void> {
      const forged = "X-Forwarded-For: 203.0.113.7";
      assert.match((await get(port, "/", forged)).text, /for 127\.0\.0\.1 by/);
    },
  },
  {
    file: "behind_cdn.sh",
    needs: ["node"],
    shows: "knows the visitor",
    // We are the proxy.
    env: { TRUSTED_PROXIES: "127.0.0.0/8" },
    async look({ port }): Promise<void> {
      const fields = [
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Proto: https",
      ];
      const { text } = await get(port, "/", ...fields);
      assert.match(text, /for 203\.0\.113\.7\b.* by https\n$/);
    },
  },
];

for (const { file, needs = [], shows, env, look } of EXAMPLES) {
  const wants = needs.length === 0 ? "" : ` (needs ${needs.join(", ")})`;
  Deno.test({
    name: `examples/${file} ${shows}${wants}`,
    ignore: ignoreWithout(...needs),
    async fn(): Promise<void> {
      using deno = new DenoOnPath();
      await using pool = await startExample(file, deno, env);
      await look(pool);
    },
  });
}

Deno.test("examples/embed.ts starts a pool, asks it and stops it", async () => {
  const { code, stdout, stderr } = await withDeadline(
    new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--allow-net", "--allow-run", "--allow-env"],
        "examples/embed.ts",
      ],
      cwd: ROOT,
    }).output(),
    60_000,
    () => "examples/embed.ts goes on running",
  );
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(
    new TextDecoder().decode(stdout),
    /^200 \{"status":"ok".*^1 requests on 2 workers$/ms,
  );
});

Deno.test("every example is below 60 lines, and is run by a test", async () => {
  const tests = await Deno.readTextFile(new URL(import.meta.url)) +
    await Deno.readTextFile(new URL("nginx_test.ts", import.meta.url));
  const list = await Deno.readTextFile(`${ROOT}examples/README.md`);
  for await (const { name } of Deno.readDir(`${ROOT}examples`)) {
    if (/^deno\.|\.md$|^node_modules$/.test(name)) continue;
    const text = await Deno.readTextFile(`${ROOT}examples/${name}`);
    assert.ok(text.split("\n").length <= 60, `${name} is too long`);
    assert.ok(tests.includes(name), `${name} is run by no test`);
    assert.ok(list.includes(`(${name})`), `${name} is not in the list`);
  }
});

async function lookAtSessions({ port }: PoolProcess): Promise<void> {
  const workers = new Set<string>();
  let cookies = "a=b";
  for (let views = 1; views <= 4; views++) {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { cookie: cookies },
    });
    const seen = await response.json();
    assert.equal(seen.views, views);
    assert.equal(seen.from, "127.0.0.1");
    workers.add(seen.worker);
    cookies = response.headers.getSetCookie()
      .map((cookie) => cookie.split(";")[0]).join("; ");
  }
  assert.equal(workers.size, 2);
}

async function lookAtTokens(pool: PoolProcess): Promise<void> {
  const response = await fetch(`${pool.url}/v1/completions?prompt=a`);
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = (await reader.read()).value ?? "";
  assert.doesNotMatch(text, /DONE/, "it came all at once");
  // The stream is written to its end.
  const stopped = pool.stop("SIGTERM");
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
  }
  const words = [...text.matchAll(/^data: (\{.*\})$/gm)]
    .map((match) => JSON.parse(match[1]!).text);
  assert.equal(
    words.join(" "),
    "Once upon a time there was a pool of workers .",
  );
  assert.match(text, /data: \[DONE\]\n\n$/);
  assert.equal((await stopped).code, 0);
}

async function lookAtWebSocket(pool: PoolProcess): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${pool.port}/`);
  await event(socket, "open");
  socket.send("hello");
  const { data } = await event(socket, "message") as MessageEvent;
  assert.equal(data, "echo hello");
  const closed = event(socket, "close");
  pool.signal("SIGTERM");
  assert.equal((await closed as CloseEvent).code, 1012);
}

async function lookAtSocketIo(pool: PoolProcess): Promise<void> {
  const socket = new WebSocket(
    `ws://127.0.0.1:${pool.port}/socket.io/?EIO=4&transport=websocket`,
  );
  const messages: string[] = [];
  const said = Promise.withResolvers<void>();
  socket.onmessage = ({ data }): void => {
    messages.push(data);
    // Of Engine.IO 4 is a message, and 0 in it is CONNECT, 2 an event.
    if (data.startsWith("0")) socket.send("40");
    if (data.startsWith('42["welcome"')) socket.send('42["say","hello"]');
    if (data === '42["said","hello"]') said.resolve();
  };
  const closed = event(socket, "close");
  await withDeadline(said.promise, 60_000, () => messages.join("\n"));
  pool.signal("SIGTERM");
  await closed;
}

/** The first event of a socket of this name. */
function event(socket: WebSocket, name: string): Promise<Event> {
  const { promise, resolve } = Promise.withResolvers<Event>();
  socket.addEventListener(name, resolve, { once: true });
  return withDeadline(promise, 60_000, () => `The socket has no ${name}`);
}
