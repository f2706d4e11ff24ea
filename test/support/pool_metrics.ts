/**
 * What `/_metrics` answers, as the published contract names it.
 *
 * Written down here a second time on purpose: a field that the program renames
 * must break a test, not follow along.
 *
 * @module
 */

/** One worker in {@linkcode PoolMetrics}, as the published contract names it. */
export interface PoolWorkerMetrics {
  readonly id: number;
  readonly port: number;
  readonly requests: number;
  readonly ready: boolean;
  readonly former: boolean;
  readonly spare: boolean;
  readonly pid: number;
  readonly state: string;
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly averageLatency: number;
  readonly failures: number;
  readonly restarts: number;
  readonly uptimeSeconds: number;
  readonly generation: number;
  readonly rssBytes: number | null;
  readonly cpuSeconds: number | null;
}

/** Why the number of workers is what it is, as the published contract names it. */
export interface PoolScalingGrounds {
  readonly at: string;
  readonly needed: number;
  readonly reason: string;
  readonly limitedBy: string | null;
  readonly mode: "stable" | "panic" | null;
  readonly inputs: Readonly<Record<string, number>>;
  readonly mayGrowAt: string | null;
  readonly mayShrinkAt: string | null;
}

/** What `/_metrics` answers, as the published contract names it. */
export interface PoolMetrics {
  readonly totalRequests: number;
  readonly averageLatency: number;
  readonly latency: Readonly<Record<"p50" | "p90" | "p99" | "max", number>>;
  readonly requestsPerSecond: number;
  readonly inFlight: number;
  readonly state: string;
  readonly transport: string;
  readonly uptimeSeconds: number;
  readonly generation: number;
  readonly recentLatency: Readonly<Record<"p50" | "p90" | "p99", number>>;
  readonly recovery:
    & Readonly<Record<"p50" | "p90" | "p99" | "max", number | null>>
    & { readonly count: number };
  readonly eventLoopLag: number;
  readonly retries: number;
  readonly suspects: readonly {
    readonly at: string;
    readonly method: string;
    readonly target: string;
    readonly requestId: string;
    readonly workerId: number;
    readonly status: {
      readonly code: number;
      readonly signal: string | null;
    };
    readonly losses: number;
  }[];
  readonly queue:
    & Readonly<
      Record<
        "depth" | "limit" | "rejected" | "timedOut" | "concurrency",
        number
      >
    >
    & {
      readonly adaptive: boolean;
      readonly wait: Readonly<Record<"p50" | "p99", number | null>>;
    };
  readonly pool:
    & Readonly<
      Record<
        | "min"
        | "max"
        | "desired"
        | "ready"
        | "spare"
        | "restarts"
        | "outOfMemory",
        number
      >
    >
    & { readonly panic: boolean };
  readonly responses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly connections: Readonly<Record<"client" | "upstreamIdle", number>>;
  readonly scaling: readonly (PoolScalingGrounds & {
    readonly from: number;
    readonly to: number;
  })[];
  readonly scalingHeld:
    | PoolScalingGrounds & { readonly workers: number }
    | null;
  readonly workers: readonly PoolWorkerMetrics[];
}
