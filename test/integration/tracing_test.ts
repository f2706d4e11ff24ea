/** What TRACING=on exports, received over OTLP; on either transport (`TEST_TRANSPORT`). */

import assert from "node:assert/strict";
import {
  ask,
  CLIENT,
  type ReceivedMetric,
  type ReceivedSpan,
  Receiver,
  startTraced,
  valueOf,
} from "../support/telemetry_receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("a request and each attempt are spans of its trace, and workers are told; metrics are exported beside", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "0",
    POOL_SIZE: "3",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  });
  // One of three requests in a row meets the worker that ends.
  let told = "";
  let retried: ReceivedSpan | undefined;
  for (let turn = 0; turn < 3 && retried === undefined; turn++) {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    told = await ask(pool.port, { path: "/die?secret", traceparent });
    const spans = await receiver.trace(TRACE, turn + 1);
    retried = spans.find((span) => valueOf(span, "prefork.retries") === 1);
  }
  assert.equal(retried?.parentSpanId, SPAN);
  const [lost, good] = receiver.spans
    .filter(({ parentSpanId }) => parentSpanId === retried?.spanId)
    .toSorted((a, b) =>
      Number(valueOf(a, "http.request.resend_count") ?? 0) -
      Number(valueOf(b, "http.request.resend_count") ?? 0)
    );
  assert.deepEqual([lost?.kind, good?.kind], [CLIENT, CLIENT]);
  assert.equal(valueOf(retried, "prefork.attempts"), 2);
  assert.notEqual(valueOf(retried, "prefork.worker.id"), 0);
  assert.equal(valueOf(lost, "prefork.worker.id"), 0);
  assert.equal(valueOf(retried, "prefork.worker.generation"), 1);
  // Until its turn came to be tried.
  assert.equal(typeof valueOf(retried, "prefork.queue_wait_ms"), "number");
  assert.equal(valueOf(retried, "url.path"), "/die");
  assert.equal(valueOf(lost, "error.type"), "worker-ended");
  assert.equal(valueOf(good, "http.response.status_code"), 200);
  // The worker is told of the attempt that it has.
  assert.equal(told, `00-${TRACE}-${good?.spanId}-01`);

  // Not recorded: passed on as it came, or made, and said to be so.
  const unsampled = `00-${TRACE}-${SPAN}-00`;
  assert.equal(await ask(pool.port, { traceparent: unsampled }), unsampled);
  assert.match(await ask(pool.port), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  for (const { traceId } of receiver.spans) assert.equal(traceId, TRACE);
  await receiver.metric("prefork_requests_total");
});

Deno.test("TRACE_RATIO of the traces that begin here are recorded", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
  });
  const [, traceId = "", spanId, flags] = (await ask(pool.port)).split("-");
  assert.equal(flags, "01");
  const [request, attempt] = (await receiver.trace(traceId, 1))
    .toSorted((a, b) => a.kind - b.kind);
  assert.equal(Number.parseInt(request?.parentSpanId || "0", 16), 0);
  assert.equal(attempt?.parentSpanId, request?.spanId);
  assert.equal(attempt?.spanId, spanId);
});

Deno.test("what was counted and traced, and has not left yet, leaves when the pool ends", async () => {
  await using receiver = new Receiver();
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    OTEL_BSP_SCHEDULE_DELAY: "3600000",
    OTEL_SERVICE_NAME: "shop",
    // Which is asked for nothing.
    HTTP_PROXY: "http://127.0.0.1:1",
  });
  const [, traceId = ""] = (await ask(pool.port)).split("-");
  assert.deepEqual([receiver.spans.length, receiver.metrics.size], [0, 0]);
  const { code } = await pool.stop();
  assert.equal(code, 0);
  await receiver.trace(traceId, 1);

  const { sum } = await receiver.metric("prefork_requests_total");
  assert.deepEqual(sum?.dataPoints.map(({ asDouble }) => asDouble), [1]);
  const { histogram } = await receiver.metric(
    "prefork_request_duration_seconds",
  );
  const [{ count, bucketCounts, explicitBounds }] = histogram!.dataPoints as [
    NonNullable<ReceivedMetric["histogram"]>["dataPoints"][number],
  ];
  assert.equal(count, "1");
  assert.equal(bucketCounts.length, explicitBounds.length + 1);
  assert.equal(bucketCounts.map(Number).reduce((a, b) => a + b), 1);
  const exporter = { attributes: receiver.resource };
  assert.equal(valueOf(exporter, "service.name"), "shop");
});
