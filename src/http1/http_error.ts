/**
 * A message that breaks the rules of HTTP/1.1 or our limits.
 *
 * @module
 */

/**
 * Thrown by the parsers. On the client's side `status` is the response; a
 * worker's malformed message always gets 502, whatever it says.
 */
export class HttpError extends Error {
  override readonly name = "HttpError";
  /** Status code of the response. */
  readonly status: number;

  /** Creates the error; `message` is a short sentence that may be shown to the client. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
