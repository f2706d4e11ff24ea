/**
 * The pages of the program that runs this, as the kernel has mapped them: of
 * some 90 MiB, the start touches two fifths, and what serves afterwards a
 * small part of that.
 *
 * Pages of a file that are mapped count as used. Taken out of the tables of
 * this process, they stay in the kernel's cache, the first to go where memory
 * is short, and are mapped again, sixteen at a time and in a microsecond, when
 * they are needed.
 *
 * @module
 */

import { MADV_DONTNEED } from "./abi.ts";
import type { Libc } from "./libc.ts";
import { readFile } from "./read_file.ts";

/** A mapping that is worth it, in octets: the program's, and no library's. */
const LEAST_BYTES = 16 * 1024 * 1024;

/** Of what the kernel says of this process's memory so much is read at most: some 20,000 mappings. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A mapping: its first address, and its length, in octets. */
export interface Mapping {
  readonly address: bigint;
  readonly length: bigint;
}

/** First line of what is said of a mapping: addresses, flags, offset, device and inode of its file. */
const FIRST_LINE =
  /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+)/;

/** Flags of what is read and run, and never written to, nor shared. */
const READ_ONLY = /^r-[x-]p$/;

/** Says that every page is as it is in the file: what was changed would be lost. */
const UNCHANGED = /^Anonymous: +0 kB$/;

/** Finds the program's code and constants in what `/proc/PID/smaps` says. */
export function programMappings(smaps: string): readonly Mapping[] {
  const found: Mapping[] = [];
  let mapping: Mapping | null = null;
  for (const line of smaps.split("\n")) {
    const first = FIRST_LINE.exec(line);
    if (first !== null) mapping = largeReadOnly(first);
    else if (mapping !== null && UNCHANGED.test(line)) found.push(mapping);
  }
  return found;
}

function largeReadOnly(
  [, from, to, flags, inode]: RegExpExecArray,
): Mapping | null {
  const address = BigInt(`0x${from}`);
  const length = BigInt(`0x${to}`) - address;
  const fits = READ_ONLY.test(flags!) && inode !== "0" && length >= LEAST_BYTES;
  return fits ? { address, length } : null;
}

/** Takes the program's pages out of this process's tables, until they are needed again. Where that cannot be, nothing happens. */
export function unmapProgram(libc: Libc): void {
  const smaps = readFile(libc, "/proc/self/smaps", MOST_BYTES);
  for (const { address, length } of programMappings(smaps)) {
    libc.call.madvise(address, length, MADV_DONTNEED);
  }
}
