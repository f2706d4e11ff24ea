/**
 * Which core does what, and how a command is put there.
 *
 * @module
 */

/** The balancer under test has this core to itself. */
export const BALANCER_CORE = 0;

/** Load generator and workers share this one. */
export const LOAD_CORE = 1;

/** The command that runs `argv` on one core, as the same process. */
export function pinned(core: number, argv: readonly string[]): string[] {
  // taskset replaces itself by the program, so the pid stays.
  return ["taskset", "-c", String(core), ...argv];
}
