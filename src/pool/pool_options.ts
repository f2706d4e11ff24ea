/**
 * What a pool goes by, and what it works with.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import type { DataPlane } from "../plane/contract.ts";
import type { UsageReader } from "../system/group_usage.ts";
import type { OomKills } from "../system/oom_kills.ts";
import type { WorkerSpec } from "./generation.ts";
import type { StaffingOptions } from "./goal.ts";
import type { HealthWatcher } from "./health_watcher.ts";
import type { OutputLimits } from "./output_budget.ts";
import type { PortChecks } from "./ports.ts";
import type { ServeAddressMode } from "./serve_address.ts";
import type { Launch } from "./worker_process.ts";

/** How many workers there are, and how they come and go. */
export interface WorkerPoolOptions
  extends StaffingOptions, WorkerSpec, OutputLimits {
  /** First worker port; 0 takes a free stretch anywhere. */
  readonly workerPort: number;
  /** Which programs on Deno are moved to their port. @default {"auto"} */
  readonly workerServeAddress?: ServeAddressMode;
  /** Workers started at first. */
  readonly poolSize: number;
  /** Fewest workers scaling leaves. */
  readonly minWorkers: number;
  /** Most workers scaling makes. */
  readonly maxWorkers: number;
  /** Workers that are held back, ready, beyond those. */
  readonly spareWorkers: number;
  /** Requests a new generation's worker must respond to well before its predecessor goes; 0 takes it at its word. */
  readonly reloadCanaryRequests: number;
}

/** What a pool works with. */
export interface PoolDeps {
  /** Is told which workers may be given work, and what becomes of them. */
  readonly plane: DataPlane;
  /** Is told what happens. */
  readonly events: EventEmitter;
  /** Watches the workers. */
  readonly health: HealthWatcher;
  /** Monotonic, in milliseconds. @default {one that passes over time in which nobody ran} */
  readonly clock?: () => number;
  /** Starts a process. @default {real processes, guarded against being orphaned} */
  readonly launch?: Launch;
  /** How it is found out whether a port may be taken. @default {what the machine says} */
  readonly portChecks?: PortChecks;
  /** Tells what workers use. @default {what /proc says} */
  readonly usage?: UsageReader;
  /** Tells whom the kernel has killed for want of memory. @default {what the control group counts} */
  readonly oomKills?: OomKills;
}
