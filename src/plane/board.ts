/**
 * What the thread of the data plane shows without being asked: a few words of
 * shared memory. Written by that thread alone, so that whoever looks at them
 * learns how it is even when it replies to nobody any more.
 *
 * @module
 */

/** Words that are the same in every thread: signs of life, and how many descriptors there is room for. */
const HEARTBEAT = 0;
const FIRST_DESCRIPTOR_WORD = 1;

/** Descriptors that can be taken note of: the most a process may have by Linux' default (`fs.nr_open`). */
const MAX_DESCRIPTORS = 1_048_576;

const BITS = 32;

const WORDS = FIRST_DESCRIPTOR_WORD + MAX_DESCRIPTORS / BITS;

/** Shared with the thread of the data plane. */
export class Board {
  /** The memory, to be handed to the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** Makes a board, or looks at the one in `memory`. */
  constructor(memory: SharedArrayBuffer = newMemory()) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Signs of life so far. */
  get heartbeat(): number {
    return Atomics.load(this.#words, HEARTBEAT);
  }

  /** Gives a sign of life. */
  beat(): void {
    Atomics.add(this.#words, HEARTBEAT, 1);
  }

  /** A descriptor has been opened. */
  opened(fd: number): void {
    if (fd < MAX_DESCRIPTORS) this.#words[wordOf(fd)]! |= 1 << fd % BITS;
  }

  /** A descriptor is about to be closed. */
  closed(fd: number): void {
    if (fd < MAX_DESCRIPTORS) this.#words[wordOf(fd)]! &= ~(1 << fd % BITS);
  }

  /** Those that are open, when nobody is left to close them. */
  *openDescriptors(): Generator<number> {
    for (let index = FIRST_DESCRIPTOR_WORD; index < WORDS; index++) {
      const word = this.#words[index]!;
      if (word === 0) continue;
      for (let bit = 0; bit < BITS; bit++) {
        if ((word & 1 << bit) !== 0) {
          yield (index - FIRST_DESCRIPTOR_WORD) * BITS + bit;
        }
      }
    }
  }
}

function newMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
}

function wordOf(fd: number): number {
  return FIRST_DESCRIPTOR_WORD + Math.floor(fd / BITS);
}
