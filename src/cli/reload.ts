/**
 * `prefork-pool reload`: every worker replaced, and a verdict on each.
 *
 * @module
 */

import type { ReloadReport, WorkerReload } from "../events/reload_report.ts";
import { roundedDuration } from "../shared/duration.ts";
import { AdminClient } from "./admin_client.ts";
import { ADMIN_OPTIONS, ADMIN_OPTIONS_HELP } from "./admin_options.ts";
import { namedPool } from "./named_pool.ts";
import type { Subcommand, SubcommandContext } from "./subcommand.ts";

const HELP = `\
Usage: prefork-pool reload [options]

Replaces every worker by one of a new generation, with no request lost, and
waits for the verdict. When the new generation does not work, the old one
serves on. Exit code: 0 when the new one serves, 1 when not.

${ADMIN_OPTIONS_HELP}`;

/** `prefork-pool reload`. */
export const reload: Subcommand = { help: HELP, options: ADMIN_OPTIONS, run };

/** Reloads, and prints what came of it. */
async function run(context: SubcommandContext): Promise<number> {
  const { target } = await namedPool(context);
  const report = await new AdminClient(target).reload();
  context.print(reloadText(report));
  return report.ok ? 0 : 1;
}

/** Returns the verdict on each worker and on the whole, a line each. */
export function reloadText(report: ReloadReport): string {
  return [
    ...report.workers.map(workerLine),
    report.ok
      ? `Reloaded in ${roundedDuration(report.durationMs)}: ` +
        `generation ${report.generation} serves.`
      : `Cannot reload: ${report.reason ?? "the new workers do not work"}. ` +
        `Generation ${report.fromGeneration} serves on.`,
  ].join("\n");
}

function workerLine(worker: WorkerReload): string {
  const facts = [
    ...(worker.reason === null ? [] : [worker.reason]),
    ...(worker.pid === null ? [] : [`pid ${worker.pid}`]),
    ...(worker.port === null ? [] : [`port ${worker.port}`]),
    ...(worker.startupMs === null
      ? []
      : [`ready in ${roundedDuration(worker.startupMs)}`]),
    ...(worker.requests === 0
      ? []
      : [`${worker.requests} requests, ${worker.errors} failed`]),
  ];
  const verdict = `worker ${worker.workerId}: ${worker.verdict}`;
  return facts.length === 0 ? verdict : `${verdict} (${facts.join(", ")})`;
}
