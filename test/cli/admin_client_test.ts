/** What is asked of a pool, and what is made of its answers. */

import assert from "node:assert/strict";
import { AdminClient } from "../../src/cli/admin_client.ts";
import { CliError } from "../../src/cli/subcommand.ts";
import { refusedReload } from "../../src/events/reload_report.ts";
import { metricsSnapshot } from "../support/metrics_snapshot.ts";

const TOKEN = "correct-horse-battery-staple";

/** A server that answers everything with `answer`, and what it was asked. */
class FakePool implements AsyncDisposable {
  /** What it was asked: a copy, which outlives the connection. */
  readonly requests: Request[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: () => Response) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const { method, url, headers } = request;
        const body = await request.text() || null;
        this.requests.push(
          new Request(url, { method, headers: [...headers], body }),
        );
        return answer();
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  client(token: string | null = null): AdminClient {
    return new AdminClient({ url: this.url, token });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The error of a request that `answer` is given to. */
async function errorFor(answer: () => Response): Promise<string> {
  await using pool = new FakePool(answer);
  let message = "";
  await assert.rejects(pool.client().metrics(), (error) => {
    assert(error instanceof CliError && !error.usage);
    message = error.message.replaceAll(pool.url, "URL");
    return true;
  });
  return message;
}

Deno.test("the token goes with every request, if there is one", async () => {
  await using pool = new FakePool(() => Response.json(metricsSnapshot()));
  await pool.client().metrics();
  await pool.client(TOKEN).metrics();
  const fields = pool.requests.map(({ headers }) =>
    headers.get("authorization")
  );
  assert.deepEqual(fields, [null, `Bearer ${TOKEN}`]);
});

Deno.test("commands are POST requests with JSON, figures are read as JSON", async () => {
  await using pool = new FakePool(() =>
    Response.json({ ...metricsSnapshot(), ...refusedReload(1, "x"), to: 1 })
  );
  const client = pool.client();
  await client.metrics();
  await client.reload();
  await client.scale("+1");
  assert.deepEqual(
    pool.requests.map(({ method, url }) => [method, new URL(url).pathname]),
    [
      ["GET", "/_metrics"],
      // A reload may take any time: whether anybody responds is asked before.
      ["GET", "/_admin/instance"],
      ["POST", "/_admin/reload"],
      ["POST", "/_admin/scale"],
    ],
  );
  const bodies = await Promise.all(pool.requests.map((r) => r.text()));
  assert.deepEqual(bodies, ["", "", "{}", '{"workers":"+1"}']);
  assert.equal(pool.requests[0]!.headers.get("accept"), "application/json");
  assert.equal(
    pool.requests[3]!.headers.get("content-type"),
    "application/json",
  );
});

Deno.test("a reload that failed is a report as well", async () => {
  const report = refusedReload(1, "the pool is draining");
  await using pool = new FakePool(() => Response.json(report, { status: 409 }));
  assert.deepEqual(await pool.client().reload(), report);
});

for (const status of [401, 404]) {
  Deno.test(`an answer with ${status} says how to be let in`, async () => {
    const message = await errorFor(() => new Response("no", { status }));
    assert.match(message, new RegExp(`^Cannot see .* at URL \\(${status}\\)`));
    assert.match(message, /--token T/);
    assert.match(message, /--admin URL/);
  });
}

Deno.test("what the pool says of a request it refuses is passed on", async () => {
  const error = "Cannot scale: give a whole number of workers";
  const message = await errorFor(() =>
    Response.json({ error }, { status: 400 })
  );
  assert.equal(message, error);
});

for (
  const [what, body] of [
    ["a web page", "<h1>hello</h1>"],
    ["other JSON", '{"status": "ok"}'],
    ["JSON that is no object", "[]"],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`${what} is not taken for a pool's answer`, async () => {
    const message = await errorFor(() => new Response(body));
    assert.match(message, /^Cannot understand what responds at URL \(200\)/);
    assert.match(message, /does not seem to be a pool/);
    await using other = new FakePool(() => new Response(body));
    for (const path of ["/_health", "/_ready"] as const) {
      await assert.rejects(other.client().statusOf(path), {
        name: "CliError",
        message: /\(200\): it does not seem to be a pool/,
      });
    }
  });
}

Deno.test("nobody waits for ever for a pool that takes connections and does not respond", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const client = new AdminClient({ url, token: null }, 50);
  const late = { name: "CliError", message: /no response in time/ };
  await assert.rejects(client.metrics(), late);
  await assert.rejects(client.scale("+1"), late);
  await assert.rejects(client.reload(), late);
  await assert.rejects(client.stop(), late);
  await assert.rejects(client.events({ since: 0, follow: true }), late);
});

Deno.test("a response that is cut is said", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const metrics = new AdminClient({ url, token: null }).metrics();
  using connection = await listener.accept();
  await connection.read(new Uint8Array(4096));
  await connection.write(
    new TextEncoder().encode('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a'),
  );
  await connection.closeWrite();
  await assert.rejects(metrics, {
    name: "CliError",
    message: /has not come whole/,
  });
});
