/**
 * Knows when a data plane that has been busy is quiet: the time to give back
 * what the work has left behind, which takes longer than a request should
 * wait.
 *
 * @module
 */

/** Looks in a row at which nearly nothing was done: two seconds, longer than a pause between two bursts of a load. */
const QUIET_LOOKS = 20;

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

/** Tells when it has become quiet, once for each time that it was busy. */
export class QuietWatch {
  #requests = 0;
  #connections = 0;
  #quietLooks = 0;
  /** Most that was done between two looks since it was quiet last. */
  #peak = 0;
  /** Done since it was quiet last. The start counts: it leaves the most behind. */
  #work = WORTHWHILE_WORK;

  /** Looks at what has been done; returns whether it is quiet now, after work enough. */
  look({ requests, clientConnections }: Work): boolean {
    const work = requests - this.#requests +
      Math.abs(clientConnections - this.#connections);
    this.#requests = requests;
    this.#connections = clientConnections;
    this.#work += work;
    this.#peak = Math.max(this.#peak, work);
    const quietWork = Math.max(QUIET_WORK, this.#peak * QUIET_SHARE);
    if (work > quietWork) this.#quietLooks = 0;
    else this.#quietLooks++;
    if (this.#quietLooks < QUIET_LOOKS || this.#work < WORTHWHILE_WORK) {
      return false;
    }
    this.#work = this.#peak = 0;
    return true;
  }
}
