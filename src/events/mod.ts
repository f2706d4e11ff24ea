/**
 * Everything that happens in a pool, as typed values on one stream.
 *
 * The library never logs: it emits these events, and whoever wants a log, a
 * counter or a dashboard subscribes. This folder knows no other part of the
 * system, so that every part may emit.
 *
 * @module
 */

export * from "./event_emitter.ts";
export * from "./pool_events.ts";
export * from "./reload_events.ts";
export * from "./reload_report.ts";
export * from "./worker_events.ts";
export * from "./worker_findings.ts";
