/**
 * Where figures are exported to, as OpenTelemetry's own variables say: those
 * that Deno's exporter reads for the spans.
 *
 * @module
 */

/** Reads a variable; `undefined` where it is not set, or may not be read. */
export type ReadVariable = (name: string) => string | undefined;

/** How figures are exported. */
export interface OtlpOptions {
  readonly endpoint: URL;
  /** Fields of each request beside those of HTTP. */
  readonly headers: Readonly<Record<string, string>>;
  /** What exports, by OpenTelemetry's names. */
  readonly resource: Readonly<Record<string, string>>;
  readonly intervalMs: number;
  /** How long one export may take. */
  readonly timeoutMs: number;
  /** The certificates that the collector's is trusted by, beside those of every program. */
  readonly certificate: NamedFile | null;
  /** The certificate that is asked for of whoever exports, which ours cannot show. */
  readonly clientCertificate: NamedFile | null;
}

/** A file, and the variable that names it. */
export interface NamedFile {
  readonly variable: string;
  readonly path: string;
}

// Defaults of OpenTelemetry's specification.
const DEFAULT_ENDPOINT = "http://localhost:4318";
const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
const UNNAMED_SERVICE = "unknown_service:prefork-pool";

/**
 * The options that variables stand for; `null` where no figures are wanted
 * (`OTEL_METRICS_EXPORTER=none`). A variable of the metrics alone wins.
 *
 * @throws {TypeError} When the endpoint is no URL of HTTP; the variable is named.
 */
export function otlpOptions(read: ReadVariable): OtlpOptions | null {
  // An empty variable is one that is not set, says the specification.
  const value = (name: string): string | undefined =>
    read(name)?.trim() || undefined;
  const either = (name: string): string | undefined =>
    value(`OTEL_EXPORTER_OTLP_METRICS_${name}`) ??
      value(`OTEL_EXPORTER_OTLP_${name}`);
  const file = (suffix: string): NamedFile | null => {
    const variable = [
      `OTEL_EXPORTER_OTLP_METRICS_${suffix}`,
      `OTEL_EXPORTER_OTLP_${suffix}`,
    ].find((name) => value(name) !== undefined);
    return variable === undefined ? null : { variable, path: value(variable)! };
  };
  if (value("OTEL_METRICS_EXPORTER") === "none") return null;
  const name = value("OTEL_SERVICE_NAME");
  return {
    endpoint: endpointOf(value),
    headers: pairsIn(either("HEADERS")),
    resource: {
      "service.name": UNNAMED_SERVICE,
      ...pairsIn(value("OTEL_RESOURCE_ATTRIBUTES")),
      ...name !== undefined && { "service.name": name },
    },
    intervalMs: milliseconds(
      value("OTEL_METRIC_EXPORT_INTERVAL"),
      DEFAULT_INTERVAL_MS,
    ),
    timeoutMs: milliseconds(either("TIMEOUT"), DEFAULT_TIMEOUT_MS),
    certificate: file("CERTIFICATE"),
    clientCertificate: file("CLIENT_CERTIFICATE"),
  };
}

/** How long an export may take that is not of our metrics. */
export function timeoutFrom(read: ReadVariable): number {
  return milliseconds(read("OTEL_EXPORTER_OTLP_TIMEOUT"), DEFAULT_TIMEOUT_MS);
}

/** The address for metrics is taken as it is; to the one for all, a path is added. */
function endpointOf(value: ReadVariable): URL {
  const own = value("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  const name = own === undefined
    ? "OTEL_EXPORTER_OTLP_ENDPOINT"
    : "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
  const text = own ?? value(name) ?? DEFAULT_ENDPOINT;
  const whole = own ?? `${text.replace(/\/+$/, "")}/v1/metrics`;
  const url = URL.parse(whole);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new TypeError(
    `Cannot export metrics: ${name} is no URL of http or https`,
  );
}

/** `name=value,name=value`, each percent-encoded (W3C Baggage); what is none is passed over. */
function pairsIn(text = ""): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    if (at <= 0) return [];
    return [[decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))] as const];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ""));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim(); // It holds a percent sign that is meant as one.
  }
}

function milliseconds(text: string | undefined, otherwise: number): number {
  const number = Number(text);
  return Number.isFinite(number) && number > 0 ? number : otherwise;
}
