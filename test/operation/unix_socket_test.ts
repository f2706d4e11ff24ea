/**
 * The public port as a unix socket, which is the runtime's on each transport.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import {
  DEFAULT_DEADLINE_MS,
  eventually,
  withDeadline,
} from "../support/deadline.ts";
import { askMetrics, echoedFields } from "../support/demo_requests.ts";
import { get as getRequest, postHead } from "../support/message_text.ts";
import { spawnPool, startPool } from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import { RawSocket } from "../support/raw_socket.ts";

/** What listening on a unix socket takes beside the usual permissions. */
function unixPermissions(path: string): string[] {
  return [
    "--no-prompt",
    "--allow-net",
    "--allow-run",
    "--allow-env",
    `--allow-read=${path}`,
    `--allow-write=${path}`,
  ];
}

/** A directory of a test's own. */
async function temporaryDirectory(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Connects to a unix socket. */
async function connectUnix(path: string): Promise<RawClient> {
  const socket = await new Promise<net.Socket>((resolve, reject) => {
    const socket = net.connect({ path });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.pause();
      resolve(socket);
    });
  });
  return RawClient.over(new RawSocket(socket));
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("a unix socket serves whoever may open it, believes what it says of its clients, and is gone after the stop", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "pool.sock");
  await using pool = await startPool({
    env: { HOST: `unix:${path}`, POOL_SIZE: "1" },
    permissions: unixPermissions(path),
  });
  const { hostname, port } = await pool.waitForEvent("listening");
  assert.deepEqual([hostname, port], [`unix:${path}`, 0]);
  await using client = await connectUnix(path);
  const alone = await echoedFields(client, "");
  assert.equal(alone["x-forwarded-for"], "unknown");
  assert.equal(alone["forwarded"], 'for=unknown;proto=http;host="a"');
  assert.equal(alone["x-forwarded-proto"], "http");
  assert.equal(alone["x-forwarded-port"], undefined);
  const behind = await echoedFields(
    client,
    "",
    "X-Forwarded-For: 192.0.2.7",
    "X-Forwarded-Proto: https",
  );
  assert.equal(behind["x-forwarded-for"], "192.0.2.7, unknown");
  assert.equal(behind["x-forwarded-proto"], "https");
  // Nobody there is known to be on this machine.
  assert.equal((await client.ask(askMetrics())).status, 404);
  assert.equal((await client.ask(getRequest("/_health"))).status, 200);
  assert.equal((await pool.stop()).code, 0);
  assert.equal(await exists(path), false);
});

Deno.test("the socket that a dead program has left is replaced, one that is listened on is not", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "pool.sock");
  const options = {
    env: { HOST: `unix:${path}`, POOL_SIZE: "1" },
    permissions: unixPermissions(path),
  };
  {
    await using killed = await startPool(options);
    await killed.kill();
  }
  assert.equal(await exists(path), true);
  await using pool = await startPool(options);
  await assertRefused(path, options.permissions, [
    "another program listens there, or the file is no socket. " +
    "Set HOST to another path, or stop that program.",
  ]);
  await using client = await connectUnix(path);
  assert.equal((await client.ask(getRequest("/_health"))).status, 200);
  assert.equal((await pool.stop()).code, 0);
});

Deno.test("while a pool drains its successor listens on the same unix socket, and keeps the file", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "pool.sock");
  const options = {
    env: { HOST: `unix:${path}`, POOL_SIZE: "1" },
    permissions: unixPermissions(path),
  };
  await using old = await startPool(options);
  await using upload = await connectUnix(path);
  await upload.send(postHead("/upload", "Content-Length: 2") + "a");
  const stopped = old.stop();
  await eventually(async () => assert.equal(await exists(path), false));
  await using successor = await startPool(options);
  assert.equal((await upload.ask("b")).status, 200);
  assert.equal((await stopped).code, 0);
  await using client = await connectUnix(path);
  assert.equal((await client.ask(getRequest("/_health"))).status, 200);
  assert.equal((await successor.stop()).code, 0);
  assert.equal(await exists(path), false);
});

Deno.test("a file that somebody has put in the place of the unix socket stays", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "pool.sock");
  await using pool = await startPool({
    env: { HOST: `unix:${path}`, POOL_SIZE: "1" },
    permissions: unixPermissions(path),
  });
  await Deno.remove(path);
  using other = Deno.listen({ transport: "unix", path });
  assert.equal((await pool.stop()).code, 0);
  assert.equal(await exists(path), true);
  assert.equal((other.addr as Deno.UnixAddr).path, path);
});

Deno.test("a file that is no socket is left alone", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "letter.txt");
  await writeFile(path, "dear reader");
  await assertRefused(path, unixPermissions(path), ["the file is no socket"]);
  assert.equal(await Deno.readTextFile(path), "dear reader");
});

Deno.test("a unix socket that cannot be made says what to change", async () => {
  await assertRefused("/nowhere/pool.sock", ["-A"], [
    "its directory does not exist. Create it, or set HOST to another path.",
  ]);
  await assertRefused("/tmp/pool.sock", [
    "--no-prompt",
    "--allow-net",
    "--allow-run",
    "--allow-env",
  ], ["Run with --allow-net, --allow-read and --allow-write."]);
});

async function assertRefused(
  path: string,
  permissions: readonly string[],
  says: readonly string[],
): Promise<void> {
  await using pool = spawnPool({
    env: { HOST: `unix:${path}`, LOG_FORMAT: "text", LOG_LEVEL: "error" },
    permissions,
  });
  const status = await withDeadline(
    pool.status,
    DEFAULT_DEADLINE_MS,
    () => `The pool goes on running:\n${pool.logs}`,
  );
  assert.equal(status.code, 1, pool.logs);
  for (const expected of says) {
    assert.ok(pool.logs.includes(expected), pool.logs);
  }
  assert.doesNotMatch(pool.logs, /^\s+at |Uncaught/m);
}
