/**
 * The figures of a pool as a part that is started and stopped: what
 * `/_metrics` shows, what Prometheus reads, the last 15 minutes, and what is
 * exported by OpenTelemetry.
 *
 * @module
 */

import type { EventEmitter, ServingState } from "../events/mod.ts";
import type { Instance } from "../instance.ts";
import type { EventTally } from "../metrics/event_tally.ts";
import { History, type MetricsHistory } from "../metrics/history.ts";
import {
  type MetricsSnapshot,
  metricsSnapshot,
} from "../metrics/metrics_snapshot.ts";
import type {
  Exposition,
  ExpositionFormat,
  PrometheusSources,
} from "../metrics/prometheus.ts";
import { Rates } from "../metrics/rates.ts";
import type { Pool } from "../pool/pool.ts";
import { ownUsage } from "../system/own_usage.ts";
import { historyReading } from "./history_reading.ts";
import type { ServingPlane } from "./open_plane.ts";
import type { ScalingService } from "./scaling_service.ts";
import { TelemetryService } from "./telemetry_service.ts";

/** Where the figures come from. */
export interface MetricsServiceDeps {
  readonly instance: Instance;
  readonly events: EventEmitter;
  readonly plane: ServingPlane;
  readonly pool: Pool;
  readonly scaling: ScalingService;
  readonly tally: EventTally;
  /** What the pool as a whole is doing. */
  readonly state: () => ServingState;
}

/** Gathers the figures. */
export class MetricsService {
  readonly #deps: MetricsServiceDeps;
  readonly #rates: Rates;
  readonly #history: History;
  readonly #telemetry: TelemetryService;
  readonly #startedAt = performance.now();

  /** Puts the parts together; nothing is started. */
  constructor(
    options: { readonly tracing: boolean },
    deps: MetricsServiceDeps,
  ) {
    const { plane, pool, events, instance } = deps;
    this.#deps = deps;
    this.#rates = new Rates(plane);
    this.#history = new History(() =>
      historyReading(plane.figures(), pool.snapshot())
    );
    this.#telemetry = new TelemetryService(options, {
      events,
      instance,
      sources: () => this.#sources,
    });
  }

  /** Begins to note what is shown over time. */
  async start(): Promise<void> {
    this.#rates.start();
    this.#history.start();
    await this.#telemetry.start();
  }

  /** Ends, when the last figures have been exported. */
  async stop(): Promise<void> {
    this.#rates.stop();
    this.#history.stop();
    await this.#telemetry.stop();
  }

  /** The figures that `/_metrics` shows; of a data plane elsewhere they may be a moment old. */
  snapshot(): MetricsSnapshot {
    const { instance, plane, pool, scaling, tally, state } = this.#deps;
    return metricsSnapshot({
      instance,
      figures: plane.figures(),
      rates: this.#rates,
      pool: pool.snapshot(),
      usage: pool.usage(),
      outOfMemory: tally.kills.get("out-of-memory") ?? 0,
      state: state(),
      transport: plane.transport,
      startedAt: this.#startedAt,
      recovery: tally.recovery,
      suspects: tally.suspects,
      scaling: scaling.changes,
      scalingHeld: scaling.held,
    });
  }

  /** What was noted after `sinceSeconds`, counted from the Unix epoch; the last 15 minutes at most. */
  history(sinceSeconds: number): MetricsHistory {
    return this.#history.since(sinceSeconds);
  }

  /** Loads what writes the figures out only now: it takes some MiB. */
  async exposition(format: ExpositionFormat): Promise<Exposition> {
    const { exposition } = await import("../metrics/prometheus.ts");
    return await exposition(this.#sources, format);
  }

  get #sources(): PrometheusSources {
    const { plane, pool, tally } = this.#deps;
    const { restartsByReason, droppedOutput } = pool.snapshot();
    return {
      snapshot: this.snapshot(),
      figures: plane.figures(),
      tally,
      restarts: restartsByReason,
      droppedOutput,
      usage: ownUsage(),
    };
  }
}
