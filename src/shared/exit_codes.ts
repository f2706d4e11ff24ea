/**
 * What the program's exit code says, of a pool and of a subcommand alike.
 *
 * @module
 */

/** Done, or stopped, as asked. */
export const EXIT_OK = 0;
/** It cannot be done: the pool cannot run. */
export const EXIT_FAILURE = 1;
/** The configuration or the arguments cannot be used. */
export const EXIT_USAGE = 2;
