/**
 * The directory for what lives as long as a process does, and that nobody but
 * its user can read or write.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";

/** Environment variables; `Deno.env` is one. */
export interface DirectoryEnvironment {
  /** Returns the value of a variable, or `undefined`. */
  get(name: string): string | undefined;
}

/** Name of our directory in one that belongs to the user. */
const DIRECTORY_NAME = "prefork-pool";

/** Where everybody may write, and only the owner of a file may take it away. */
const SHARED_DIRECTORY = "/tmp";

/** Nothing for group and others. */
const PRIVATE_MODE = 0o700;

/**
 * Who can write into a directory can put another pool's record there. Reading
 * does no harm: the files themselves are private, and systemd's directories
 * are open to that.
 */
const WRITABLE_BY_OTHERS = 0o022;

/** The directory cannot be used; the message is a sentence part that says why. */
export class RuntimeDirectoryError extends Error {
  override readonly name = "RuntimeDirectoryError";
}

/** Deno does not let us. Asked beforehand: at a terminal it would ask the user. */
export class NotPermittedError extends RuntimeDirectoryError {
  /** Creates the error. */
  constructor() {
    super("Deno does not permit it; run with --allow-read --allow-write");
  }
}

/**
 * Returns where the directory is: as systemd says (`RuntimeDirectory=`), else
 * in what the user's session has for that, else in `/tmp`.
 *
 * @throws {NotPermittedError} Without the permission to find out.
 */
export async function runtimeDirectory(
  env: DirectoryEnvironment,
): Promise<string> {
  // Of several, separated by colons, any will do.
  const [ofService] = (env.get("RUNTIME_DIRECTORY") ?? "").split(":");
  if (ofService) return ofService;
  const uid = await ownUid();
  const ofSession = env.get("XDG_RUNTIME_DIR");
  // After `sudo -E` it is another user's.
  if (ofSession && (await lstat(ofSession))?.uid === uid) {
    return `${ofSession}/${DIRECTORY_NAME}`;
  }
  return `${SHARED_DIRECTORY}/${DIRECTORY_NAME}-${uid}`;
}

/**
 * Makes sure that the directory is there, and nobody else's.
 *
 * @throws {RuntimeDirectoryError} When it is not, or could be another user's trap.
 */
export async function makeRuntimeDirectory(path: string): Promise<void> {
  requirePermission("read", path);
  requirePermission("write", path);
  try {
    await Deno.mkdir(path, { mode: PRIVATE_MODE });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
    // One that is there is looked at below: it may be anybody's.
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw unusable(path, error);
    }
  }
  await checkRuntimeDirectory(path);
}

/**
 * Looks whether the directory may be trusted.
 *
 * @returns Whether there is one at all.
 * @throws {RuntimeDirectoryError} When it could be another user's trap.
 */
export async function checkRuntimeDirectory(path: string): Promise<boolean> {
  const found = await lstat(path);
  if (found === null) return false;
  if (!found.isDirectory) {
    throw new RuntimeDirectoryError(
      `${path} is ${found.isSymlink ? "a link" : "no directory"}; remove it`,
    );
  }
  // Not even root goes by what another user may have written.
  if (found.uid !== await ownUid()) {
    throw new RuntimeDirectoryError(
      `${path} belongs to another user (${found.uid}); remove it, or set ` +
        "XDG_RUNTIME_DIR",
    );
  }
  if (((found.mode ?? 0) & WRITABLE_BY_OTHERS) !== 0) {
    throw new RuntimeDirectoryError(
      `${path} can be written by other users; run chmod 700 ${path}`,
    );
  }
  return true;
}

/** Who we are. Without the permission to ask, it is learnt from a file of ours. */
async function ownUid(): Promise<number> {
  if (isGranted({ name: "sys", kind: "uid" })) return Deno.uid() ?? 0;
  requirePermission("write", SHARED_DIRECTORY);
  const path = await makeOwnFile();
  try {
    requirePermission("read", path);
    return (await Deno.lstat(path)).uid ?? 0;
  } finally {
    await Deno.remove(path);
  }
}

/** @throws {RuntimeDirectoryError} Where nothing can be written: in a container that is read-only throughout, say. */
async function makeOwnFile(): Promise<string> {
  const dir = SHARED_DIRECTORY;
  try {
    return await Deno.makeTempFile({ dir, prefix: `${DIRECTORY_NAME}-` });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuntimeDirectoryError(
      `${dir} cannot be written: ${reason}; run with --allow-sys=uid`,
    );
  }
}

async function lstat(path: string): Promise<Deno.FileInfo | null> {
  requirePermission("read", path);
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unusable(path, error);
  }
}

/** What is thrown where the system does not let us have the directory. */
export function unusable(path: string, error: unknown): RuntimeDirectoryError {
  const reason = error instanceof Error ? error.message : String(error);
  return new RuntimeDirectoryError(
    `${path} cannot be used: ${reason}; set XDG_RUNTIME_DIR to a directory ` +
      "of your own",
  );
}

/** @throws {NotPermittedError} Without it. */
function requirePermission(name: "read" | "write", path: string): void {
  if (!isGranted({ name, path })) throw new NotPermittedError();
}
