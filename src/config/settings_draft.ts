/**
 * A configuration in the making: takes values one by one, then derives the
 * defaults, checks the rules across settings, and freezes the result.
 *
 * Gathers every problem instead of stopping at the first. Knows neither the
 * environment nor the command line; whoever fills it says how each setting
 * was given.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { KEPT_PER_PLACE } from "../shared/kept_per_place.ts";
import { remedyFor } from "./kinds.ts";
import {
  MAX_PORT,
  SETTING_NAMES,
  type SettingName,
  settingOf,
  type SettingsTable,
  type SettingValues,
} from "./settings.ts";
import { chooseWorkerCommand } from "./choose_worker_command.ts";

/** Room to grow that a pool has by default. */
const DEFAULT_MAX_WORKERS = 16;

/** How many times the default of STARTUP_TIMEOUT_MS a worker is given that computes all the while; a value that was set is kept to. */
const STARTUP_PATIENCE = 4;

/** What a draft has to be told once. */
export interface SettingsDraftOptions {
  /** How a setting is called that was not given. */
  readonly nameOf: (name: SettingName) => string;
  /** What `poolSize: "auto"` stands for, and `maxWorkers: "auto"` follows from. */
  readonly availableCpus: number;
}

/** A setting as it was written. */
export interface GivenText {
  readonly text: string;
  /** How it was called: `"--port"`, `"PREFORK_PORT"`. */
  readonly label: string;
  /** Where it stands, if that has to be said: `".env, line 3"`. */
  readonly place?: string | undefined;
}

/** What is given of the workers apart from the settings. */
export interface WorkerExtras {
  /** Their command; `null` when it is not given. */
  readonly words: readonly string[] | null;
  /** What their environment has beyond the balancer's. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  /** Where they run if nothing else is said, links and all; `null` is where the balancer does. @default {null} */
  readonly directory?: string | null;
}

/** The value of each setting, before what is derived is filled in. */
type GivenValues = {
  readonly [K in SettingName]: SettingsTable[K] extends
    { readonly derived: string } ? SettingValues[K] | null : SettingValues[K];
};

/** A configuration in the making. */
export class SettingsDraft {
  readonly #options: SettingsDraftOptions;
  readonly #given: Partial<Record<SettingName, unknown>> = {};
  readonly #labels = new Map<SettingName, string>();
  readonly #invalid = new Set<SettingName>();
  readonly #problems: ConfigProblem[] = [];

  /** Creates a draft in which nothing is given. */
  constructor(options: SettingsDraftOptions) {
    this.#options = options;
  }

  /** Takes the value of a setting that was given as text. */
  setText(name: SettingName, { text, label, place }: GivenText): void {
    const value = settingOf(name).kind.read(text);
    this.#set({ name, label, value, shown: text, place });
  }

  /** Whether a text is a value that the setting may have. */
  accepts(name: SettingName, text: string): boolean {
    const { kind } = settingOf(name);
    return kind.check(kind.read(text)) !== undefined;
  }

  /** Takes the value of a setting that a program gave. */
  setValue(name: SettingName, value: unknown): void {
    const shown = showValue(value);
    const label = this.#options.nameOf(name);
    const allowed = settingOf(name).kind.allowedValue;
    this.#set({ name, label, value, shown, allowed });
  }

  /** The settings given so far, usable or not. */
  get given(): readonly SettingName[] {
    return [...this.#labels.keys()];
  }

  /** The text given for a setting; `null` when there is none that can be used. */
  textOf(name: SettingName): string | null {
    const value = this.#given[name];
    return typeof value === "string" ? value : null;
  }

  /** How a setting was called by whoever gave it, or is called at all. */
  labelOf(name: SettingName): string {
    return this.#labels.get(name) ?? this.#options.nameOf(name);
  }

  /** Takes note of a problem. */
  report(problem: ConfigProblem): void {
    this.#problems.push(problem);
  }

  /**
   * Takes note that a setting was given without a usable value, so that no
   * rule blames it for its default.
   */
  reject(name: SettingName, problem: ConfigProblem): void {
    this.#invalid.add(name);
    this.report(problem);
  }

  /**
   * Returns the finished configuration.
   *
   * @throws {ConfigError} with all problems, when there is any.
   */
  finish(extras: WorkerExtras): Config {
    const { words, workerEnvironment, directory = null } = extras;
    const { workerCommand, zigttpBin, handlerPath, ...values } = this.#values();
    const poolSize = values.poolSize === "auto"
      ? this.#options.availableCpus
      : values.poolSize;
    const minWorkers = values.minWorkers ?? poolSize;
    const maxWorkersAuto = values.maxWorkers === "auto";
    const maxWorkers = values.maxWorkers === "auto"
      ? Math.max(autoMaxWorkers(this.#options.availableCpus), poolSize)
      : values.maxWorkers ?? Math.max(DEFAULT_MAX_WORKERS, poolSize);
    const slowRequestMs = values.slowRequestMs ??
      Math.ceil(values.requestTimeoutMs / 2);
    const workerPort = values.workerPort ??
      (values.port === 0 ? 0 : values.port + 1);
    const sources = { words, workerCommand, zigttpBin, handlerPath };
    const config: Config = {
      ...values,
      poolSize,
      minWorkers,
      maxWorkers,
      maxWorkersAuto,
      workerPort,
      slowRequestMs,
      workerCommand: chooseWorkerCommand(sources),
      workerEnvironment,
      workerCwd: values.workerCwd === null
        ? directory
        : resolve(directory ?? Deno.cwd(), values.workerCwd),
      healthStrict: this.#isGiven("healthPath"),
      startupLimitMs: this.#isGiven("startupTimeoutMs")
        ? values.startupTimeoutMs
        : values.startupTimeoutMs * STARTUP_PATIENCE,
    };
    this.#checkWorkers(config);
    this.#checkPorts(config);
    this.#checkCompanions(config);
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
    return Object.freeze(config);
  }

  #checkWorkers(config: Config): void {
    const { poolSize, minWorkers, maxWorkers } = config;
    this.#rule(["minWorkers", "poolSize"], {
      holds: minWorkers <= poolSize,
      value: minWorkers,
      remedy: `must be at most ${this.labelOf("poolSize")} (${poolSize})`,
    });
    this.#rule(["maxWorkers", "poolSize"], {
      holds: maxWorkers >= poolSize,
      value: maxWorkers,
      remedy: `must be at least ${this.labelOf("poolSize")} (${poolSize})`,
    });
    this.#rule(["scaleDownRate", "scaleUpRate"], {
      holds: config.scaleDownRate < config.scaleUpRate,
      value: config.scaleDownRate,
      remedy: `must be below ${
        this.labelOf("scaleUpRate")
      } (${config.scaleUpRate})`,
    });
  }

  #checkPorts(config: Config): void {
    const { port, workerPort, adminPort } = config;
    const kept = config.skewProtection || config.affinity !== null
      ? KEPT_PER_PLACE
      : 0;
    const workers = (config.maxWorkers + config.spareWorkers) * (1 + kept);
    // Replacements start before the old ones end.
    const last = MAX_PORT - workers - Math.min(config.reloadSurge, workers) + 1;
    const holds = workerPort === 0 || workerPort <= last;
    const room = `to leave room for ${workers} workers ` +
      `(${this.labelOf("maxWorkers")})`;
    if (this.#isGiven("workerPort")) {
      this.#rule(["workerPort", "maxWorkers", "port"], {
        holds,
        value: workerPort,
        remedy: `must be at most ${last}, ${room}`,
      });
    } else {
      this.#rule(["port", "maxWorkers", "workerPort"], {
        holds,
        value: port,
        remedy: `must be at most ${last - 1}, ${room} behind it, or with ` +
          `${this.labelOf("workerPort")}=0, for ports anywhere`,
      });
    }
    this.#rule(["workerPort", "maxWorkers", "port"], {
      holds: workerPort === 0 || port < workerPort ||
        port >= workerPort + workers,
      value: workerPort,
      remedy: `the workers' ports, ${workerPort} to ` +
        `${workerPort + workers - 1}, must not hold ` +
        `${this.labelOf("port")} (${port})`,
    });
    this.#rule(["adminPort", "port"], {
      holds: port === 0 || adminPort !== port,
      value: port,
      remedy:
        `must not be ${this.labelOf("port")}; leave it out to serve the ` +
        "admin pages there",
    });
  }

  /** A setting that would do nothing is a mistake of whoever set it. */
  #checkCompanions(config: Config): void {
    this.#rule(["adminHost", "adminPort"], {
      holds: !this.#isGiven("adminHost") || config.adminPort !== null,
      value: config.adminHost,
      remedy: `needs ${this.labelOf("adminPort")}`,
    });
    const { serverCertPath, serverKeyPath } = config;
    this.#rule(["serverCertPath", "serverKeyPath"], {
      holds: serverCertPath === null || serverKeyPath !== null,
      value: String(serverCertPath),
      remedy: `needs ${this.labelOf("serverKeyPath")}`,
    });
    this.#rule(["serverKeyPath", "serverCertPath"], {
      holds: serverKeyPath === null || serverCertPath !== null,
      value: String(serverKeyPath),
      remedy: `needs ${this.labelOf("serverCertPath")}`,
    });
    this.#rule(["skewGraceMs", "skewProtection"], {
      holds: !this.#isGiven("skewGraceMs") || config.skewProtection ||
        config.affinity !== null,
      value: config.skewGraceMs,
      remedy: `needs ${this.labelOf("skewProtection")} or ${
        this.labelOf("affinity")
      }`,
    });
    this.#rule(["workerLogFile", "workerLogs"], {
      holds: config.workerLogFile === null || config.workerLogs !== "off",
      value: String(config.workerLogFile),
      remedy: `needs ${this.labelOf("workerLogs")} other than off`,
    });
    this.#rule(["handlerPath", "zigttpBin", "workerCommand"], {
      holds: !this.#isGiven("handlerPath") ||
        config.workerCommand.kind !== "demo",
      value: String(this.#given.handlerPath),
      remedy: `needs ${this.labelOf("zigttpBin")}`,
    });
  }

  /** A rule on several settings, of which the first is blamed. */
  #rule(
    names: readonly [SettingName, ...SettingName[]],
    rule: { holds: boolean; value: string | number; remedy: string },
  ): void {
    if (rule.holds || names.some((name) => this.#invalid.has(name))) return;
    const { value, remedy } = rule;
    const setting = this.labelOf(names[0]);
    this.report({ setting, value: String(value), remedy });
  }

  #set(
    given: {
      name: SettingName;
      label: string;
      value: unknown;
      shown: string;
      place?: string | undefined;
      /** What is allowed, where that is written otherwise than as text. */
      allowed?: string | undefined;
    },
  ): void {
    const { name, label, shown, place, allowed } = given;
    const { kind, secret } = settingOf(name);
    this.#labels.set(name, label);
    const value = kind.check(given.value);
    if (value === undefined) {
      this.reject(name, {
        setting: label,
        value: secret === true ? null : shown,
        remedy: remedyFor(kind, given.value, allowed) +
          (place === undefined ? "" : ` (${place})`),
      });
    } else {
      this.#given[name] = value;
    }
  }

  #values(): GivenValues {
    const values: Partial<Record<SettingName, unknown>> = {};
    for (const name of SETTING_NAMES) {
      values[name] = this.#given[name] ?? settingOf(name).default;
    }
    // Every value has passed check() of its kind or is the table's default.
    return values as GivenValues;
  }

  #isGiven(name: SettingName): boolean {
    return this.#given[name] !== undefined;
  }
}

/** How a value that a program gave is shown. */
export function showValue(value: unknown): string {
  // Quotes show that a number was given as text.
  if (typeof value !== "object" && typeof value !== "string") {
    return String(value);
  }
  try {
    return JSON.stringify(value);
  } catch {
    // One that holds itself, or a BigInt.
    return Deno.inspect(value, { breakLength: Infinity });
  }
}

/**
 * The number of workers that gunicorn recommends for a machine, whatever they
 * do: some wait while others compute. More only take turns on the same CPUs.
 *
 * Source: https://docs.gunicorn.org/en/stable/design.html#how-many-workers
 */
function autoMaxWorkers(availableCpus: number): number {
  return 2 * availableCpus + 1;
}
