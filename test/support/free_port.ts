/**
 * A port for a program that cannot choose one itself.
 *
 * @module
 */

import { parseListenTable } from "../../src/system/listen_table.ts";

/**
 * Below the range from which pools take the ports of their workers, and the
 * one from which Linux and macOS take those of outgoing connections: nobody of
 * a test that runs beside can get hold of it.
 */
const FIRST_PORT = 10_000;
const PORT_COUNT = 10_000;

const given = new Set<number>();

/**
 * A port on which nobody listens; a different one each time.
 *
 * Looked up, and not tried by listening there: while a test file that runs
 * beside starts a program, that one has a copy of each of our descriptors until
 * it has become itself, and a socket that we have closed goes on listening.
 */
export function freePort(): number {
  const taken = portsListenedOn();
  while (true) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (taken.has(port) || given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** Ports on which somebody listens, at whatever address; none where the system has no such tables. */
export function portsListenedOn(): ReadonlySet<number> {
  const text = ["/proc/net/tcp", "/proc/net/tcp6"].map(readIfThere).join("\n");
  return new Set(parseListenTable(text).map(({ port }) => port));
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
