/**
 * What is exported by OpenTelemetry.
 *
 * @module
 */

import { decimal, toggle } from "../kinds.ts";
import { setting } from "./setting.ts";

/** The settings under the heading "Traces", in the order of the help. */
export const TRACE_SETTINGS = {
  /** Whether requests are traced, and metrics exported. Deno's exporter must be on: `OTEL_DENO=true`. */
  tracing: setting({
    kind: toggle,
    default: false,
    help: "trace requests, export metrics; needs OTEL_DENO=true",
  }),
  /** Ratio of the traces recorded of those that begin here; a parent that is recorded always is. */
  traceRatio: setting({
    kind: decimal({ min: 0, max: 1 }),
    default: 0.01,
    help: "ratio of the traces that begin here which are recorded",
  }),
} as const;
