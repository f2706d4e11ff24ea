/**
 * The examples, started by the very command that their first lines have.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type PoolProcess, startPool } from "./pool_process.ts";

/** Where a user is who types what the documents say. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** A folder in which `deno` is the very Deno that runs the tests, and no launcher. */
export class DenoOnPath implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "deno-on-path-" });

  constructor() {
    Deno.symlinkSync(Deno.execPath(), `${this.#directory}/deno`);
  }

  /** The variable PATH with it. */
  get path(): string {
    return `${this.#directory}:${Deno.env.get("PATH") ?? ""}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** The first command in a file of `examples/` that starts a pool. */
export async function commandOf(name: string): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}examples/${name}`);
  const command = /^\W*((?:[A-Z_]+=\S+ )*(?:\.\/tools|examples)\/\S+.*)$/m
    .exec(text)?.[1];
  if (command === undefined) throw new Error(`examples/${name} names none`);
  return command;
}

/** Starts the pool of an example as its first lines say; `env` is what the user has set beside. */
export async function startExample(
  name: string,
  { path }: DenoOnPath,
  env: Readonly<Record<string, string>> = {},
): Promise<PoolProcess> {
  const command = await commandOf(name);
  return await startPool({
    program: ["sh", "-c", `exec env ${command}`],
    env: { PATH: path, POOL_SIZE: "2", ...env },
    cwd: ROOT,
    // Packages may have to be downloaded.
    deadlineMs: 120_000,
  });
}
