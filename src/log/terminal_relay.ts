/**
 * Writing to a terminal through a process that is in no session of it.
 *
 * A terminal that is set to `stty tostop` sends SIGTTOU to whoever writes to it
 * from the background. We listen to that signal, and so would neither be
 * stopped nor be let write: the system tries again for ever, at 100 % CPU. A
 * process that has no controlling terminal may always write.
 *
 * Knows nothing of what is written.
 *
 * @module
 */

import type { ByteSink } from "./line_writer.ts";
import { isGranted } from "../shared/is_granted.ts";
import { settledWithin } from "../shared/settled_within.ts";

/** How long the last lines may take on their way to the terminal, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Writes to the terminal that is our stderr. */
export class TerminalRelay implements ByteSink {
  readonly #child: Deno.ChildProcess | null;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | null;
  #broken = false;

  /** Starts the process that writes; without the permission to, writes itself. */
  constructor() {
    this.#child = spawnWriter();
    this.#input = this.#child?.stdin.getWriter() ?? null;
    // Seen when it is written to.
    this.#input?.closed.catch(() => {});
  }

  /** Whether we write to the terminal ourselves. */
  get direct(): boolean {
    return this.#input === null || this.#broken;
  }

  /** Whether a person is looking: the terminal is one. */
  isTerminal(): boolean {
    return true;
  }

  /** Writes some of `bytes` and resolves to how many. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#input !== null && !this.#broken) {
      try {
        await this.#input.write(bytes);
        return bytes.length;
      } catch {
        // It has been killed: better once at 100 % than not at all.
        this.#broken = true;
      }
    }
    return await Deno.stderr.write(bytes);
  }

  /** Lets the last lines through, and ends the process that writes them. */
  async close(): Promise<void> {
    if (this.#child === null) return;
    const closed = this.#input?.close().catch(() => {});
    const ended = Promise.all([closed, this.#child.status]);
    await settledWithin(ended, CLOSE_TIMEOUT_MS);
  }
}

function spawnWriter(): Deno.ChildProcess | null {
  if (!isGranted({ name: "run", command: "sh" })) return null;
  try {
    const child = new Deno.Command("sh", {
      args: ["-c", "exec cat >&2"],
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
      // A session of its own, in which there is no terminal. A Ctrl-C is not
      // for it either: the last lines come after that.
      detached: true,
    }).spawn();
    child.unref();
    return child;
  } catch {
    // No shell: lines are written all the same.
    return null;
  }
}

/**
 * Whether the terminal takes us for a program in its background, as far as we
 * may look: without that permission, it may.
 */
export function mayBeInBackground(): boolean {
  if (!isGranted({ name: "read", path: "/proc" })) return true;
  try {
    const stat = Deno.readTextFileSync("/proc/self/stat");
    // The name in parentheses may hold anything: fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [group, terminal, foreground] = [fields[2], fields[4], fields[5]];
    return terminal !== "0" && group !== foreground;
  } catch {
    return true;
  }
}
