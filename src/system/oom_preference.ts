/**
 * Whom the kernel kills when memory runs out. Linux; needs `-A`.
 *
 * It kills who uses most. In a small container, or a unit with a limit, that
 * is the balancer where its workers are many and small, and all of them end
 * with it; one worker alone would have been replaced in a moment.
 *
 * @module
 */

import { isGranted } from "../shared/is_granted.ts";
import {
  memoryGroups,
  memoryLimit,
  type ReadFile,
  readOr,
} from "./control_groups.ts";
import { readGranted } from "./granted_files.ts";
import { memoryInfo } from "./memory_info.ts";

/**
 * By how much a worker is taken for larger than it is, in bytes: more than the
 * balancer uses under load. A share of the memory would put workers before
 * whatever else runs on a large machine.
 */
const HANDICAP_BYTES = 256 * 1024 * 1024;

/** What `oom_score_adj` may be at most: it counts as much as all of the memory. */
const MAX_SCORE = 1_000;

/** Has the kernel kill the process `pid` rather than this one, where that is permitted. */
export function preferAsVictim(pid: number): void {
  const path = `/proc/${pid}/oom_score_adj`;
  // Which Deno would ask for at the terminal.
  if (!isGranted({ name: "write", path })) return;
  const score = victimScore();
  if (score === null) return;
  try {
    Deno.writeTextFileSync(path, String(score), { create: false });
  } catch {
    // Not with less than -A; or it has ended, or has a score that must not be changed.
  }
}

/** Returns what a worker's `oom_score_adj` is to be, or `null` where memory cannot be seen. */
export function victimScore(read: ReadFile = readGranted): number | null {
  const own = Number.parseInt(readOr(read, "/proc/self/oom_score_adj", ""));
  const total = memoryInfo(read, "MemTotal");
  if (Number.isNaN(own) || total === null) return null;
  const limits = memoryGroups(read).map((group) => memoryLimit(read, group))
    .filter((limit) => limit !== null);
  // Where the least memory is allowed it runs out first, and the unit is a part of that.
  const memory = Math.min(total, ...limits);
  return Math.min(
    MAX_SCORE,
    own + Math.ceil(MAX_SCORE * HANDICAP_BYTES / memory),
  );
}
