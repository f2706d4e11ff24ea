/**
 * Where clients connect: IPv6, unix sockets, and behind a balancer that speaks
 * the PROXY protocol.
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
import { get as getRequest, head, postHead } from "../support/message_text.ts";
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

/** The forwarding fields that a worker got, of the demo application's `/echo`. */
async function echoedFields(
  client: RawClient,
  before: string,
  ...fields: string[]
): Promise<Record<string, string>> {
  const response = await client.ask(before + getRequest("/echo", ...fields));
  return JSON.parse(response.text).headers;
}

/** Asks for an admin page as a person on this machine would. */
function askMetrics(...fields: string[]): string {
  return head("GET /_metrics HTTP/1.1", "Host: localhost", ...fields);
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

Deno.test("clients of an IPv6 listener are named by their address, those of IPv4 by theirs", async () => {
  await using pool = await startPool({
    env: { HOST: "::", POOL_SIZE: "1", TRUSTED_PROXIES: "127.0.0.0/8" },
  });
  const field = "X-Forwarded-For: 203.0.113.9";
  await using six = await RawClient.connect({
    ...portOf(pool),
    hostname: "::1",
  });
  const ofSix = await echoedFields(six, "", field);
  assert.equal(ofSix["x-forwarded-for"], "::1");
  assert.equal(ofSix["forwarded"], 'for="[::1]";proto=http;host="a"');
  await using four = await RawClient.connect(portOf(pool));
  const ofFour = await echoedFields(four, "", field);
  assert.equal(ofFour["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
  assert.match(ofFour["forwarded"] ?? "", /for=127\.0\.0\.1;/);
  assert.equal((await six.ask(askMetrics())).status, 200);
});

Deno.test("HOST=::1 serves IPv6 alone, and TRUSTED_PROXIES may name it", async () => {
  await using pool = await startPool({
    env: { HOST: "::1", POOL_SIZE: "1", TRUSTED_PROXIES: "::1/128,fd00::/8" },
  });
  await assert.rejects(RawClient.connect(portOf(pool)), /ECONNREFUSED/);
  await using client = await RawClient.connect({
    ...portOf(pool),
    hostname: "::1",
  });
  const fields = await echoedFields(
    client,
    "",
    "X-Forwarded-For: 2001:db8::7",
    'Forwarded: for="[2001:db8::7]"',
    "X-Forwarded-Port: 443",
  );
  assert.equal(fields["x-forwarded-for"], "2001:db8::7, ::1");
  assert.equal(
    fields["forwarded"],
    'for="[2001:db8::7]", for="[::1]";proto=http;host="a"',
  );
  assert.equal(fields["x-forwarded-port"], "443");
});

Deno.test("with PROXY_PROTOCOL=on no header opens the admin pages, and a token does", async () => {
  const token = "correct-horse-battery-staple";
  await using pool = await startPool({
    env: { PROXY_PROTOCOL: "on", POOL_SIZE: "1", ADMIN_TOKEN: token },
  });
  const headers = [
    "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    "PROXY TCP6 ::1 ::1 1 2\r\n",
    "PROXY TCP6 ::ffff:127.0.0.1 ::1 1 2\r\n",
    "PROXY UNKNOWN\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
  ];
  for (const header of headers) {
    await using client = await RawClient.connect(portOf(pool));
    const response = await client.ask(header + askMetrics());
    assert.equal(response.status, 404, header);
    assert.equal((await client.ask(getRequest("/_ready"))).status, 200);
    const authorization = `Authorization: Bearer ${token}`;
    const opened = await client.ask(askMetrics(authorization));
    assert.equal(opened.status, 200);
  }
});

function portOf({ port }: { readonly port: number }): { port: number } {
  return { port };
}

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
