/**
 * The pools of this user on this machine, as files: each pool writes one, and
 * holds a lock on it for as long as it runs.
 *
 * The kernel lets go of the lock when the process ends, in whatever way. So a
 * file whose lock is free was left behind, even if its process id has been
 * given to somebody else since.
 *
 * @module
 */

import { formatRecord, parseRecord, type PoolRecord } from "./pool_record.ts";
import {
  checkRuntimeDirectory,
  type DirectoryEnvironment,
  makeRuntimeDirectory,
  runtimeDirectory,
  unusable,
} from "./runtime_directory.ts";

export {
  NotPermittedError,
  RuntimeDirectoryError,
} from "./runtime_directory.ts";
import { closeQuietly } from "../shared/close_quietly.ts";
import { isGranted } from "../shared/is_granted.ts";

const SUFFIX = ".json";

/** Owner only. */
const FILE_MODE = 0o600;

/** A record that is there for as long as it is not removed, or the process runs. */
export interface Registration {
  /** The file. */
  readonly path: string;
  /** Replaces it, whole: nobody reads half of one. */
  update(record: PoolRecord): void;
  /**
   * Writes it again where somebody else has taken it away, or its directory: a
   * clean-up of `/tmp`, the end of a user's session. Where there is no place for
   * the directory any more, nobody looks there.
   *
   * @throws {RuntimeDirectoryError} When the directory is not to be trusted.
   */
  restore(): Promise<void>;
  /** Takes the record away; synchronous, because it is done on the way out. */
  remove(): void;
}

/**
 * Writes the record of this process.
 *
 * @throws {RuntimeDirectoryError} When the directory is not to be trusted.
 * @throws {NotPermittedError} Without the permission to write there.
 */
export async function registerPool(
  record: PoolRecord,
  env: DirectoryEnvironment,
): Promise<Registration> {
  const directory = await runtimeDirectory(env);
  await makeRuntimeDirectory(directory);
  const path = `${directory}/${record.pid}${SUFFIX}`;
  // Those before the last stay locked: whoever has one open takes us for dead
  // else, and removes what has its name by now.
  const files = [writeLocked(path, record)];
  let present = record;
  let removed = false;
  // Left behind by those that were killed.
  await listPools(env);
  return {
    path,
    update: (later) => {
      present = later;
      if (isThere(directory)) files.push(writeLocked(path, later));
    },
    restore: async () => {
      if (isThere(path)) return;
      try {
        await makeRuntimeDirectory(directory);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        throw error;
      }
      if (!removed) files.push(writeLocked(path, present));
    },
    remove: () => {
      removed = true;
      removeIfThere(path);
      for (const file of files) file.close();
    },
  };
}

/** Writes a record that nobody sees before it is whole, and locked; returns what holds the lock. */
function writeLocked(path: string, record: PoolRecord): Deno.FsFile {
  const draft = `${path}.${record.instance}`;
  const file = Deno.openSync(draft, {
    write: true,
    createNew: true,
    mode: FILE_MODE,
  });
  try {
    file.lockSync(true);
    file.writeSync(new TextEncoder().encode(formatRecord(record)));
    Deno.renameSync(draft, path);
    return file;
  } catch (error) {
    file.close();
    removeIfThere(draft);
    throw error;
  }
}

/**
 * Returns the pools that run, the oldest first, and takes away what dead ones
 * have left behind.
 *
 * @throws {RuntimeDirectoryError} When the directory is not to be trusted.
 * @throws {NotPermittedError} Without the permission to read there.
 */
export async function listPools(
  env: DirectoryEnvironment,
): Promise<readonly PoolRecord[]> {
  const directory = await runtimeDirectory(env);
  if (!await checkRuntimeDirectory(directory)) return [];
  const records: PoolRecord[] = [];
  for (const name of await namesIn(directory)) {
    const record = await readRecord(`${directory}/${name}`);
    if (record !== null) records.push(record);
  }
  return records.sort((a, b) => a.startedAt - b.startedAt);
}

/** The names of the files that may be records. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(directory));
    return entries.filter(({ name, isFile }) => isFile && name.endsWith(SUFFIX))
      .map(({ name }) => name);
  } catch (error) {
    throw unusable(directory, error);
  }
}

/** Whether the pool of a record runs still. */
export async function isRunning(
  { pid, instance }: PoolRecord,
  env: DirectoryEnvironment,
): Promise<boolean> {
  const pools = await listPools(env);
  return pools.some((pool) => pool.pid === pid && pool.instance === instance);
}

/** The record in a file whose pool runs; else `null`, and the file is gone. */
async function readRecord(path: string): Promise<PoolRecord | null> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    // Taken away by its pool in between.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    // Shared: two who look at the same time do not take each other for the pool.
    if (await file.tryLock(false)) {
      removeIfThere(path);
      return null;
    }
    return parseRecord(await new Response(file.readable).text());
  } finally {
    closeQuietly(file);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeIfThere(path: string): void {
  if (!isGranted({ name: "write", path })) return;
  try {
    Deno.removeSync(path);
  } catch (error) {
    // It is gone, or is not ours to remove: either way it counts no more.
    if (
      !(error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.PermissionDenied)
    ) throw error;
  }
}
