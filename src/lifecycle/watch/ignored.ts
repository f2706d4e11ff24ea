/**
 * What changes beside a program's own files, and is no reason to reload it.
 * Pure.
 *
 * @module
 */

/** Directories of tools, with all that is in them. */
const DIRECTORIES: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  ".hg",
  ".svn",
  "__pycache__",
]);

/** What programs write as they run, and editors while they are open. */
const FILES: readonly RegExp[] = [
  /\.(log|pid|pyc)$/,
  /\.sw[a-z]$/, // vim
  /^4913$/, // vim, to see whether it may write
  /~$/,
  /^\.#/, // emacs
  /^#.*#$/,
  /^\.DS_Store$/,
];

/** Whether nothing below a directory of this name is looked at. */
export function isIgnoredDirectory(name: string): boolean {
  return DIRECTORIES.has(name);
}

/** Whether a change of the file at this path, relative to what is watched, is passed over. */
export function isIgnored(path: string): boolean {
  const names = path.split("/");
  const file = names.at(-1) ?? "";
  return names.some(isIgnoredDirectory) ||
    FILES.some((pattern) => pattern.test(file));
}
