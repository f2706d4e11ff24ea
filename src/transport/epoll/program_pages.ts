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

import { MADV_DONTNEED, OPEN_FLAGS } from "./abi.ts";
import type { Libc } from "./libc.ts";

/** A mapping that is worth it, in octets: the program's, and no library's. */
const LEAST_BYTES = 16 * 1024 * 1024;

/** What the kernel says of this process's memory is read so much at once, in octets. */
const CHUNK_BYTES = 65_536;

/** And of so much it is read at most: some 20,000 mappings. */
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
  for (const { address, length } of programMappings(readSmaps(libc))) {
    libc.call.madvise(address, length, MADV_DONTNEED);
  }
}

/** Reads it by calls of the C library: Deno opens files of `/proc` with all permissions only. */
function readSmaps({ call }: Libc): string {
  const path = new TextEncoder().encode("/proc/self/smaps\0");
  const descriptor = call.open(path, OPEN_FLAGS);
  if (descriptor < 0) return "";
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let text = "";
  while (text.length < MOST_BYTES) {
    const count = call.read(descriptor, chunk, chunk.length);
    if (count <= 0) break;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  call.close(descriptor);
  return text;
}
