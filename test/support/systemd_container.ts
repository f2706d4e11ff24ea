/**
 * A machine of its own as far as systemd can tell: a real one as process 1 of a
 * container, with the programs of this machine, an /etc that is nearly empty,
 * and a network that is loopback alone.
 *
 * Nothing is downloaded, and it is up within a second. Needs root, and what
 * Debian has in systemd-container. Memory limits are not enforced in it where
 * this machine has the hybrid hierarchy of control groups.
 *
 * @module
 */

import { basename, join } from "node:path";
import { DEFAULT_DEADLINE_MS, eventually, withDeadline } from "./deadline.ts";
import { childrenOf, waitUntilGone } from "./processes.ts";

/** Directories of /usr that the container shares; /usr/local is its own. */
const SHARED = /^(s?bin|lib(32|64|x32|exec)?|share)$/;

/** Where cgroup hierarchies are that systemd uses: hybrid, or unified. */
const HIERARCHIES = [
  "/sys/fs/cgroup/systemd",
  "/sys/fs/cgroup/unified",
  "/sys/fs/cgroup",
];

/** What this machine may have installed, and the container does without: root speaks to systemd directly. */
const UNNEEDED = [
  ...["dbus.service", "dbus.socket", "dbus-broker.service"],
  ...["systemd-logind.service", "systemd-networkd.service"],
  "systemd-resolved.service",
];

/** Joins a control group of its own, so that several containers do not share one, and becomes the container. */
const START = `
for dir in ${HIERARCHIES.join(" ")}; do
  if [ -w "$dir/cgroup.procs" ]; then
    mkdir "$dir/$0" && echo $$ >"$dir/$0/cgroup.procs"
  fi
done
exec systemd-nspawn "$@"`;

/** What a program in the container did. */
export interface ContainerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One that runs. */
export class SystemdContainer implements AsyncDisposable {
  /** Its file system, seen from outside. */
  readonly root: string;
  readonly #nspawn: Deno.ChildProcess;
  #pid = 0;

  private constructor(root: string) {
    this.root = root;
    const name = basename(root);
    this.#nspawn = new Deno.Command("sh", {
      args: [
        ...["-c", START, name, "--quiet", "--boot", `--directory=${root}`],
        ...["--machine=" + name, "--register=no", "--keep-unit"],
        ...["--private-network", "--console=pipe"],
        ...sharedDirectories().map((path) => `--bind-ro=${path}`),
        `--bind-ro=${Deno.execPath()}:/usr/local/bin/deno`,
      ],
      env: {
        SYSTEMD_LOG_LEVEL: "warning",
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1",
      },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  /** Boots one, and waits until it is up. */
  static async boot(): Promise<SystemdContainer> {
    const root = await Deno.makeTempDir({ prefix: "prefork-pool-systemd-" });
    let container: SystemdContainer;
    try {
      await makeRoot(root);
      container = new SystemdContainer(root);
    } catch (error) {
      await Deno.remove(root, { recursive: true });
      throw error;
    }
    try {
      await eventually(() => container.#awaitBoot());
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
    return container;
  }

  /** Process id of its systemd, outside. */
  get pid(): number {
    return this.#pid;
  }

  /** Runs a program in the container. */
  async run(
    command: readonly string[],
    deadlineMs: number = DEFAULT_DEADLINE_MS,
  ): Promise<ContainerResult> {
    const child = new Deno.Command("nsenter", {
      args: [
        ...["-t", String(this.#pid), "-m", "-u", "-i", "-n", "-p", "-C"],
        ...["-r", "-w", "--", ...command],
      ],
      clearEnv: true,
      env: { PATH: "/usr/local/bin:/usr/bin:/usr/sbin", LANG: "C.UTF-8" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    try {
      const output = await withDeadline(
        child.output(),
        deadlineMs,
        () => `"${command.join(" ")}" goes on`,
      );
      const [stdout, stderr] = [output.stdout, output.stderr]
        .map((bytes) => new TextDecoder().decode(bytes));
      return { code: output.code, stdout: stdout!, stderr: stderr! };
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Runs a program that has to succeed, and returns what it says. */
  async read(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code === 0) return stdout;
    throw new Error(
      `"${command.join(" ")}" ended with ${code}:\n${stdout}${stderr}`,
    );
  }

  /** Starts a program of ours, of this file system, on the container's network. */
  spawnOnNetwork(command: readonly string[]): Deno.ChildProcess {
    return new Deno.Command("nsenter", {
      args: ["-t", String(this.#pid), "-n", "--", ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** Writes a file, and the directories above it. */
  async write(path: string, text: string): Promise<void> {
    const outside = join(this.root, path);
    await Deno.mkdir(join(outside, ".."), { recursive: true, mode: 0o755 });
    await Deno.writeTextFile(outside, text);
    await Deno.chmod(outside, 0o644);
  }

  /** Ends it, and removes all that is left of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Whatever runs in it ends with its process 1.
    if (this.#pid !== 0) Deno.kill(this.#pid, "SIGKILL");
    else this.#nspawn.kill("SIGKILL");
    await this.#nspawn.status;
    if (this.#pid !== 0) await waitUntilGone([this.#pid]);
    for (const hierarchy of HIERARCHIES) {
      await removeGroups(join(hierarchy, basename(this.root)));
    }
    await Deno.remove(this.root, { recursive: true });
  }

  async #awaitBoot(): Promise<void> {
    const [pid] = await childrenOf(this.#nspawn.pid);
    if (pid === undefined) throw new Error("The container has not started");
    this.#pid = pid;
    const state = (await this.run(["systemctl", "is-system-running"])).stdout;
    if (!/^(running|degraded)$/m.test(state)) {
      throw new Error(`The container is not up, but ${state}`);
    }
  }
}

/** A file system in which systemd finds what it needs. */
async function makeRoot(root: string): Promise<void> {
  // Users of services have to get in.
  await Deno.chmod(root, 0o755);
  for (const path of ["usr/local/bin", "etc", "opt", "srv", "var/cache"]) {
    await Deno.mkdir(join(root, path), { recursive: true, mode: 0o755 });
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, join(root, name));
  }
  const files = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n" +
      "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "machine-id": crypto.randomUUID().replaceAll("-", "") + "\n",
    "os-release": await Deno.readTextFile("/etc/os-release"),
    "hosts": "127.0.0.1 localhost\n",
  };
  await Deno.mkdir(join(root, "etc/systemd/system"), { recursive: true });
  for (const name of UNNEEDED) {
    await Deno.symlink("/dev/null", join(root, "etc/systemd/system", name));
  }
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(root, "etc", name), text);
  }
}

function sharedDirectories(): readonly string[] {
  return [...Deno.readDirSync("/usr")]
    .filter(({ name, isDirectory }) => isDirectory && SHARED.test(name))
    .map(({ name }) => `/usr/${name}`);
}

/** Removes a control group with those below it, which are empty. */
async function removeGroups(path: string): Promise<void> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory) await removeGroups(join(path, name));
  }
  // The kernel counts those that have just ended for a moment longer.
  await eventually(() => Deno.remove(path));
}
