/**
 * The terminal as a screen of our own: keys in, lines out, and as it was
 * afterwards.
 *
 * @module
 */

import { actionsIn, type TopAction } from "./keys.ts";

/** A screen without a cursor: what was there before is there again afterwards. */
const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** What every terminal has. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** Longer than what any key sends: several keys at once, too. */
const KEY_BYTES = 64;

const LEAVING_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** What a terminal tells. */
export interface TerminalEvents {
  readonly onAction: (action: TopAction) => void;
  readonly onResize: () => void;
}

/** A terminal that has been taken; close it to give it back. */
export class Terminal {
  readonly #events: TerminalEvents;
  readonly #raw = Deno.stdin.isTerminal();
  readonly #leave = (): void => this.#events.onAction("leave");
  readonly #resize = (): void => this.#events.onResize();

  private constructor(events: TerminalEvents) {
    this.#events = events;
  }

  /** Takes the terminal. */
  static async open(events: TerminalEvents): Promise<Terminal> {
    const terminal = new Terminal(events);
    for (const signal of LEAVING_SIGNALS) {
      Deno.addSignalListener(signal, terminal.#leave);
    }
    Deno.addSignalListener("SIGWINCH", terminal.#resize);
    await write(ENTER_SCREEN);
    if (terminal.#raw) {
      Deno.stdin.setRaw(true);
      terminal.#readKeys();
    }
    return terminal;
  }

  /** How much it shows. */
  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = Deno.consoleSize();
    // A terminal that was not told its size says 0.
    return {
      columns: columns || DEFAULT_SIZE.columns,
      rows: rows || DEFAULT_SIZE.rows,
    };
  }

  /** Writes over what is there, so that nothing flickers. */
  async draw(lines: readonly string[]): Promise<void> {
    await write(
      HOME + lines.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW,
    );
  }

  /** Gives it back. */
  async close(): Promise<void> {
    if (this.#raw) Deno.stdin.setRaw(false);
    await write(LEAVE_SCREEN);
    for (const signal of LEAVING_SIGNALS) {
      Deno.removeSignalListener(signal, this.#leave);
    }
    Deno.removeSignalListener("SIGWINCH", this.#resize);
  }

  /** Ends with the process: nobody waits for a key. */
  #readKeys(): void {
    const bytes = new Uint8Array(KEY_BYTES);
    const decoder = new TextDecoder();
    const next = (count: number | null): void => {
      if (count === null) return this.#leave();
      const typed = decoder.decode(bytes.subarray(0, count), { stream: true });
      actionsIn(typed).forEach(this.#events.onAction);
      Deno.stdin.read(bytes).then(next, this.#leave);
    };
    Deno.stdin.read(bytes).then(next, this.#leave);
  }
}

async function write(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await Deno.stdout.write(bytes.subarray(at));
  }
}
