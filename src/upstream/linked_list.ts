/**
 * A list through its members themselves: to enter and to leave it costs a few
 * assignments, and allocates nothing. What every request does both of is
 * better kept like this than in a Map or a Set, whose tables are made anew as
 * members come and go.
 *
 * @module
 */

/** A member of one such list at a time. */
export interface Linked<T> {
  /** The one that entered after it; for the list alone. */
  next: T | null;
  /** The one that entered before it; for the list alone. */
  previous: T | null;
}

/** Members in the order in which they entered. */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  /** How many there are. */
  size = 0;

  #first: T | null = null;
  #last: T | null = null;

  /** The one that entered first of those that are in it. */
  get first(): T | null {
    return this.#first;
  }

  /** Puts a member at the end that is in no list. */
  enter(member: T): void {
    member.previous = this.#last;
    member.next = null;
    if (this.#last === null) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.size++;
  }

  /** Takes a member out that is in this list. */
  leave(member: T): void {
    const { previous, next } = member;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    member.previous = member.next = null;
    this.size--;
  }

  /** Walks them; the one it stands at may leave meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    let member = this.#first;
    while (member !== null) {
      const { next } = member;
      yield member;
      member = next;
    }
  }
}
