/**
 * The files of `deploy/`, and the configuration that the variables in them
 * amount to.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import {
  SETTING_NAMES,
  type SettingName,
  variableOf,
} from "../../src/config/settings.ts";

/** The project's root. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** Beyond the times that are set there must be time for clients to read what workers have said last. */
export const STOP_MARGIN_S = 5;

/** Environment variables of a deployment that are Deno's own. */
const DENO_VARIABLES = new Set(["DENO_DIR", "DENO_NO_UPDATE_CHECK"]);

const VARIABLES: ReadonlySet<string> = new Set(
  SETTING_NAMES.map((name: SettingName) => variableOf(name)),
);

/** The text of a file of the project. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The configuration that a deployment's variables amount to; each must be a setting. */
export function configOf(variables: Readonly<Record<string, string>>): Config {
  for (const name of Object.keys(variables)) {
    assert.ok(
      VARIABLES.has(name) || DENO_VARIABLES.has(name),
      `${name} is no setting`,
    );
  }
  const env = new Map(Object.entries(variables));
  const invocation = loadConfig({ args: [], env });
  assert.equal(invocation.action, "run");
  return (invocation as Extract<typeof invocation, { config: Config }>).config;
}

/** How long a pool may take to stop, by its settings. */
export function stopSeconds(config: Config): number {
  const { drainDelayMs, drainTimeoutMs, stopTimeoutMs } = config;
  return (drainDelayMs + drainTimeoutMs + stopTimeoutMs) / 1000;
}

/**
 * MiB that a container must be allowed: the balancer with Deno's binary, its
 * workers up to what each may take, the successor of one beside it, and half a
 * worker for one that grows faster than it is replaced. As deployment.yaml
 * derives it from measurements.
 */
export function neededMebibytes(config: Config): number {
  assert.ok(config.maxWorkerMemoryMb > 0, "a leak must end a worker, not all");
  return 256 + (config.maxWorkers + 1.5) * config.maxWorkerMemoryMb;
}
