/**
 * HTTPS as an operator sets it up: two files, the permission to read them, and
 * SIGHUP when they have been renewed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ws from "ws";
import {
  DEFAULT_DEADLINE_MS,
  eventually,
  withDeadline,
} from "../support/deadline.ts";
import { get, post, postHead } from "../support/message_text.ts";
import {
  type PoolProcess,
  spawnPool,
  startPool,
} from "../support/pool_process.ts";
import { RawClient } from "../support/raw_client.ts";
import {
  clientHello,
  connectTls,
  EXPIRED,
  FIRST,
  SECOND,
  type TestCertificate,
  UNUSUAL,
  WEAK,
} from "../support/tls.ts";

const BODY_BYTES = 32 * 1024 * 1024;

const LINUX_ONLY = Deno.build.os !== "linux";

/** Settings and permissions for these files, and no more. */
function serving(
  { certPath, keyPath }: Pick<TestCertificate, "certPath" | "keyPath">,
): { env: Record<string, string>; permissions: string[] } {
  return {
    env: {
      POOL_SIZE: "1",
      SERVER_CERT_PATH: certPath,
      SERVER_KEY_PATH: keyPath,
    },
    permissions: [
      "--no-prompt",
      "--allow-net",
      "--allow-run",
      "--allow-env",
      `--allow-read=${certPath},${keyPath}`,
    ],
  };
}

/** Files of its own for a test, which it may change. */
async function ownFiles(): Promise<
  AsyncDisposable & Pick<TestCertificate, "certPath" | "keyPath"> & {
    install(certificate: TestCertificate): Promise<void>;
  }
> {
  const directory = await Deno.makeTempDir();
  const certPath = join(directory, "cert.pem");
  const keyPath = join(directory, "key.pem");
  const files = {
    certPath,
    keyPath,
    async install(certificate: TestCertificate): Promise<void> {
      await copyFile(certificate.certPath, certPath);
      await copyFile(certificate.keyPath, keyPath);
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  await files.install(FIRST);
  return files;
}

Deno.test("HTTPS is served with --allow-read of the two files and no more", async () => {
  await using pool = await startPool(serving(FIRST));
  const { tls } = await pool.waitForEvent("listening");
  assert.equal(tls, true);
  await using connection = await connectTls(pool.port);
  const { client } = connection;
  assert.equal(connection.alpn, "http/1.1");
  assert.equal((await client.ask(get("/api/health"))).status, 200);
  const download = await client.ask(get(`/bytes?n=${BODY_BYTES}`));
  assert.equal(download.body.length, BODY_BYTES);
  await client.send(postHead("/upload", `Content-Length: ${BODY_BYTES}`));
  await client.send(new Uint8Array(BODY_BYTES));
  assert.equal(
    JSON.parse((await client.readResponse()).text).bytes,
    BODY_BYTES,
  );
  assert.equal((await client.ask(post("/upload", "abc"))).status, 200);
});

Deno.test("a WebSocket passes over TLS", async () => {
  await using pool = await startPool({
    ...serving(FIRST),
    command: [
      Deno.execPath(),
      "run",
      "-A",
      fileURLToPath(new URL("../fixtures/ws_echo.mjs", import.meta.url)),
    ],
  });
  const socket = new ws(`wss://127.0.0.1:${pool.port}/`, {
    rejectUnauthorized: false,
  });
  const next = (): Promise<string> =>
    withDeadline(
      new Promise((resolve, reject) => {
        socket.once("message", (data: unknown) => resolve(String(data)));
        socket.once("error", reject);
      }),
      DEFAULT_DEADLINE_MS,
      () => "There was no message",
    );
  assert.equal(await next(), "worker 0");
  for (const length of [1, 125, 65_536, 1_000_000]) {
    const text = "x".repeat(length);
    socket.send(text);
    assert.equal(await next(), text);
  }
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close(1000);
  assert.equal(await closed, 1000);
});

/** Sends SIGHUP and waits until the certificate has been read. */
async function reload(pool: PoolProcess): Promise<void> {
  const from = pool.events.length;
  pool.signal("SIGHUP");
  await pool.waitForEvent("notice", {
    from,
    where: ({ message }) => message.startsWith("Certificate read anew"),
  });
}

/** Sends SIGHUP and waits for what is said of its being refused. */
async function refusal(pool: PoolProcess): Promise<string> {
  const from = pool.events.length;
  pool.signal("SIGHUP");
  const { report } = await pool.waitForEvent("reload-finished", {
    from,
    where: ({ report }) => !report.ok,
  });
  return report.reason!;
}

Deno.test("SIGHUP shows the new certificate to new connections, and touches no other", async () => {
  await using files = await ownFiles();
  await using pool = await startPool(serving(files));
  await using idle = await connectTls(pool.port);
  await idle.client.ask(get("/"));
  await using busy = await connectTls(pool.port);
  await busy.client.send(get(`/bytes?n=${BODY_BYTES}`));
  await busy.client.readThrough("\r\n\r\n");
  busy.wire.hold();

  await files.install(SECOND);
  await reload(pool);
  await using after = await connectTls(pool.port);
  assert.equal(after.certificateName, SECOND.name);
  assert.equal((await idle.client.ask(get("/api/health"))).status, 200);
  busy.wire.release();
  assert.equal((await busy.client.read(BODY_BYTES)).length, BODY_BYTES);

  // Files that cannot be used change nothing.
  await writeFile(files.certPath, "garbage");
  assert.match(await refusal(pool), /holds no PEM certificate\.$/);
  await files.install(WEAK);
  assert.match(await refusal(pool), /is not accepted: .*key too small\.$/);
  await files.install(UNUSUAL);
  assert.match(await refusal(pool), /cannot be used \(secp256k1\)/);
  await files.install(FIRST);
  await copyFile(SECOND.keyPath, files.keyPath);
  assert.match(await refusal(pool), /is not the key of/);
  await Deno.remove(files.keyPath);
  assert.match(await refusal(pool), /SERVER_KEY_PATH cannot be read/);
  await using still = await connectTls(pool.port);
  assert.equal(still.certificateName, SECOND.name);
});

Deno.test("a certificate that has expired is served, with a warning at the start and at each reload", async () => {
  await using files = await ownFiles();
  await files.install(EXPIRED);
  await using pool = await startPool(serving(files));
  const warned = async (from: number): Promise<string> => {
    const { level, message } = await pool.waitForEvent("notice", {
      from,
      where: ({ message }) => message.startsWith("The certificate in"),
    });
    assert.equal(level, "warning");
    return message;
  };
  const says =
    `The certificate in SERVER_CERT_PATH (${files.certPath}) expired at ` +
    "2020-02-01T00:00:00Z: clients refuse it. Renew it and reload.";
  assert.equal(await warned(0), says);
  await using connection = await connectTls(pool.port);
  assert.equal(connection.certificateName, EXPIRED.name);

  const first = pool.events.length;
  await reload(pool);
  assert.equal(await warned(first), says);

  await files.install(FIRST);
  const second = pool.events.length;
  await reload(pool);
  await pool.waitForEvent("reload-finished", { from: second });
  assert.ok(
    !pool.events.slice(second).some((event) =>
      event.type === "notice" && event.message.startsWith("The certificate in")
    ),
  );
});

/** Files that cannot be used, and what is said of them. */
const UNUSABLE: Readonly<
  Record<string, readonly [cert: string, key: string, says: RegExp]>
> = {
  "a certificate that is missing": [
    "/nowhere/cert.pem",
    FIRST.keyPath,
    /SERVER_CERT_PATH cannot be read: No such file/,
  ],
  "a certificate that is none": [
    FIRST.keyPath,
    FIRST.keyPath,
    /SERVER_CERT_PATH \(.*first_key\.pem\) holds no PEM certificate\./,
  ],
  "a key that is none": [
    FIRST.certPath,
    FIRST.certPath,
    /SERVER_KEY_PATH \(.*\) holds no PEM private key, or one that is encrypted\./,
  ],
  "the key of another certificate": [
    FIRST.certPath,
    SECOND.keyPath,
    /SERVER_KEY_PATH \(.*\) is not the key of the certificate in SERVER_CERT_PATH/,
  ],
};

for (const [name, [certPath, keyPath, says]] of Object.entries(UNUSABLE)) {
  Deno.test(`the pool does not start with ${name}, and says so`, async () => {
    const { env, permissions } = serving({ certPath, keyPath });
    await assertRefused({ ...env, LOG_FORMAT: "text" }, permissions, 1, says);
  });
}

Deno.test("the pool does not start with a damaged certificate in its chain, and says so", async () => {
  await using files = await ownFiles();
  const damaged =
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  await writeFile(files.certPath, damaged, { flag: "a" });
  const { env, permissions } = serving(files);
  await assertRefused(
    { ...env, LOG_FORMAT: "text" },
    permissions,
    1,
    /SERVER_CERT_PATH \(.*\) holds a damaged certificate\./,
  );
});

Deno.test("the pool does not start without the permission to read its certificate, and says which", async () => {
  await assertRefused(
    { ...serving(FIRST).env, LOG_FORMAT: "text" },
    ["--no-prompt", "--allow-net", "--allow-run", "--allow-env"],
    1,
    /Cannot serve TLS: Deno does not permit reading SERVER_CERT_PATH \(.*\); run with --allow-read=/,
  );
});

Deno.test("a certificate without its key is a mistake in the settings", async () => {
  await assertRefused(
    { SERVER_CERT_PATH: FIRST.certPath },
    serving(FIRST).permissions,
    2,
    /SERVER_CERT_PATH=.*: needs SERVER_KEY_PATH/,
  );
});

Deno.test("one file may hold the certificate and its key", async () => {
  await using files = await ownFiles();
  await writeFile(files.certPath, await Deno.readTextFile(files.keyPath), {
    flag: "a",
  });
  await using pool = await startPool(
    serving({ certPath: files.certPath, keyPath: files.certPath }),
  );
  await using connection = await connectTls(pool.port);
  assert.equal(connection.certificateName, FIRST.name);
});

Deno.test({
  name: "descriptors are given back, however a handshake ends (needs /proc)",
  ignore: LINUX_ONLY,
  async fn(): Promise<void> {
    const { env } = serving(FIRST);
    await using pool = await startPool({ env, permissions: ["-A"] });
    const count = (): number =>
      [...Deno.readDirSync(`/proc/${pool.pid}/fd`)].length;
    await (await connectTls(pool.port))[Symbol.asyncDispose]();
    const before = count();
    const hello = await clientHello("TLSv1.3");
    for (let length = 0; length < hello.length; length += 16) {
      for (const end of ["close", "closeWrite", "reset"] as const) {
        await using client = await RawClient.connect(pool);
        await client.send(hello.subarray(0, length));
        if (length % 32 === 0) await client.send("garbage");
        await client[end]();
      }
    }
    await eventually(() => {
      const now = count();
      assert.ok(now <= before, `${now} descriptors, and ${before} before`);
      return Promise.resolve();
    });
    await using connection = await connectTls(pool.port);
    assert.equal((await connection.client.ask(get("/"))).status, 200);
  },
});

async function assertRefused(
  env: Record<string, string>,
  permissions: readonly string[],
  code: number,
  says: RegExp,
): Promise<void> {
  await using pool = spawnPool({
    env: { LOG_LEVEL: "error", ...env },
    permissions,
  });
  const status = await withDeadline(
    pool.status,
    DEFAULT_DEADLINE_MS,
    () => `The pool goes on running:\n${pool.logs}`,
  );
  assert.equal(status.code, code, pool.logs);
  assert.match(pool.logs, says);
  assert.doesNotMatch(pool.logs, /^\s+at |Uncaught/m);
}
