/**
 * Knows when a data plane that has been busy is quiet: the time to give back
 * what the work has left behind, which takes longer than a request should
 * wait.
 *
 * @module
 */

/** Looks in a row at which nearly nothing was done: five seconds, longer than a pause between two bursts of a load. */
const QUIET_LOOKS = 50;

/** What may always have been done since the last look for it to be quiet: ten requests a second. */
const QUIET_WORK = 1;

/** The same, as a share of the most that was done since one look before: few of so many wait for the collection. */
const QUIET_SHARE = 1 / 50;

/** Requests and connections, come or gone, that are worth a collection: it costs each of them a microsecond or two. */
const WORTHWHILE_WORK = 10_000;

/** What a data plane has done, and holds. */
export interface Work {
  /** Requests so far. */
  readonly requests: number;
  /** Connections that are open. */
  readonly clientConnections: number;
}

/**
 * Connections that have come or gone after which what they have left behind is
 * worth that the thread of the data plane collects it. With the garbage the
 * engine throws away what it has compiled for objects of which there are none
 * at the moment: in the first second or two of the next load a request costs
 * twice as much.
 */
const CROWD = 2_000;

/** What is to be given back now. */
export type Remainder =
  /** What many connections have left, or the start. */
  | "all"
  /** What others than the thread of the data plane hold. */
  | "elsewhere";

/** Tells when it has become quiet, once for each time that it was busy. */
export class QuietWatch {
  #requests = 0;
  #connections = 0;
  #quietLooks = 0;
  /** Most that was done between two looks since it was quiet last. */
  #peak = 0;
  /** Done since it was quiet last. The start counts: it leaves the most behind. */
  #work = WORTHWHILE_WORK;
  /** Connections come or gone since then; likewise. */
  #turnover = CROWD;

  /** Looks at what has been done; returns what is to be given back if it is quiet now, after work enough, or `null`. */
  look({ requests, clientConnections }: Work): Remainder | null {
    const turnover = Math.abs(clientConnections - this.#connections);
    const work = requests - this.#requests + turnover;
    this.#requests = requests;
    this.#connections = clientConnections;
    this.#work += work;
    this.#turnover += turnover;
    this.#peak = Math.max(this.#peak, work);
    const quietWork = Math.max(QUIET_WORK, this.#peak * QUIET_SHARE);
    if (work > quietWork) this.#quietLooks = 0;
    else this.#quietLooks++;
    if (this.#quietLooks < QUIET_LOOKS || this.#work < WORTHWHILE_WORK) {
      return null;
    }
    const remainder = this.#turnover >= CROWD ? "all" : "elsewhere";
    this.#work = this.#turnover = this.#peak = 0;
    return remainder;
  }
}
