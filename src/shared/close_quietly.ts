/**
 * Closing what somebody else, or the peer, may have closed before.
 *
 * @module
 */

/** Closes `resource`; does nothing where it is closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
