/**
 * What drives connections, by name: a leaf, for all who show it.
 *
 * @module
 */

/** Linux' epoll, in a thread of its own, or the sockets of the runtime. */
export type TransportName = "epoll" | "deno";
