/**
 * What the admin pages respond, wherever they are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type AdminPlace, startPoolWithPages } from "../support/admin_pages.ts";
import { readExposition, valueOf } from "../support/exposition.ts";
import { demoWhileOpen, GateFile } from "../support/fixture.ts";
import { UNTRIED } from "../support/pool_process.ts";
import { get } from "../support/requests.ts";

/** What a browser, Prometheus and curl say they would like. */
const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const PROMETHEUS =
  "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const CURL = "*/*";

/** Registers the tests of what the pages respond at `place`. */
export function testAdminPages(place: AdminPlace): void {
  Deno.test(`on ${place}, /_metrics is in the format that is asked for`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "2" },
    });
    for (let i = 0; i < 3; i++) await get(pages.pool.port, "/");
    const typeFor = async (accept: string, query = ""): Promise<string> => {
      const { status, headers } = await get(
        pages.port,
        `/_metrics${query}`,
        `Accept: ${accept}`,
      );
      assert.equal(status, 200);
      const [type = ""] = headers.get("content-type")!.split(";");
      return type;
    };
    assert.equal(await typeFor(CURL), "application/json");
    assert.equal(await typeFor(BROWSER), "application/json");
    assert.equal(await typeFor("application/json"), "application/json");
    assert.equal(await typeFor("text/plain"), "text/plain");
    assert.equal(await typeFor("text/plain;q=0, */*"), "application/json");
    assert.equal(await typeFor(PROMETHEUS), "application/openmetrics-text");
    assert.equal(await typeFor(CURL, "?format=prometheus"), "text/plain");
    assert.equal(
      await typeFor(PROMETHEUS, "?format=json"),
      "application/json",
    );
    const unknown = await get(pages.port, "/_metrics?format=xml");
    assert.equal(unknown.status, 400);

    const { text } = await get(pages.port, "/_metrics", "Accept: text/plain");
    const metrics = readExposition(text, "prometheus");
    const answered = metrics.get("prefork_requests_total")!.samples;
    assert.equal(answered.reduce((sum, { value }) => sum + value, 0), 3);
    assert.equal(valueOf(metrics, "prefork_workers", { state: "ready" }), 2);
    const open = await get(pages.port, "/_metrics", `Accept: ${PROMETHEUS}`);
    readExposition(open.text, "openmetrics");
  });

  Deno.test(`on ${place}, /_events tells what happens as it happens, and ends with the pool`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1" },
    });
    const response = await fetch(`${pages.url}/_events`);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const events = messages(response);
    Deno.kill(pages.pool.workerPids[0]!, "SIGKILL");
    const exited = await nextOf(events, "worker-exited");
    assert.equal(exited["pid"], pages.pool.workerPids[0]);
    assert.equal((exited["status"] as { signal: string }).signal, "SIGKILL");
    const ready = await nextOf(events, "worker-ready");
    assert.equal(ready["workerId"], 0);
    pages.pool.signal("SIGTERM");
    const draining = await nextOf(events, "state-changed");
    assert.equal(draining["to"], "draining");
    // To its end, which is an end in order.
    while (!(await events.next()).done);
    assert.equal((await pages.pool.status).code, 0);
  });

  Deno.test(`on ${place}, POST /_admin/scale sets the wanted number of workers`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1", MIN_WORKERS: "1", MAX_WORKERS: "3" },
    });
    const scale = async (body: unknown): Promise<unknown> => {
      const response = await pages.command("/_admin/scale", body);
      return [response.status, await response.json()];
    };
    assert.deepEqual(await scale({ workers: 2 }), [200, {
      asked: 2,
      from: 1,
      to: 2,
    }]);
    assert.deepEqual(await scale({ workers: "+9" }), [200, {
      asked: 11,
      from: 2,
      to: 3,
    }]);
    const byQuery = await pages.command("/_admin/scale?workers=2", undefined);
    assert.equal((await byQuery.json()).to, 2);
    const [status, answer] = await scale({ workers: "lots" }) as [number, {
      error: string;
    }];
    assert.equal(status, 400);
    assert.match(answer.error, /^Cannot scale: give a whole number/);
    await pages.pool.waitForEvent("pool-scaled", {
      where: ({ to }) => to === 3,
    });
  });

  Deno.test(`on ${place}, POST /_admin/reload tells what came of it: 200, or 409`, async () => {
    using gate = new GateFile();
    gate.open();
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1", ...UNTRIED },
      command: demoWhileOpen(gate.path),
    });
    const response = await pages.command("/_admin/reload");
    const report = await response.json();
    assert.equal(response.status, 200);
    assert.equal(report.ok, true);
    assert.equal(report.generation, 2);
    const verdicts = report.workers.map((w: { verdict: string }) => w.verdict);
    assert.deepEqual(verdicts, ["replaced"]);

    gate.close();
    const failed = await pages.command("/_admin/reload");
    const verdict = await failed.json();
    assert.equal(failed.status, 409);
    assert.equal(verdict.ok, false);
    assert.equal(typeof verdict.reason, "string");
    assert.equal((await get(pages.pool.port, "/")).status, 200);
  });

  Deno.test(`on ${place}, a command that a page elsewhere may have sent is refused`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1" },
    });
    for (const path of ["/_admin/scale?workers=2", "/_admin/reload"]) {
      const response = await fetch(pages.url + path, {
        method: "POST",
        headers: { "Content-Type": "text/plain" },
        body: '{"workers": 2}',
      });
      assert.equal(response.status, 403);
      assert.match((await response.json()).error, /application\/json/);
      // What a browser asks first for a page elsewhere: nothing says yes.
      const preflight = await fetch(pages.url + path, {
        method: "OPTIONS",
        headers: {
          "Origin": "http://evil.example",
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "content-type",
        },
      });
      await preflight.body?.cancel();
      assert.equal(preflight.status, 405);
      assert.equal(preflight.headers.has("access-control-allow-origin"), false);
      assert.equal(preflight.headers.get("allow"), "POST");
    }
    const { pool, generation } = await pages.pool.metrics(pages.port);
    assert.deepEqual([pool.desired, generation], [1, 1]);
  });

  Deno.test(`on ${place}, a command is small`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1" },
    });
    const workers = "9".repeat(5000);
    const response = await pages.command("/_admin/scale", { workers });
    assert.equal(response.status, 413);
    await response.body?.cancel();
  });

  Deno.test(`on ${place}, the dashboard and its parts are served to be shown and nothing more`, async () => {
    await using pages = await startPoolWithPages(place, {
      env: { POOL_SIZE: "1" },
    });
    const types = {
      "/_dashboard": /^text\/html/,
      "/_dashboard/main.js": /^text\/javascript/,
      "/_dashboard/uplot.js": /^text\/javascript/,
      "/_dashboard/style.css": /^text\/css/,
    };
    for (const [path, type] of Object.entries(types)) {
      const { status, headers, body } = await get(pages.port, path);
      assert.equal(status, 200, path);
      assert.match(headers.get("content-type")!, type);
      assert.match(headers.get("content-security-policy")!, /'none'/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.ok(body.length > 1000, path);
    }
    assert.equal(
      (await fetch(`${pages.url}/_events`, { method: "HEAD" })).status,
      405,
    );
  });
}

/** The events of a stream, as their data has them. */
async function* messages(
  response: Response,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  let rest = "";
  const texts = response.body!.pipeThrough(new TextDecoderStream());
  for await (const text of texts) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const [, data] = /^data: (.*)$/m.exec(part) ?? [];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

/** The next event of a type. */
async function nextOf(
  events: AsyncGenerator<Readonly<Record<string, unknown>>>,
  type: string,
): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const { done, value } = await events.next();
    assert(!done, `the stream ended before "${type}"`);
    if (value["type"] === type) return value;
  }
}
