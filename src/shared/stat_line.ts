/**
 * Lines of `/proc/PID/stat`, which threads have as well: see proc(5),
 * proc_pid_stat. Pure.
 *
 * @module
 */

/** Clock ticks a second in /proc, fixed for user space by the kernel's interface. */
export const TICKS_PER_SECOND = 100;

/** The fields behind the name, from the state on: the name, in parentheses, may itself hold spaces and parentheses. */
export function fieldsBehindName(line: string): readonly string[] {
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}
