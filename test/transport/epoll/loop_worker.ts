/**
 * A loop in a thread of its own, as it is used: it blocks until it is woken.
 *
 * Told by a message which eventfd wakes it and where to note what happens. The
 * first words are how often it was woken, and how often its timer went off.
 *
 * @module
 */

import { EventLoop } from "../../../src/transport/epoll/event_loop.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";

/** What the thread is told. */
export interface LoopWorkerTask {
  readonly wakeFd: number;
  readonly board: Int32Array;
}

/** Words of the board. */
export const WOKEN = 0;
export const TIMER = 1;
/** Set by the test: what a wake is to do. */
export const STOP = 2;

// `self` is not among the names that Deno's main threads know.
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<LoopWorkerTask>) => void;
  postMessage: (message: string) => void;
};

scope.onmessage = ({ data: { wakeFd, board } }): void => {
  const loop = new EventLoop({
    libc: openLibc(),
    wakeFd,
    onError: (error) => {
      throw error;
    },
    onWake: () => {
      note(board, WOKEN);
      if (Atomics.load(board, STOP) > 0) loop.stop();
    },
  });
  loop.after(1, () => note(board, TIMER));
  loop.run();
  loop.close();
  scope.postMessage("stopped");
};

function note(board: Int32Array, word: number): void {
  Atomics.add(board, word, 1);
  Atomics.notify(board, word);
}
