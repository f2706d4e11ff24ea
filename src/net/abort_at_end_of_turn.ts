/**
 * Calling off what opens a connection.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/**
 * Aborts when the present turn of the event loop is over.
 *
 * `Deno.connect` forgets a connection, and keeps its descriptor open for ever,
 * when its signal aborts between the moment the connection is there and the
 * moment it is handed over. There is no such moment at the end of a turn.
 */
export function abortAtEndOfTurn(controller: AbortController): void {
  setImmediate(() => controller.abort());
}
