/**
 * A port for a program that cannot choose one itself.
 *
 * @module
 */

/**
 * Below the range from which pools take the ports of their workers, and the
 * one from which Linux and macOS take those of outgoing connections: nobody of
 * a test that runs beside can get hold of it.
 */
const FIRST_PORT = 10_000;
const PORT_COUNT = 10_000;

/** A port of 127.0.0.1 on which nobody listened a moment ago; a different one each time. */
export function freePort(): number {
  while (true) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
