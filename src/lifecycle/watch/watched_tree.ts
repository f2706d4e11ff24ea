/**
 * The directories below what is watched. Each is watched by itself, so that
 * what is ignored costs nothing: the system has a limit, and a `node_modules`
 * may reach it.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { isIgnored, isIgnoredDirectory } from "./ignored.ts";

/** Directories watched at most: far more than a program has that is written by hand. */
export const MAX_DIRECTORIES = 4096;

/** There are more directories than are watched. */
export class TooManyDirectories extends Error {
  override readonly name = "TooManyDirectories";
}

/** Something to be watched: all that is in a directory, or a file in it. */
interface Root {
  readonly directory: string;
  /** `null` for everything. */
  readonly file: string | null;
}

/** What is watched at one moment. */
export class WatchedTree {
  readonly #roots: readonly Root[];
  /** Every directory that has to be watched for it. */
  readonly directories: readonly string[];

  private constructor(roots: readonly Root[], directories: readonly string[]) {
    this.#roots = roots;
    this.directories = directories;
  }

  /**
   * Looks what there is at `paths`.
   *
   * @throws {TooManyDirectories}
   * @throws What the system says where one cannot be read.
   */
  static async read(paths: readonly string[]): Promise<WatchedTree> {
    const roots = await Promise.all(paths.map(rootAt));
    const directories = new Set<string>();
    for (const { directory, file } of roots) {
      if (file === null) await addTree(directory, directories);
      else directories.add(directory);
    }
    return new WatchedTree(roots, [...directories]);
  }

  /** Whether a change of this path counts. */
  includes(path: string): boolean {
    return this.#roots.some(({ directory, file }) => {
      if (file !== null) return path === file;
      const prefix = directory === "/" ? "/" : `${directory}/`;
      return path.startsWith(prefix) && !isIgnored(path.slice(prefix.length));
    });
  }
}

/** An editor may put another file in the place of one: its directory is watched. */
async function rootAt(path: string): Promise<Root> {
  const real = await Deno.realPath(path);
  const { isDirectory } = await Deno.stat(real);
  return isDirectory
    ? { directory: real, file: null }
    : { directory: dirname(real), file: real };
}

async function addTree(root: string, found: Set<string>): Promise<void> {
  const waiting = [root];
  for (
    let directory = waiting.pop();
    directory !== undefined;
    directory = waiting.pop()
  ) {
    if (found.has(directory)) continue;
    if (found.size >= MAX_DIRECTORIES) throw new TooManyDirectories();
    found.add(directory);
    for await (const entry of entriesOf(directory, directory === root)) {
      if (entry.isDirectory && !isIgnoredDirectory(entry.name)) {
        waiting.push(join(directory, entry.name));
      }
    }
  }
}

/** One that has gone in the meantime, or is not ours, has none; but what was named must be there. */
async function* entriesOf(
  directory: string,
  needed: boolean,
): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(directory);
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied;
    if (needed || !gone) throw error;
  }
}
