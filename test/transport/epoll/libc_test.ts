/** The C library: where it is, how it is laid out, and why it cannot be had. */

import assert from "node:assert/strict";
import {
  AF,
  EFD,
  EPOLL,
  EPOLL_CLOEXEC,
  epollEventLayout,
  ERRNO,
  errnoName,
  libraryPaths,
  MSG,
  SHUT_WR,
  SO,
  SOCK,
} from "../../../src/transport/epoll/abi.ts";
import {
  NativeUnavailableError,
  openLibc,
} from "../../../src/transport/epoll/libc.ts";
import {
  internetAddress,
  readInternetAddress,
  unixAddress,
} from "../../../src/transport/epoll/socket_address.ts";
import { ignoreWithout } from "../../support/programs.ts";
import { TrackedLibc } from "./tracked_libc.ts";

const LIBC_URL = new URL(
  "../../../src/transport/epoll/libc.ts",
  import.meta.url,
).href;

/** Opens the C library in a process with other permissions; prints what became of it. */
const SCRIPT = `
import { openLibc } from ${JSON.stringify(LIBC_URL)};
try {
  const libc = openLibc();
  console.log("opened", libc.call.close(-1), libc.errno());
} catch (error) {
  console.log(error.name, error.reason, error.message);
}`;

/** The one of this test's thread. */
const openLibcOnce = new TrackedLibc();

/** Constants by the names that Python has for them, and what they are here. */
const CONSTANTS: readonly (readonly [string, number])[] = [
  ["socket.SHUT_WR", SHUT_WR],
  ["select.EPOLL_CLOEXEC", EPOLL_CLOEXEC],
  ...named(AF, "socket.AF_"),
  ...named(SOCK, "socket.SOCK_"),
  ...named(MSG, "socket.MSG_"),
  ...named(EPOLL, "select.EPOLL"),
  ...named(EFD, "os.EFD_"),
  ...named(ERRNO, "errno."),
  ...named(SO, "socket.SO_").map(([name, value]) =>
    [name.replace(/SO_(?=SOL_|IPPROTO_|TCP_)/, ""), value] as const
  ),
];

/** The constants of an object under their full names. */
function named(
  constants: Readonly<Record<string, number>>,
  prefix: string,
): readonly (readonly [string, number])[] {
  return Object.entries(constants).map(([name, value]) =>
    [prefix + name, value] as const
  );
}

Deno.test("the layout of an event is that of the architecture", () => {
  assert.deepEqual(epollEventLayout("x86_64"), { words: 3, data: 1 });
  assert.deepEqual(epollEventLayout("aarch64"), { words: 4, data: 2 });
});

Deno.test({
  name: "the constants are those that Python was compiled with (needs python3)",
  ignore: ignoreWithout("python3"),
  async fn(): Promise<void> {
    const names = CONSTANTS.map(([name]) => `int(${name})`);
    const { stdout } = await new Deno.Command("python3", {
      args: [
        "-c",
        `import errno, os, select, socket; print([${names.join(", ")}])`,
      ],
    }).output();
    const values: number[] = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual(
      CONSTANTS.map(([name], i) => [name, values[i]]),
      CONSTANTS,
    );
  },
});

Deno.test("the C library is looked for where each system has it, and nowhere else", () => {
  const on = (os: string, arch: string, env?: string): readonly string[] =>
    libraryPaths({ os, arch, env });
  assert.ok(
    on("linux", "x86_64", "gnu").includes("/lib/x86_64-linux-gnu/libc.so.6"),
  );
  assert.ok(
    on("linux", "aarch64", "gnu").includes("/lib/aarch64-linux-gnu/libc.so.6"),
  );
  assert.deepEqual(on("linux", "aarch64", "musl"), [
    "/lib/ld-musl-aarch64.so.1",
  ]);
  assert.deepEqual(on("darwin", "aarch64"), []);
  assert.deepEqual(on("windows", "x86_64", "msvc"), []);
  assert.deepEqual(on("linux", "riscv64", "gnu"), []);
});

Deno.test("on another platform it says what it takes", () => {
  assert.throws(
    () => openLibc({ os: "darwin", arch: "aarch64" }),
    (error) =>
      error instanceof NativeUnavailableError && error.reason === "platform" &&
      /this is darwin on aarch64\. It takes Linux/.test(error.message),
  );
});

Deno.test("the error number of the last call is known, and its name", () => {
  const libc = openLibcOnce;
  assert.equal(libc.call.socket(AF.INET, -1, 0), -1);
  assert.equal(errnoName(libc.errno()), "EINVAL");
  assert.equal(libc.call.socket(10_000, SOCK.STREAM, 0), -1);
  assert.equal(errnoName(libc.errno()), "EAFNOSUPPORT");
  assert.throws(() => libc.check(-1, "do it"), {
    name: "SystemCallError",
    message: /^Cannot do it: /,
  });
});

Deno.test("the permission for the one library is enough", async () => {
  const path = libraryPaths(Deno.build).find(exists);
  assert.equal(await run([`--allow-ffi=${path}`]), "opened -1 9");
});

Deno.test("without the permission it names the flag that grants it", async () => {
  const message = await run(["--no-prompt"]);
  assert.match(
    message,
    /^NativeUnavailableError permission Cannot make system calls: /,
  );
  assert.match(message, /Start it with --allow-ffi=\/\S+libc\.so\.6\.$/);
});

Deno.test("socket addresses are read as they were written", () => {
  for (const hostname of ["127.0.0.1", "255.1.2.3", "::1", "2001:db8::7"]) {
    const { bytes } = internetAddress({ hostname, port: 54_321 });
    const endpoint = readInternetAddress(bytes);
    assert.deepEqual(endpoint, { hostname, port: 54_321 });
  }
  const { bytes } = internetAddress({ hostname: "::ffff:10.0.0.1", port: 1 });
  assert.deepEqual(readInternetAddress(bytes), {
    hostname: "10.0.0.1",
    port: 1,
  });
  assert.equal(readInternetAddress(unixAddress("/tmp/x").bytes), null);
  assert.throws(
    () => internetAddress({ hostname: "localhost", port: 1 }),
    /not a literal IP address/,
  );
});

async function run(permissions: readonly string[]): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", ...permissions, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(SCRIPT));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).trim();
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
