/**
 * The pool as a service of a real systemd, installed as docs/deployment.md
 * says.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./deadline.ts";
import { type ContainerResult, SystemdContainer } from "./systemd_container.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What of the repository is installed. */
const INSTALLED = ["deno.json", "deno.lock", "mod.ts", "src", "tools"];

const UNIT = "prefork-pool";

const CLIENT = join(ROOT, "test/deploy/client_main.ts");

/** What a client in the container says at its end. */
export interface ClientRun extends AsyncDisposable {
  /** Ends its input, and waits for what it says. */
  end(): Promise<unknown>;
  /** What it says when it ends by itself. */
  readonly result: Promise<unknown>;
}

/** The service. */
export class SystemdService implements AsyncDisposable {
  /** The machine it is on. */
  readonly container: SystemdContainer;

  private constructor(container: SystemdContainer) {
    this.container = container;
  }

  /** Boots a machine and installs the service there; it is not started. */
  static async install(): Promise<SystemdService> {
    const container = await SystemdContainer.boot();
    // deno-lint-ignore no-undef -- newer than the linter's list of globals.
    await using cleanup = new AsyncDisposableStack();
    cleanup.use(container);
    const { root } = container;
    const program = join(root, "opt/prefork-pool");
    await copy(INSTALLED.map((name) => join(ROOT, name)), program);
    await copyPackages(join(root, "var/cache/prefork-pool"));
    const deployed = join(ROOT, "deploy/systemd/");
    await copy([join(deployed, "prefork-pool.env")], join(root, "etc"));
    await copy(
      [join(deployed, "prefork-pool.service")],
      join(root, "etc/systemd/system"),
    );
    await container.read("systemctl", "daemon-reload");
    cleanup.move();
    return new SystemdService(container);
  }

  /** Asks systemd something about the service, or for something. */
  systemctl(...args: readonly string[]): Promise<ContainerResult> {
    return this.container.run(["systemctl", ...args, UNIT]);
  }

  /** What has to be done without fail. @throws {Error} With what the journal has, when it is not. */
  async must(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.systemctl(...args);
    if (code === 0) return;
    throw new Error(
      `systemctl ${args.join(" ")}: ${code}, ${stderr}\n${await this
        .journal()}`,
    );
  }

  /** What systemd knows of the service. */
  async properties(
    ...names: readonly string[]
  ): Promise<Readonly<Record<string, string>>> {
    const args = names.map((name) => `--property=${name}`);
    const text = await this.container.read("systemctl", "show", ...args, UNIT);
    return Object.fromEntries(
      text.trim().split("\n").map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
  }

  /** Waits until systemd knows that of the service. */
  async until(wanted: Readonly<Record<string, string>>): Promise<void> {
    const names = Object.keys(wanted);
    await eventually(async () => {
      const found = await this.properties(...names);
      if (names.every((name) => found[name] === wanted[name])) return;
      throw new Error(
        `The service is ${JSON.stringify(found)}\n${await this.journal()}`,
      );
    });
  }

  /** Puts settings in a drop-in of the unit; `null` takes it away. */
  async dropIn(text: string | null): Promise<void> {
    const path = `etc/systemd/system/${UNIT}.service.d/test.conf`;
    if (text === null) await Deno.remove(join(this.container.root, path));
    else await this.container.write(path, text);
    await this.container.read("systemctl", "daemon-reload");
  }

  /** What the journal has of the service, as `args` choose. */
  journal(...args: readonly string[]): Promise<string> {
    return this.container.read(
      "journalctl",
      ...["--unit", UNIT, "--output", "cat", "--no-pager", ...args],
    );
  }

  /** Runs a client (`client_main.ts`) in the container, and waits until it has begun. */
  async client(...args: readonly string[]): Promise<ClientRun> {
    const child = this.container.spawnOnNetwork([
      Deno.execPath(),
      ...["run", "--quiet", "-A", "--config", join(ROOT, "test/deno.json")],
      CLIENT,
      ...args,
    ]);
    const input = child.stdin.getWriter();
    const lines = new Lines(child.stdout);
    const begun = await lines.next();
    if (begun !== "begun") throw new Error(`The client says ${begun}`);
    const result = lines.next().then((line) => JSON.parse(line));
    // Who never asks for it does not have to hear of it either.
    result.catch(() => {});
    const close = async (): Promise<void> => {
      await input.close().catch(() => {});
      await child.status;
    };
    return {
      result,
      end: async () => {
        await input.close();
        return await result;
      },
      [Symbol.asyncDispose]: close,
    };
  }

  /** Asks once, and returns what is responded. */
  async get(path: string): Promise<{ status: number; text: string }> {
    await using client = await this.client("get", "8080", path);
    return await client.result as { status: number; text: string };
  }

  /** Ends the machine, and the service with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

/** Lines as they come. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<
      string,
      Uint8Array
    >;
    this.#reader = stream.pipeThrough(decoder).getReader();
  }

  /** The next one; what is there, at the end. */
  async next(): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf("\n");
      if (at >= 0) {
        const line = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return this.#text;
      this.#text += value;
    }
  }
}

/** Copies the packages that the program is locked to from where Deno has put them here: nothing is downloaded. */
async function copyPackages(cache: string): Promise<void> {
  const { npmCache } = JSON.parse(
    await run(Deno.execPath(), "info", "--json"),
  ) as { readonly npmCache: string };
  const { npm } = JSON.parse(
    await Deno.readTextFile(join(ROOT, "deno.lock")),
  ) as { readonly npm: Readonly<Record<string, unknown>> };
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    for (const locked of Object.keys(npm)) {
      const name = locked.slice(0, locked.lastIndexOf("@"));
      const path = join("npm", registry, name);
      await copy([join(npmCache, registry, name)], join(cache, path, ".."));
    }
  }
}

/** Copies files and directories into a directory, for everybody to read. */
async function copy(
  from: readonly string[],
  directory: string,
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
  await run("cp", "-r", ...from, directory);
  await run("chmod", "-R", "a+rX", directory);
}

async function run(
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
  }).output();
  if (code === 0) return new TextDecoder().decode(stdout);
  throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}
