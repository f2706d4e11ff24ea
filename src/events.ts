/**
 * Where the events were before they had a folder.
 *
 * @module
 */

export * from "./events/mod.ts";
