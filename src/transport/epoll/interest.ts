/**
 * What epoll is asked to watch a descriptor for.
 *
 * It is changed when an event comes that nobody wants, not when somebody stops
 * wanting it: most want it again before one comes.
 *
 * @module
 */

import { EPOLL } from "./abi.ts";
import type { EventLoop } from "./event_loop.ts";

/** Epoll does not know of it. */
const UNWATCHED = -1;

/** Events of one descriptor, in which its source is interested. */
export class Interest {
  readonly #loop: EventLoop;
  readonly #fd: number;
  #events: number;

  /** Begins with what the descriptor is watched for already, if it is. */
  constructor(loop: EventLoop, fd: number, watchedFor: number = UNWATCHED) {
    this.#loop = loop;
    this.#fd = fd;
    this.#events = watchedFor;
  }

  /** Adds `events`; returns whether the kernel has memory for that. */
  want(events: number): boolean {
    if (this.#events === UNWATCHED) {
      if (!this.#loop.watch(this.#fd, events)) return false;
      this.#events = events;
    } else if ((this.#events & events) !== events) {
      this.#events |= events;
      this.#loop.modify(this.#fd, this.#events);
    }
    return true;
  }

  /** Takes off what `events` have shown nobody to want. */
  settle(events: number, wanted: number): void {
    const broken = (events & (EPOLL.ERR | EPOLL.HUP)) !== 0;
    const unwanted = this.#events & ~wanted & (events | EPOLL.OUT);
    if (broken && wanted === 0) {
      // Would be reported for ever.
      this.#loop.unwatch(this.#fd);
      this.#events = UNWATCHED;
    } else if (unwanted !== 0) {
      this.#events &= ~unwanted;
      this.#loop.modify(this.#fd, this.#events);
    }
  }
}
