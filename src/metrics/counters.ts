/**
 * Where the counters were before the data plane had them.
 *
 * @module
 */

export * from "../proxy/counters.ts";
