/**
 * Looks whether what settings name is there. What is not is a mistake to be
 * told with all others, and not once for each worker, or by a log that stays
 * empty.
 *
 * @module
 */

import { resolve } from "node:path";
import { directoryProblem } from "../shared/working_directory.ts";
import { logFileProblem } from "./log_file_problem.ts";
import type { SettingName } from "./settings.ts";
import type { SettingsDraft } from "./settings_draft.ts";

/** Reports to `draft` what cannot be used of the places it has; paths are relative to `directory`. */
export function checkPlaces(
  draft: SettingsDraft,
  directory: string | null = null,
): void {
  check(draft, "workerLogFile", logFileProblem);
  check(
    draft,
    "workerCwd",
    (path) => directoryProblem(resolve(directory ?? Deno.cwd(), path)),
  );
}

function check(
  draft: SettingsDraft,
  name: SettingName,
  problemOf: (path: string) => string | null,
): void {
  const path = draft.textOf(name);
  const remedy = path === null ? null : problemOf(path);
  if (remedy === null) return;
  draft.reject(name, { setting: draft.labelOf(name), value: path, remedy });
}
