/**
 * Who records traces, in the thread that serves clients.
 *
 * @module
 */

import type { Tracer } from "../proxy/core/tracer.ts";

/** Loads what makes spans, where they are wanted and somebody takes them; else `null`. */
export async function openTracer(
  { tracing }: { readonly tracing: boolean },
): Promise<Tracer | null> {
  if (!tracing) return null;
  const { isExporting, requestTracer } = await import(
    "../telemetry/request_tracer.ts"
  );
  return isExporting() ? requestTracer() : null;
}
