/**
 * What a pool leaves behind for the command line, and who may have put it
 * there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  parseRecord,
  type PoolRecord,
} from "../../src/registry/pool_record.ts";
import {
  isRunning,
  listPools,
  registerPool,
  RuntimeDirectoryError,
} from "../../src/registry/pool_registry.ts";
import { ignoreWithout } from "../support/programs.ts";
import { runtimeDirectory } from "../../src/registry/runtime_directory.ts";
import { poolRecord } from "../support/pool_record.ts";

/** A place for records that is nobody else's, and gone in the end. */
class Place implements AsyncDisposable {
  readonly base = Deno.makeTempDirSync();
  readonly path = `${this.base}/pools`;
  readonly env = new Map([["RUNTIME_DIRECTORY", this.path]]);

  /** The names of what is in a directory; by default in that of the records. */
  async files(path: string = this.path): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(path)) names.push(name);
    return names.toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.base, { recursive: true });
  }
}

Deno.test("a record is readable by its user alone, and gone when it is removed", async () => {
  await using place = new Place();
  const record = poolRecord();
  const registration = await registerPool(record, place.env);
  const mode = async (path: string): Promise<string> =>
    ((await Deno.lstat(path)).mode! & 0o777).toString(8);
  assert.equal(await mode(place.path), "700");
  assert.equal(await mode(registration.path), "600");
  assert.deepEqual(await listPools(place.env), [record]);
  assert.equal(await isRunning(record, place.env), true);
  registration.remove();
  assert.deepEqual(await place.files(), []);
  assert.deepEqual(await listPools(place.env), []);
  assert.equal(await isRunning(record, place.env), false);
});

Deno.test("a record that others take away is written again, its directory too, and not once it is removed", async () => {
  await using place = new Place();
  const record = poolRecord();
  const registration = await registerPool(record, place.env);
  await Deno.remove(registration.path);
  await registration.restore();
  assert.deepEqual(await listPools(place.env), [record]);

  // As a clean-up of /tmp does.
  await Deno.remove(place.path, { recursive: true });
  const later = { ...record, stopping: true };
  registration.update(later);
  assert.deepEqual(await listPools(place.env), []);
  await registration.restore();
  assert.deepEqual(await listPools(place.env), [later]);

  // As at the end of a user's session: nobody looks there until the next.
  await Deno.remove(place.base, { recursive: true });
  await registration.restore();
  await Deno.mkdir(place.base);
  const restored = registration.restore();
  registration.remove();
  await restored;
  assert.deepEqual(await listPools(place.env), []);
});

Deno.test("a record is not written again into what may be a trap", async () => {
  await using place = new Place();
  const registration = await registerPool(poolRecord(), place.env);
  await Deno.remove(place.path, { recursive: true });
  await Deno.symlink(place.base, place.path);
  await assert.rejects(registration.restore(), RuntimeDirectoryError);
  registration.remove();
});

Deno.test("the pools are listed by age, whoever looks how often", async () => {
  await using place = new Place();
  const young = poolRecord({ pid: 11, startedAt: 2000 });
  const old = poolRecord({ pid: 12, startedAt: 1000 });
  const registrations = [
    await registerPool(young, place.env),
    await registerPool(old, place.env),
  ];
  const seen = await Promise.all(
    Array.from({ length: 20 }, () => listPools(place.env)),
  );
  for (const pools of seen) assert.deepEqual(pools, [old, young]);
  for (const registration of registrations) registration.remove();
});

Deno.test("what a killed pool has left is ignored and taken away, though its process id is alive again", async () => {
  await using place = new Place();
  const dead = poolRecord({ pid: Deno.pid });
  await Deno.mkdir(place.path, { mode: 0o700 });
  const path = `${place.path}/${dead.pid}.json`;
  await Deno.writeTextFile(path, JSON.stringify(dead));
  const lookers = await Promise.all([
    listPools(place.env),
    listPools(place.env),
    listPools(place.env),
  ]);
  assert.deepEqual(lookers, [[], [], []]);
  assert.deepEqual(await place.files(), []);
});

Deno.test("a pool that starts takes away what dead ones have left", async () => {
  await using place = new Place();
  await Deno.mkdir(place.path, { mode: 0o700 });
  await Deno.writeTextFile(`${place.path}/1.json`, "{}");
  const registration = await registerPool(poolRecord(), place.env);
  assert.equal((await place.files()).length, 1);
  registration.remove();
});

Deno.test("a directory that is a link is not followed, wherever it leads", async () => {
  await using place = new Place();
  const trap = `${place.base}/trap`;
  await Deno.mkdir(trap, { mode: 0o700 });
  await Deno.symlink(trap, place.path);
  const expected = (error: unknown): true => {
    assert.ok(error instanceof RuntimeDirectoryError);
    assert.match(error.message, /pools is a link; remove it$/);
    return true;
  };
  await assert.rejects(registerPool(poolRecord(), place.env), expected);
  await assert.rejects(listPools(place.env), expected);
  assert.deepEqual(await place.files(trap), []);
});

Deno.test("a directory that others may write is not used", async () => {
  await using place = new Place();
  await Deno.mkdir(place.path);
  for (const mode of [0o770, 0o777, 0o707]) {
    await Deno.chmod(place.path, mode);
    await assert.rejects(registerPool(poolRecord(), place.env), {
      message: /can be written by other users; run chmod 700/,
    });
  }
  assert.deepEqual(await place.files(), []);
});

Deno.test({
  name: "a directory of another user is not used (needs root)",
  ignore: Deno.uid() !== 0,
  async fn(): Promise<void> {
    await using place = new Place();
    await Deno.mkdir(place.path, { mode: 0o700 });
    await Deno.chown(place.path, 65_534, 65_534);
    await assert.rejects(registerPool(poolRecord(), place.env), {
      message: /belongs to another user \(65534\)/,
    });
    await assert.rejects(listPools(place.env), RuntimeDirectoryError);
  },
});

Deno.test("a session's directory that is a file is said, with what to do", async () => {
  const file = await Deno.makeTempFile();
  try {
    const env = new Map([["XDG_RUNTIME_DIR", file]]);
    const expected = {
      name: "RuntimeDirectoryError",
      message: /cannot be used: .*; set XDG_RUNTIME_DIR to a directory/,
    };
    await assert.rejects(registerPool(poolRecord(), env), expected);
    await assert.rejects(listPools(env), expected);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("without a directory there are no pools, and none is made for looking", async () => {
  await using place = new Place();
  assert.deepEqual(await listPools(place.env), []);
  assert.deepEqual(await place.files(place.base), []);
});

Deno.test("the directory is the service's, else the session's, else one in /tmp with our number", async () => {
  const session = await Deno.makeTempDir();
  const at = (variables: Record<string, string>): Promise<string> =>
    runtimeDirectory(new Map(Object.entries(variables)));
  assert.equal(
    await at({ RUNTIME_DIRECTORY: "/run/a:/run/b", XDG_RUNTIME_DIR: session }),
    "/run/a",
  );
  assert.equal(
    await at({ XDG_RUNTIME_DIR: session }),
    `${session}/prefork-pool`,
  );
  const shared = `/tmp/prefork-pool-${Deno.uid()}`;
  assert.equal(await at({}), shared);
  assert.equal(await at({ XDG_RUNTIME_DIR: `${session}/gone` }), shared);
  await Deno.remove(session);
});

Deno.test({
  name:
    "where nothing can be written `list` says so, and shows no stack trace (needs unshare, and to be root)",
  ignore: ignoreWithout("unshare") || Deno.uid() !== 0,
  async fn(): Promise<void> {
    const program = fileURLToPath(
      new URL("../../tools/prefork-pool.ts", import.meta.url),
    );
    const readOnly = "mount --bind /tmp /tmp && " +
      'mount -o remount,ro,bind /tmp && exec "$0" "$@"';
    const { code, stderr } = await new Deno.Command("unshare", {
      args: [
        ...["--mount", "sh", "-c", readOnly, Deno.execPath(), "run", "--quiet"],
        ...["--allow-env", "--allow-read", "--allow-write", program, "list"],
      ],
      env: { RUNTIME_DIRECTORY: "", XDG_RUNTIME_DIR: "", NO_COLOR: "1" },
    }).output();
    assert.match(
      new TextDecoder().decode(stderr),
      /^Cannot list the pools: \/tmp cannot be written: .*--allow-sys=uid\.\n$/,
    );
    assert.equal(code, 1);
  },
});

Deno.test("what is no record is not taken for one", () => {
  const record = poolRecord();
  assert.deepEqual(parseRecord(JSON.stringify(record)), record);
  const broken: readonly Partial<Record<keyof PoolRecord, unknown>>[] = [
    { pid: "1" },
    { instance: "" },
    { key: undefined },
    { admin: { transport: "tcp", host: "::1" } },
    { settings: null },
    { startedAt: "now" },
  ];
  for (const part of broken) {
    const text = JSON.stringify({ ...record, ...part });
    assert.equal(parseRecord(text), null, text);
  }
  for (const text of ["", "{", "null", "[]", '"x"']) {
    assert.equal(parseRecord(text), null, text);
  }
});
