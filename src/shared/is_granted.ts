/**
 * What Deno permits: what is tried without permission makes Deno ask whoever
 * sits at the terminal, and the whole program waits for the reply.
 *
 * @module
 */

/** Whether Deno permits it without asking. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}
