/**
 * Lines of `/proc/PID/stat`, which threads have as well: see proc(5),
 * proc_pid_stat. Pure.
 *
 * @module
 */

/** Clock ticks a second in /proc, fixed for user space by the kernel's interface. */
export const TICKS_PER_SECOND = 100;

/** Of a process that is ending: set before its descriptors are closed. */
const PF_EXITING = 0x4;

/** The fields behind the name, from the state on: the name, in parentheses, may itself hold spaces and parentheses. */
export function fieldsBehindName(line: string): readonly string[] {
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}

/** Whether the process is about to end, or has ended: its connections are closed on the way there, and before its parent is told. */
export function isEnding(line: string): boolean {
  const [state, , , , , , flags] = fieldsBehindName(line);
  return state === "Z" || state === "X" || (Number(flags) & PF_EXITING) !== 0;
}
