/**
 * How long one turn of the event loop may go on.
 *
 * What can be read at once is read within the turn, and who reads again right
 * after does so in the same one, many times over. Where a read brings much to
 * do (chunks of one octet each, say), a few connections keep the loop for
 * seconds, and the others wait. So whoever wants to read in a turn that has
 * lasted for long waits until the loop has looked at its sockets.
 *
 * @module
 */

/** How long links read on within a turn, in milliseconds. */
const TURN_MS = 20;

/** What can be read later. */
export interface Deferrable {
  /** Begins to read, if that is still wanted. */
  read(): void;
}

/** The present turn, and who waits for a later one. */
export class Turn {
  readonly #now: () => number;
  readonly #deferred = new Set<Deferrable>();
  /** Goes off with the end of the turn. Only while somebody reads. */
  #end: ReturnType<typeof setTimeout> | undefined;
  #until = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  /** Creates it; `now` is monotonic, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Has `link` read: at once, or later where this turn has lasted for long. */
  read(link: Deferrable): void {
    const now = this.#now();
    if (this.#end === undefined) {
      this.#until = now + TURN_MS;
      this.#end = setTimeout(() => this.#end = undefined, 0);
    }
    if (now < this.#until) return link.read();
    this.#deferred.add(link);
    // Only a timer that is not due yet has the loop look at its sockets.
    this.#later ??= setTimeout(() => this.#goOn(), 0);
  }

  /** Awaits nothing any more. Nobody reads after that. */
  stop(): void {
    clearTimeout(this.#end);
    clearTimeout(this.#later);
    this.#deferred.clear();
  }

  #goOn(): void {
    this.#later = undefined;
    const links = [...this.#deferred];
    this.#deferred.clear();
    for (const link of links) this.read(link);
  }
}
