/**
 * Keeps account of which workers' lines are in the log already, and holds back
 * for a moment what a worker writes while it starts: if it fails, the entry
 * about that says what it wrote, once. Otherwise its lines follow.
 *
 * @module
 */

/** How long lines are held back, in milliseconds: a program that crashes is gone by then. */
const HOLD_MS = 2_000;

/** Lines held of a worker; one that writes more has something to say. */
const MAX_HELD_LINES = 200;

/** Lines that came longer before the end than this, in milliseconds, are not where one looks for its cause. */
const NEAR_MS = 1_000;

/** Writes one line. */
export type WriteLine = () => void;

/** What has become of a worker's lines. */
export interface EndedOutput {
  /** Lines that have been held back and not written, oldest first. */
  readonly held: readonly WriteLine[];
  /** Whether its last lines have been written, and stand near where its end is told. */
  readonly written: boolean;
}

interface Account {
  /** `null` once lines are written as they come. */
  held: WriteLine[] | null;
  timer: ReturnType<typeof setTimeout> | null;
  /** Whether lines of it were dropped. */
  lossy: boolean;
  /** When its last line came. */
  lastAt: number;
}

/** Holds lines by the process that wrote them. */
export class HeldOutput {
  readonly #accounts = new Map<number, Account>();
  readonly #clock: () => number;

  /** Holds nothing yet; `clock` is monotonic, in milliseconds. */
  constructor(clock: () => number = (): number => performance.now()) {
    this.#clock = clock;
  }

  /** Holds the lines of a process that starts. */
  begin(pid: number): void {
    this.#accounts.set(pid, {
      held: [],
      timer: null,
      lossy: false,
      lastAt: -Infinity,
    });
  }

  /** Holds a line back, or writes it. */
  take(pid: number, write: WriteLine): void {
    const account = this.#accounts.get(pid);
    if (account === undefined) return write();
    const { held } = account;
    account.lastAt = this.#clock();
    if (held === null) return write();
    account.timer ??= setTimeout(() => this.release(pid), HOLD_MS);
    held.push(write);
    if (held.length >= MAX_HELD_LINES) this.release(pid);
  }

  /** Writes what is held of a process, and all further lines as they come. */
  release(pid: number): void {
    const account = this.#accounts.get(pid);
    if (account === undefined) return;
    for (const write of account.held ?? []) write();
    account.held = null;
    if (account.timer !== null) clearTimeout(account.timer);
  }

  /** Lines of a process have been dropped. */
  dropped(pid: number): void {
    const account = this.#accounts.get(pid);
    if (account !== undefined) account.lossy = true;
  }

  /** The process is gone: says what became of its lines, and forgets it. */
  end(pid: number): EndedOutput {
    const account = this.#accounts.get(pid);
    if (account === undefined) return { held: [], written: false };
    this.#accounts.delete(pid);
    if (account.timer !== null) clearTimeout(account.timer);
    const { held, lossy, lastAt } = account;
    const near = this.#clock() - lastAt < NEAR_MS;
    return { held: held ?? [], written: held === null && !lossy && near };
  }

  /** Writes everything that is held. */
  close(): void {
    for (const pid of this.#accounts.keys()) this.release(pid);
  }
}
