/**
 * The build of the Next.js application, which is not committed.
 *
 * @module
 */

import { messageOf, RunError } from "./options.ts";
import { missingFromNpm, nodeProgram, npmFile, peerFile } from "./programs.ts";

const CLI = "next/dist/bin/next";

/** Next writes it last. */
const BUILT = "apps/next/.next/BUILD_ID";

/** A build is older than what it was made of when one of these is newer. */
const SOURCES = ["package-lock.json", "apps/next", "apps/next/app"];

/** A build takes ten seconds of a quiet machine. */
const TIMEOUT_MS = 180_000;

/** What Next finds in its environment when it builds and when it serves. */
export const NEXT_ENV: Readonly<Record<string, string>> = {
  NODE_ENV: "production",
  NEXT_TELEMETRY_DISABLED: "1",
};

/**
 * Builds the application when it was not built, or has changed since.
 *
 * @throws {RunError} with what Next has written when it cannot.
 */
export async function buildNext(signal: AbortSignal): Promise<void> {
  const missing = missingFromNpm(CLI);
  if (missing !== null) {
    throw new RunError(`Cannot build with Next: ${missing}`);
  }
  const built = modified(peerFile(BUILT));
  if (SOURCES.every((path) => newest(peerFile(path)) < built)) return;
  console.log("Building the application of Next.js");
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const { success, stdout, stderr } = await new Deno.Command(nodeProgram(), {
      args: [npmFile(CLI), "build", peerFile("apps/next")],
      env: { ...NEXT_ENV },
      signal: AbortSignal.any([signal, timeout]),
    }).output();
    if (success) return;
    if (timeout.aborted) throw new Error(`no end in ${TIMEOUT_MS / 1000} s`);
    const decoder = new TextDecoder();
    throw new Error(decoder.decode(stdout) + decoder.decode(stderr));
  } catch (error) {
    throw new RunError(`Cannot build with Next: ${messageOf(error)}`);
  }
}

/** When a file, or one that lies in the directory, was last changed, in ms since 1970. */
function newest(path: string): number {
  if (!Deno.statSync(path).isDirectory) return modified(path);
  return Math.max(
    ...[...Deno.readDirSync(path)]
      .filter(({ isFile }) => isFile)
      .map(({ name }) => modified(`${path}/${name}`)),
  );
}

/** 0 of a file that is not there. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
