/** How OpenTelemetry's variables are read. */

import assert from "node:assert/strict";
import { otlpOptions } from "../../src/telemetry/otlp_environment.ts";

function optionsIn(
  variables: Readonly<Record<string, string>>,
): NonNullable<ReturnType<typeof otlpOptions>> {
  const options = otlpOptions((name) => variables[name]);
  assert.ok(options !== null);
  return options;
}

function endpointIn(variables: Readonly<Record<string, string>>): string {
  return optionsIn(variables).endpoint.href;
}

Deno.test("without a variable, metrics go where the specification says, as often as it says", () => {
  assert.deepEqual(optionsIn({ OTEL_EXPORTER_OTLP_HEADERS: " " }), {
    endpoint: new URL("http://localhost:4318/v1/metrics"),
    headers: {},
    resource: { "service.name": "unknown_service:prefork-pool" },
    intervalMs: 60_000,
    timeoutMs: 10_000,
    certificate: null,
    clientCertificate: null,
  });
});

Deno.test("a path is added to the endpoint of all signals, and none to that of the metrics", () => {
  const all = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:1/otlp/" };
  assert.equal(endpointIn(all), "https://collector:1/otlp/v1/metrics");
  const own = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://collector:2/in" };
  assert.equal(endpointIn({ ...all, ...own }), "http://collector:2/in");
});

Deno.test("an endpoint that is no URL of HTTP is refused, and its variable named", () => {
  for (const text of ["collector:4318", "grpc://collector", "//"]) {
    assert.throws(
      () => optionsIn({ OTEL_EXPORTER_OTLP_ENDPOINT: text }),
      /OTEL_EXPORTER_OTLP_ENDPOINT is no URL of http or https/,
    );
  }
});

Deno.test("headers and attributes are percent-encoded pairs, and what is none is passed over", () => {
  const { headers, resource } = optionsIn({
    OTEL_EXPORTER_OTLP_HEADERS: "a=ignored",
    OTEL_EXPORTER_OTLP_METRICS_HEADERS:
      "authorization=Bearer%20x=, b = 100%,=c,d",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=a%2Cb",
    OTEL_SERVICE_NAME: "shop",
  });
  assert.deepEqual(headers, { authorization: "Bearer x=", b: "100%" });
  assert.deepEqual(resource, {
    "service.name": "shop",
    "deployment.environment": "a,b",
  });
});

Deno.test("OTEL_METRICS_EXPORTER=none exports no metrics, and a time that is none is the default", () => {
  const none = { OTEL_METRICS_EXPORTER: "none" };
  assert.equal(otlpOptions((name) => none[name as keyof typeof none]), null);
  const { intervalMs, timeoutMs } = optionsIn({
    OTEL_METRIC_EXPORT_INTERVAL: "often",
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: "250",
    OTEL_EXPORTER_OTLP_TIMEOUT: "500",
  });
  assert.deepEqual([intervalMs, timeoutMs], [60_000, 250]);
});

Deno.test("certificates are named by the variable that counts", () => {
  const { certificate, clientCertificate } = optionsIn({
    OTEL_EXPORTER_OTLP_CERTIFICATE: "/all.pem",
    OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: "/metrics.pem",
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/client.pem",
  });
  assert.deepEqual([certificate, clientCertificate], [
    {
      variable: "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
      path: "/metrics.pem",
    },
    { variable: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path: "/client.pem" },
  ]);
});
