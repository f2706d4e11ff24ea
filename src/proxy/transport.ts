/**
 * What a socket needs of a connection. TCP and unix connections of Deno have
 * it by their shape.
 *
 * @module
 */

/** Bytes both ways, in order. */
export interface Transport {
  /** Whether the peer takes an end that {@linkcode closeWrite} has not announced for a cut, as in TLS. */
  readonly announcesEnd?: boolean;
  /** Reads into `buffer`; resolves to how many, or to `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that no more will be written. */
  closeWrite(): Promise<void>;
  /** Ends both ways at once. Operations under way reject. */
  close(): void;
}
