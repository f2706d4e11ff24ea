/**
 * Names that nobody guesses and no two have.
 *
 * @module
 */

/** Octets of what tells one balancer from another. */
export const BALANCER_ID_OCTETS = 4;

/** Octets of what tells one worker from another. */
export const UPSTREAM_NAME_OCTETS = 8;

/** Draws one of so many octets, in hexadecimal digits. */
export function randomName(octets: number): string {
  const drawn = crypto.getRandomValues(new Uint8Array(octets));
  return Array.from(drawn, (octet) => octet.toString(16).padStart(2, "0"))
    .join("");
}
