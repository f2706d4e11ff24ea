/**
 * Where the fixtures are, and how the usual ones are run as workers.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const DIRECTORY = new URL("../fixtures/", import.meta.url);

/** Path of a fixture. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(name, DIRECTORY));
}

/** Command of a fixture that is a Deno program, which starts in two thirds of the time of one for Node. */
export function denoFixture(
  name: string,
  ...args: readonly string[]
): readonly string[] {
  return [Deno.execPath(), "run", "--quiet", "-A", fixture(name), ...args];
}

/** Command of the demo application, for tests that put something before it. */
export const DEMO: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--allow-net",
  "--allow-env",
  fileURLToPath(new URL("../../src/demo/main.ts", import.meta.url)),
];

/**
 * The demo application behind a gate: a worker of a slot that `closed` names
 * waits until the file exists, each time it is started.
 *
 * @param closed Pattern of a shell's `case`: `"1"`, `"*"`.
 */
export function demoBehindGate(
  file: string,
  closed: string,
): readonly string[] {
  const wait = 'until [ -e "$0" ]; do sleep 0.02; done';
  const script = `case $WORKER_ID in ${closed}) ${wait};; esac; exec "$@"`;
  return ["sh", "-c", script, file, ...DEMO];
}

/** The demo application, as long as the file exists; else a worker that fails at once. */
export function demoWhileOpen(file: string): readonly string[] {
  const script = '[ -e "$0" ] || { echo "no $0" >&2; exit 3; }; exec "$@"';
  return ["sh", "-c", script, file, ...DEMO];
}

/** A file that the test makes and removes: a gate for {@linkcode demoBehindGate} and {@linkcode demoWhileOpen}. */
export class GateFile implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  /** Path of the file. */
  readonly path: string = `${this.#directory}/open`;

  /** Lets those through who wait, and all others from now on. */
  open(): void {
    Deno.writeTextFileSync(this.path, "");
  }

  /** Holds back everybody from now on. */
  close(): void {
    Deno.removeSync(this.path);
  }

  /** Takes the file away. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
