/**
 * A pre-fork process pool and load balancer to embed in a program of your own.
 *
 * ```ts
 * import { startPool } from "./mod.ts";
 *
 * await using pool = await startPool({
 *   port: 0, // any free one; 8080 without this line
 *   poolSize: 2,
 *   // command: ["node", "server.js"], or else the demo application
 * });
 * const unsubscribe = pool.events.subscribe((event) => {
 *   if (event.type === "worker-exited") {
 *     console.log(`worker ${event.workerId} ended`, event.status);
 *   }
 * });
 * console.log(pool.url, pool.metrics().pool);
 * unsubscribe();
 * ```
 *
 * A worker is any HTTP/1.1 server that listens on the port it is given: in
 * the environment variable `PORT`, or as `{port}` in the command.
 *
 * @module
 */

export {
  type RunningPool,
  startPool,
  type StartPoolOptions,
} from "./src/lifecycle/start_pool.ts";
export {
  StartError,
  type StartErrorCode,
} from "./src/lifecycle/start_error.ts";
export {
  PoolStartError,
  type PoolStartErrorCode,
  type StartFailure,
} from "./src/pool/pool_start_error.ts";
export type { LaunchErrorCode } from "./src/pool/launch_error.ts";
export { ConfigError, type ConfigProblem } from "./src/config/config_error.ts";
export type { PlainPoolOptions, PoolOptions } from "./src/config/options.ts";
export type { Config } from "./src/config/config.ts";
export type {
  CommandLineOnly,
  SettingName,
  SettingsTable,
  SettingValues,
} from "./src/config/settings.ts";
export type { ValueOf } from "./src/config/settings/setting.ts";
export type { Kind } from "./src/config/kinds.ts";
export type { StopSignal, WorkerCommand } from "./src/pool/worker_command.ts";
export type { RateRule } from "./src/net/rate_limit.ts";
export type { PolicyName } from "./src/upstream/policy/mod.ts";
export type { Instance } from "./src/instance.ts";
export type {
  MetricsSnapshot,
  QueueStats,
  SuspectMetrics,
  WorkerMetrics,
} from "./src/metrics/metrics_snapshot.ts";
export type {
  ScalingGroundsMetrics,
  ScalingHeldMetrics,
  ScalingMetrics,
} from "./src/metrics/scaling_metrics.ts";
export * from "./src/events/mod.ts";
export { VERSION } from "./src/version.ts";
