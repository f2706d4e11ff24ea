/**
 * Whether the two connections of an exchange are used again. Pure.
 *
 * @module
 */

/** All that the decision depends on. */
export interface ReuseFacts {
  /** Whether the client's version and Connection field allow another request (RFC 9112 §9.3). */
  readonly clientKeepsAlive: boolean;
  /** How much of the request there is when the response begins. */
  readonly request: RequestProgress;
  /** Whether the response says that the rest of the request is not wanted: those with 4xx and 5xx do. */
  readonly refusal: boolean;
  /** Whether the response is ours, to a request that nothing can be made of: where it ends is not certain. */
  readonly clientAtFault: boolean;
  /** Whether the client can see where the response ends, other than by the end of the connection. */
  readonly delimited: boolean;
  /** Whether the connections have been handed to another protocol. */
  readonly switched: boolean;
  /** Whether the pool is stopping: every response ends its connection. */
  readonly draining: boolean;
  /** Whether the worker keeps its connection, and shows where its response ends; not with a response of our own. */
  readonly workerKeepsAlive: boolean;
}

/**
 * How much of a request there is.
 *
 * - `received`: all of it has been read from the client.
 * - `arriving`: its body is on the way.
 * - `withheld`: the client waits to be asked for its body, and may never send
 *   it (RFC 9110 §10.1.1).
 */
export type RequestProgress = "received" | "arriving" | "withheld";

/** Which connections may be used again, once what is under way on them has ended in order. */
export interface Reuse {
  readonly client: boolean;
  readonly worker: boolean;
}

/**
 * Decides, as the head of a response is written, whether each connection may
 * carry another exchange. Neither does before both messages on it have come
 * to their end: where one is cut, so is the connection.
 *
 * A client that is still sending may keep its connection: the rest is read to
 * its end. With a refusal it may not: it is to stop sending, and many do when
 * they read `close` (RFC 9112 §9.5). Of one that may never send its body,
 * what comes next cannot be told from that.
 *
 * Of a worker that responds while its request is still being sent, nobody can
 * know whether it reads the rest, or takes it for the next request: what is
 * sent after it could be served to somebody else, or never.
 */
export function decideReuse(facts: ReuseFacts): Reuse {
  const { request, refusal, switched } = facts;
  const restIsRead = request === "received" ||
    request === "arriving" && !refusal;
  return {
    client: facts.clientKeepsAlive && restIsRead && facts.delimited &&
      !facts.clientAtFault && !switched && !facts.draining,
    worker: facts.workerKeepsAlive && !switched && request === "received",
  };
}
