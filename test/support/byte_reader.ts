/**
 * Takes bytes from a connection by count, by delimiter or to the end.
 *
 * Knows nothing of sockets: it is given a function that yields the next bytes.
 *
 * @module
 */

import { concatBytes, isReset, toBytes } from "./raw_socket.ts";

/** How the peer's side of a connection stands. */
export type PeerState = "open" | "closed" | "reset";

/** The peer ended the connection before what was wanted had come. */
export class CutError extends Error {
  override readonly name = "CutError";
}

/** A buffer in front of a source of bytes. */
export class ByteReader {
  readonly #source: () => Promise<Uint8Array | null>;
  #parts: Uint8Array[] = [];
  #size = 0;
  #peer: PeerState = "open";

  /** Creates a reader; `source` yields the next bytes, or `null` at the end. */
  constructor(source: () => Promise<Uint8Array | null>) {
    this.#source = source;
  }

  /** How the peer's side stands, as far as has been read. */
  get peer(): PeerState {
    return this.#peer;
  }

  /** Exactly `count` bytes. @throws {CutError} when there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#size < count) {
      if (!await this.#fill()) throw this.#cut(`${count} bytes`);
    }
    return this.#splice(count);
  }

  /** At least one byte and at most `limit`, or `null` at the end. */
  async takeSome(limit: number = Infinity): Promise<Uint8Array | null> {
    if (this.#size === 0 && !await this.#fill()) return null;
    return this.#splice(Math.min(limit, this.#parts[0]!.length));
  }

  /** Everything up to and with `delimiter`. @throws {CutError} when it does not come. */
  async takeThrough(delimiter: string): Promise<Uint8Array> {
    const wanted = toBytes(delimiter);
    while (true) {
      if (this.#parts.length > 1) this.#parts = [concatBytes(...this.#parts)];
      const index = indexOf(this.#parts[0] ?? new Uint8Array(), wanted);
      if (index >= 0) return this.#splice(index + wanted.length);
      if (!await this.#fill()) throw this.#cut(JSON.stringify(delimiter));
    }
  }

  /** Everything until the peer ends. */
  async takeRest(): Promise<Uint8Array> {
    while (await this.#fill());
    return this.#splice(this.#size);
  }

  async #fill(): Promise<boolean> {
    if (this.#peer !== "open") return false;
    let bytes: Uint8Array | null;
    try {
      bytes = await this.#source();
    } catch (error) {
      if (!isReset(error)) throw error;
      this.#peer = "reset";
      return false;
    }
    if (bytes === null) {
      this.#peer = "closed";
      return false;
    }
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return true;
  }

  #splice(count: number): Uint8Array {
    const taken: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      const part = this.#parts.shift()!;
      taken.push(part.subarray(0, missing));
      if (part.length > missing) this.#parts.unshift(part.subarray(missing));
      missing -= Math.min(missing, part.length);
    }
    this.#size -= count;
    return taken.length === 1 ? taken[0]! : concatBytes(...taken);
  }

  #cut(wanted: string): CutError {
    return new CutError(
      `Cannot read ${wanted}: the peer ${this.#peer} the connection after ${this.#size} bytes`,
    );
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (
    let at = bytes.indexOf(wanted[0]!);
    at >= 0;
    at = bytes.indexOf(wanted[0]!, at + 1)
  ) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
