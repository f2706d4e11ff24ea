/**
 * Paths of unix sockets.
 *
 * @module
 */

/**
 * Longest path of a unix socket, in octets: `sun_path` of unix(7) has room for
 * so many and the NUL that ends them.
 */
const MAX_SOCKET_PATH_BYTES = Deno.build.os === "linux" ? 107 : 103;

/** What is wrong with the length of `path`, and what to do about it, as a sentence part; `null` where nothing is. */
export function socketPathProblem(path: string): string | null {
  const { length } = new TextEncoder().encode(path);
  if (length <= MAX_SOCKET_PATH_BYTES) return null;
  return `the path has ${length} bytes, and the system takes no more than ` +
    `${MAX_SOCKET_PATH_BYTES} for a unix socket; name a shorter one, such as ` +
    "unix:/run/pool.sock";
}
