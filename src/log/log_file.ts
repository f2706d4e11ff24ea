/**
 * A file that is appended to, and opened anew when it has been moved away.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";
import type { ByteSink } from "./line_writer.ts";

/** A file that lines are appended to. It is made where it does not exist. */
export class LogFile implements ByteSink {
  /** Where it is. */
  readonly path: string;
  #file: Deno.FsFile | null = null;
  #writingTo: Deno.FsFile | null = null;

  /** Names the file; it is opened by {@linkcode open}, or the first write. */
  constructor(path: string) {
    this.path = path;
  }

  /**
   * Opens the file of this name, and lets go of the one that had it before: it
   * has been moved away, or may have been. If that fails the old one is kept.
   */
  open(): void {
    // A FIFO that is open for reading too has somebody at its other end for
    // ever: opening it would wait for that, and hold up the whole process.
    const read = isFifo(this.path);
    const file = Deno.openSync(this.path, { append: true, create: true, read });
    const old = this.#file;
    this.#file = file;
    // One that is being written to is closed when that is done.
    if (old !== null && old !== this.#writingTo) old.close();
  }

  /** Appends to the file. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#file === null) this.open();
    const file = this.#writingTo = this.#file!;
    try {
      return await file.write(bytes);
    } finally {
      this.#writingTo = null;
      if (file !== this.#file) file.close();
    }
  }

  /** Closes it; whoever writes has to be done. */
  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

/** Whether it is one, as far as we may see. */
function isFifo(path: string): boolean {
  if (!isGranted({ name: "read", path })) return false;
  try {
    return Deno.statSync(path).isFifo === true;
  } catch {
    // Opening it tells what is wrong.
    return false;
  }
}
