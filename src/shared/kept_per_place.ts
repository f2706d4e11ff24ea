/**
 * How many workers a place keeps for the clients of each: the pool holds to it,
 * and the settings leave ports for them.
 *
 * @module
 */

/**
 * Workers that have left a place and serve on for their clients: as many as
 * reloads or recyclings within SKEW_GRACE_MS that cost no session. Each uses as
 * much memory as the one that has the place now.
 */
export const KEPT_PER_PLACE = 3;
