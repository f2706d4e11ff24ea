/**
 * Images and containers by podman, with runc and no more rights than a machine
 * in a sandbox has: no limit is raised, no bridge is made, cgroups as they are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { withDeadline } from "../support/deadline.ts";
import { ROOT } from "./deployed.ts";

/** No command takes longer; the longest builds a base image. */
const COMMAND_DEADLINE_MS = 300_000;

/** Longer than any pool here takes to stop. */
const STOP_TIMEOUT_S = 45;

const CONFIGURATION = `
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** What a command wrote, and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs podman, and other programs that call it. */
export class Podman implements AsyncDisposable {
  /** Where containers are started: what watches one leaves a file there when it runs out of memory. */
  readonly #directory: string = Deno.makeTempDirSync();
  readonly #configuration: string = `${this.#directory}/containers.conf`;
  readonly #images: string[] = [];

  /** Writes the configuration. */
  constructor() {
    Deno.writeTextFileSync(this.#configuration, CONFIGURATION);
  }

  /** Runs a program to its end; it must succeed unless its code is asked for. */
  async run(
    words: readonly string[],
    input = "",
    cwd: string | URL = ROOT,
  ): Promise<string> {
    const { code, stdout, stderr } = await this.end(words, input, cwd);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}${stdout}`);
    return stdout.trim();
  }

  /** Runs a program to its end, whichever. */
  async end(
    words: readonly string[],
    input = "",
    cwd: string | URL = ROOT,
  ): Promise<Ended> {
    const [program, ...args] = words;
    const child = new Deno.Command(program!, {
      args,
      cwd,
      env: { CONTAINERS_CONF: this.#configuration },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await withDeadline(
      child.output(),
      COMMAND_DEADLINE_MS,
      () => `${words.join(" ")} does not end`,
    );
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  /**
   * Builds an image, which is removed at the end. Its first base is `from`,
   * whatever the file says.
   *
   * @param file The text of the Dockerfile.
   */
  async build(
    { tag, from, file, context }: {
      readonly tag: string;
      readonly from: string;
      readonly file: string;
      readonly context: string;
    },
  ): Promise<void> {
    this.#images.push(tag);
    await this.run([
      ...["podman", "build", "--quiet", "--pull=never", "--network=host"],
      // Docker's format alone has health checks; without layers nothing is left.
      ...["--format=docker", "--layers=false"],
      ...[`--from=${from}`, `--tag=${tag}`, "--file=-", context],
    ], file);
  }

  /** Starts a container. */
  async start(
    { image, env, args = [] }: {
      readonly image: string;
      readonly env: Readonly<Record<string, string>>;
      /** Arguments of `podman run`. */
      readonly args?: readonly string[];
    },
  ): Promise<Container> {
    const words = [
      ...["podman", "run", "--detach", "--network=host", ...args],
      ...Object.entries(env).map(([name, value]) => `--env=${name}=${value}`),
      image,
    ];
    const id = await this.run(words, "", this.#directory);
    return new Container(this, id);
  }

  /** Removes what was built. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const tag of this.#images.toReversed()) {
      await this.end(["podman", "rmi", "--force", tag]);
    }
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** A container, removed at the end. */
export class Container implements AsyncDisposable {
  readonly #podman: Podman;
  readonly #id: string;

  /** Made by {@linkcode Podman.start}. */
  constructor(podman: Podman, id: string) {
    this.#podman = podman;
    this.#id = id;
  }

  /** Runs a command in it that must succeed, and returns what it wrote. */
  async exec(...words: readonly string[]): Promise<string> {
    return await this.#podman.run(["podman", "exec", this.#id, ...words]);
  }

  /** Runs a command in it, whichever way it ends. */
  async execEnd(...words: readonly string[]): Promise<Ended> {
    return await this.#podman.end(["podman", "exec", this.#id, ...words]);
  }

  /** The exit code of the health check that the image has. */
  async healthcheck(): Promise<number> {
    const words = ["podman", "healthcheck", "run", this.#id];
    return (await this.#podman.end(words)).code;
  }

  /** Sends SIGTERM, and resolves to the exit code. */
  async stop(): Promise<number> {
    await this.#podman.run([
      ...["podman", "stop", `--time=${STOP_TIMEOUT_S}`, this.#id],
    ]);
    return Number(
      await this.#podman.run([
        ...["podman", "inspect", "--format={{.State.ExitCode}}", this.#id],
      ]),
    );
  }

  /** What it has written so far. */
  async logs(): Promise<string> {
    const { stdout, stderr } = await this.#podman.end([
      ...["podman", "logs", this.#id],
    ]);
    return stdout + stderr;
  }

  /** Ends and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#podman.run(["podman", "rm", "--force", "--time=0", this.#id]);
  }
}
