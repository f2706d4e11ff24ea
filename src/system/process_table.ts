/**
 * Which processes there are and whose children they are, read from the text
 * of `/proc/PID/stat`.
 *
 * Pure: reads no file.
 *
 * @module
 */

/** Clock ticks a second in /proc, fixed for user space by the kernel's interface. */
const TICKS_PER_SECOND = 100;

/** A process. */
export interface ProcessEntry {
  readonly pid: number;
  /** Its name, cut to 15 characters by the kernel. */
  readonly name: string;
  /** State, as a letter of `ps`. */
  readonly state: string;
  readonly parent: number;
  /** Process group. */
  readonly group: number;
  /** CPU time it has used so far, in user and kernel mode, in seconds. */
  readonly cpuSeconds: number;
}

/** Reads the lines of `/proc/PID/stat`, one for each process. Those that have ended (zombies) are left out. */
export function parseProcessTable(text: string): readonly ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const line of text.split("\n")) {
    // The name, in parentheses, may itself hold spaces and parentheses.
    const open = line.indexOf("(");
    const close = line.lastIndexOf(")");
    if (open < 0 || close < open) continue;
    const fields = line.slice(close + 2).split(" ");
    const [state = "", parent, group] = fields;
    if (state === "Z" || state === "X") continue;
    entries.push({
      pid: Number(line.slice(0, open)),
      name: line.slice(open + 1, close),
      state,
      parent: Number(parent),
      group: Number(group),
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    });
  }
  return entries;
}

/**
 * Returns the processes of the group that `leader` leads, and all that descend
 * from one of them, in whatever group: a worker with everything it started and
 * has not let go of.
 */
export function familyOf(
  processes: readonly ProcessEntry[],
  leader: number,
): readonly ProcessEntry[] {
  const family = new Map<number, ProcessEntry>();
  for (let before = -1; before !== family.size;) {
    before = family.size;
    for (const entry of processes) {
      const related = entry.pid === leader || entry.group === leader ||
        family.has(entry.parent);
      if (related) family.set(entry.pid, entry);
    }
  }
  return [...family.values()];
}
