/**
 * What servers of all kinds write when the port they want is taken. Pure.
 *
 * @module
 */

const PORT_TAKEN = /EADDRINUSE|AddrInUse|address (?:is )?already in use/i;

/** A port in such a line: behind an address, or behind the word. */
const PORT_NUMBER = /(?::|port:?\s+)(\d{2,5})\b/gi;

/** Whether `lines` say that some address is taken. */
export function namesTakenAddress(lines: readonly string[]): boolean {
  return lines.some((line) => PORT_TAKEN.test(line));
}

/**
 * Whether `lines` say that `port` is taken. A line that names other ports
 * speaks of another server of the same program.
 *
 * @param anyPort Whether lines count that name none.
 */
export function namesTakenPort(
  lines: readonly string[],
  port: number,
  anyPort: boolean = true,
): boolean {
  return lines.some((line) => {
    if (!PORT_TAKEN.test(line)) return false;
    const ports = [...line.matchAll(PORT_NUMBER)].map(([, text]) =>
      Number(text)
    );
    return ports.length === 0 ? anyPort : ports.includes(port);
  });
}
