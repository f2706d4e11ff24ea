/**
 * What the workers of the benchmark answer, by path. The origin sends these
 * bytes and the check before the measurement expects them.
 *
 * @module
 */

/** One fixed answer. */
export interface OriginBody {
  readonly text: string;
  /** Whether it is sent in the chunked transfer coding, in {@linkcode CHUNK_BYTES} pieces. */
  readonly chunked: boolean;
}

/** A usual size of a server's write buffer. */
export const CHUNK_BYTES = 4096;

/** Path that answers with the number of body octets received. */
export const UPLOAD_PATH = "/upload";

/** Path that answers with the request's own head as the worker got it. */
export const ECHO_PATH = "/echo";

/** Name of the field in which a worker says which one it is. */
export const ORIGIN_FIELD = "X-Origin";

/** Any other path is answered as `/small`. */
export const DEFAULT_PATH = "/small";

/** Every fixed answer by its path. */
export const ORIGIN_BODIES: ReadonlyMap<string, OriginBody> = new Map([
  [DEFAULT_PATH, { text: "hello world\n", chunked: false }],
  ["/1k", { text: lines(1024), chunked: false }],
  ["/10k", { text: lines(10_240), chunked: false }],
  ["/chunked", { text: lines(10_240), chunked: true }],
  ["/1m", { text: lines(1_048_576), chunked: false }],
]);

/** Numbered lines, so that a piece lost, doubled or moved is noticed. */
function lines(length: number): string {
  let text = "";
  for (let line = 0; text.length < length; line++) {
    text += `line ${line} of a body that is checked\n`;
  }
  return text.slice(0, length);
}
