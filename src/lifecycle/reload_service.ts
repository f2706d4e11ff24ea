/**
 * Reloads of a pool that serves: reads anew what may have changed, applies
 * it, and has the workers replaced.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config_error.ts";
import type { EventEmitter } from "../events/mod.ts";
import type { Pool } from "../pool/pool.ts";
import { refusedReload, type ReloadReport } from "../events/reload_report.ts";
import { type Reconfiguration, reconfigure } from "./reconfigure.ts";
import type { ScalingService } from "./scaling_service.ts";
import { StartError } from "./start_error.ts";

/** What a reload reaches. */
export interface ReloadServiceDeps {
  readonly pool: Pool;
  readonly scaling: ScalingService;
  readonly events: EventEmitter;
  /** Serves with the certificate read anew. @throws {StartError} when it cannot be used. */
  readonly renewCertificate: () => void;
  /** Resolves when the pool has started; `null` once it has. */
  readonly started: () => Promise<void> | null;
  /** Why there can be no reload, as a sentence; `null` while there can. */
  readonly obstacle: () => string | null;
  /** Reads the configuration anew. @throws {ConfigError} when that cannot be used. */
  readonly readConfig: () => Config;
}

/** Holds the configuration of the moment, and carries reloads out. */
export class ReloadService {
  readonly #deps: ReloadServiceDeps;
  #config: Config;
  /** The reload that whoever asks while the pool starts gets. */
  #kept: Promise<ReloadReport> | null = null;

  /** Begins with `config`. */
  constructor(config: Config, deps: ReloadServiceDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** What holds now. */
  get config(): Config {
    return this.#config;
  }

  /**
   * Reads, applies and replaces. What cannot be used changes nothing, and is
   * reported. While the pool starts it is kept, and done once afterwards.
   */
  async reload(): Promise<ReloadReport> {
    const started = this.#deps.started();
    if (started === null) return await this.#reload();
    return await (this.#kept ??= this.#reloadAfter(started));
  }

  async #reloadAfter(started: Promise<void>): Promise<ReloadReport> {
    this.#deps.events.emit({
      type: "notice",
      level: "info",
      message: "The pool is starting: it is reloaded when it has.",
    });
    await started;
    return await this.#reload();
  }

  async #reload(): Promise<ReloadReport> {
    const before = this.#deps.obstacle();
    if (before !== null) return this.#refuse(before);
    try {
      const read = this.#deps.readConfig();
      this.#deps.renewCertificate();
      await this.#apply(reconfigure(this.#config, read));
    } catch (error) {
      if (error instanceof ConfigError || error instanceof StartError) {
        return this.#refuse(error.message.split(/\n\s*/).join(" "));
      }
      throw error;
    }
    // It took a while, in which the pool may have been asked to stop.
    const since = this.#deps.obstacle();
    if (since !== null) return this.#refuse(since);
    return await this.#deps.pool.reload(this.#config);
  }

  /** Reports that there will be no reload, and why. */
  #refuse(reason: string): ReloadReport {
    const { pool, events } = this.#deps;
    const report = refusedReload(pool.snapshot().generation, reason);
    events.emit({ type: "reload-finished", report });
    return report;
  }

  /** Goes by another configuration, as far as that is possible while connections go on. */
  async #apply({ config, needRestart }: Reconfiguration): Promise<void> {
    const { pool, scaling, events } = this.#deps;
    if (needRestart.length > 0) {
      const message = `Changed, but not applied: ${needRestart.join(", ")}. ` +
        "Restart the pool to apply it.";
      events.emit({ type: "notice", level: "warning", message });
    }
    const resized = config.poolSize !== this.#config.poolSize;
    this.#config = config;
    pool.configure(config);
    if (resized) scaling.scaleTo(config.poolSize);
    await scaling.configure(config);
  }
}
