/** To whom TRACING=on exports, and what is said where that fails: the control plane's part. */

import assert from "node:assert/strict";
import { startPool } from "../support/pool_process.ts";
import {
  ask,
  Receiver,
  startTraced,
  TRACE_COMMAND,
} from "../support/telemetry_receiver.ts";
import { COLLECTOR } from "../support/tls.ts";

Deno.test("spans and metrics go over TLS to a collector whose certificate is trusted", async () => {
  await using receiver = new Receiver({ tls: COLLECTOR });
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
    OTEL_EXPORTER_OTLP_CERTIFICATE: COLLECTOR.certPath,
    OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: "/ours.pem",
  }, ["-A"]);
  const [, traceId = ""] = (await ask(pool.port)).split("-");
  await receiver.trace(traceId, 1);
  await receiver.metric("prefork_requests_total");
  const { message } = await pool.waitForEvent("notice");
  assert.match(
    message,
    /^Metrics are exported without a client certificate: .*METRICS_CLIENT_/,
  );
});

Deno.test("what keeps metrics from a collector over TLS is said: a certificate that nobody trusts, and one that may not be read", async () => {
  await using receiver = new Receiver({ tls: COLLECTOR });
  for (
    const [env, says] of [
      [{}, /^Cannot export metrics to https:.*: invalid peer certificate/],
      [
        { OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: COLLECTOR.certPath },
        /^Cannot export metrics: .*_METRICS_CERTIFICATE \(.*--allow-read=/,
      ],
    ] as const
  ) {
    await using pool = await startTraced(receiver, {
      POOL_SIZE: "1",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      ...env,
    });
    await pool.waitForEvent("notice", {
      where: ({ message }) => says.test(message),
    });
  }
  assert.equal(receiver.metrics.size, 0);
});

Deno.test("a collector that never responds does not keep the pool from ending", async () => {
  await using receiver = new Receiver({ silent: true });
  await using pool = await startTraced(receiver, {
    TRACE_RATIO: "1",
    POOL_SIZE: "1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "200",
    // Deno exports what it measures, too, and is at it when the pool ends.
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    // So does the worker, which may wait for ever, too.
    STOP_TIMEOUT_MS: "500",
  });
  await ask(pool.port);
  const { code, signal } = await pool.stop();
  assert.ok(code === 0 || signal === "SIGALRM", `ended with ${code} ${signal}`);
  const { message } = await pool.waitForEvent("notice");
  assert.match(message, /^Cannot export metrics to /);
});

Deno.test("with TRACING=on and nobody who exports, the log says so, and nothing is traced", async () => {
  await using pool = await startPool({
    command: TRACE_COMMAND,
    env: { TRACING: "on", TRACE_RATIO: "1", POOL_SIZE: "1" },
  });
  assert.equal(await ask(pool.port), "");
  assert.match(pool.logs, /Cannot trace with TRACING=on: .*OTEL_DENO=true/);
});
