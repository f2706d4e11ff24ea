/** The loop: timers, tasks, wakes, and callbacks that throw. */

import assert from "node:assert/strict";
import { EPOLL } from "../../../src/transport/epoll/abi.ts";
import { EventLoop } from "../../../src/transport/epoll/event_loop.ts";
import { Waker } from "../../../src/transport/epoll/waker.ts";
import { MOST_PASSED_MS } from "../../../src/shared/running_clock.ts";
import { StoppedClock } from "../../support/stopped_clock.ts";
import { DEFAULT_DEADLINE_MS, withDeadline } from "../../support/deadline.ts";
import { type LoopWorkerTask, STOP, TIMER, WOKEN } from "./loop_worker.ts";
import { TrackedLibc } from "./tracked_libc.ts";

/** A loop of its own, and what was thrown in it. */
function makeLoop(): {
  loop: EventLoop;
  libc: TrackedLibc;
  errors: unknown[];
} {
  const libc = new TrackedLibc();
  const errors: unknown[] = [];
  const onError = (error: unknown): void => {
    errors.push(error);
  };
  return { libc, errors, loop: new EventLoop({ libc, onError }) };
}

Deno.test("the loop runs until it is stopped, and can be run again", () => {
  const { loop, libc } = makeLoop();
  const fired: string[] = [];
  loop.after(2, () => fired.push("second"));
  loop.after(1, () => fired.push("first"));
  loop.after(3, () => loop.stop());
  loop.run();
  assert.deepEqual(fired, ["first", "second"]);
  loop.after(1, () => loop.stop());
  loop.run();
  loop.close();
  assert.equal(libc.open.size, 0);
});

Deno.test("a timer does not go off before its time", () => {
  const { loop } = makeLoop();
  const began = loop.now();
  loop.after(7, () => loop.stop());
  loop.run();
  assert.ok(loop.now() - began >= 7);
  loop.close();
});

Deno.test("time in which nobody ran brings no timer nearer", async () => {
  using clock = new StoppedClock();
  const { loop } = makeLoop();
  let fired = false;
  loop.after(1.5 * MOST_PASSED_MS, () => fired = true);
  await clock.pass(100 * MOST_PASSED_MS);
  loop.turn(0);
  assert.equal(fired, false);
  await clock.pass(MOST_PASSED_MS);
  loop.turn(0);
  assert.equal(fired, true);
  loop.close();
});

Deno.test("tasks run at the end of the turn, and those they set in the next one", () => {
  const { loop } = makeLoop();
  const order: string[] = [];
  loop.atTurnEnd(() => {
    order.push(`task in turn ${loop.turns}`);
    loop.atTurnEnd(() => order.push(`its task in turn ${loop.turns}`));
  });
  loop.after(0, () => order.push(`timer in turn ${loop.turns}`));
  // Neither waits: there is something to do.
  loop.turn(DEFAULT_DEADLINE_MS);
  loop.turn(DEFAULT_DEADLINE_MS);
  assert.deepEqual(order, [
    "timer in turn 1",
    "task in turn 1",
    "its task in turn 2",
  ]);
  loop.close();
});

Deno.test("what a timer or a task throws is reported, and the others are called", () => {
  const { loop, errors } = makeLoop();
  const mistakes = [new Error("timer"), new Error("task")];
  const called: string[] = [];
  loop.after(0, () => {
    throw mistakes[0];
  });
  loop.after(0, () => called.push("timer"));
  loop.atTurnEnd(() => {
    throw mistakes[1];
  });
  loop.atTurnEnd(() => called.push("task"));
  loop.turn(0);
  assert.deepEqual(errors, mistakes);
  assert.deepEqual(called, ["timer", "task"]);
  loop.close();
});

Deno.test("a descriptor that is closed and opened again in a batch does not get the event of the one before it", () => {
  const { loop, libc, errors } = makeLoop();
  const ready = (): number => libc.call.eventfd(1, 0);
  const count = new BigUint64Array(1);
  const fds = [ready(), ready()];
  const called: string[] = [];
  for (const fd of fds) {
    const other = fds.find((one) => one !== fd)!;
    loop.attach(fd, {
      abort: () => {},
      onReady: (): void => {
        called.push("one of both");
        // As if closed, and its number given to another: in truth, a test
        // that runs beside might be given it.
        loop.unwatch(other);
        loop.detach(other);
        libc.call.read(other, count, count.byteLength);
        loop.attach(other, {
          abort: () => libc.call.close(other),
          onReady: () => called.push("the new one"),
        });
        assert.ok(loop.watch(other, EPOLL.IN));
        loop.detach(fd);
        libc.call.close(fd);
      },
    });
    assert.ok(loop.watch(fd, EPOLL.IN));
  }
  loop.turn(0);
  loop.turn(0);
  assert.deepEqual(errors, []);
  assert.deepEqual(called, ["one of both"]);
  loop.close();
  assert.equal(libc.open.size, 0);
});

Deno.test("another thread wakes a loop that waits, runs its timers, and stops", async () => {
  const libc = new TrackedLibc();
  const waker = new Waker(libc);
  const board = new Int32Array(new SharedArrayBuffer(12));
  const url = new URL("loop_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const stopped = new Promise<string>((resolve, reject) => {
    worker.onmessage = ({ data }): void => resolve(data);
    worker.onerror = ({ message }): void => reject(new Error(message));
  });
  const task: LoopWorkerTask = { wakeFd: waker.fd, board };
  worker.postMessage(task);
  await noted(board, TIMER, 1);
  for (let count = 1; count <= 100; count++) {
    waker.wake();
    await noted(board, WOKEN, count);
  }
  Atomics.store(board, STOP, 1);
  waker.wake();
  const message = await withDeadline(
    stopped,
    DEFAULT_DEADLINE_MS,
    () => "the loop has not stopped",
  );
  assert.equal(message, "stopped");
  worker.terminate();
  waker.close();
  assert.equal(libc.open.size, 0);
});

/** Waits until a word of the board is at least `value`. */
async function noted(
  board: Int32Array,
  word: number,
  value: number,
): Promise<void> {
  while (true) {
    const seen = Atomics.load(board, word);
    if (seen >= value) return;
    const waited = Atomics.waitAsync(board, word, seen, DEFAULT_DEADLINE_MS);
    assert.notEqual(await waited.value, "timed-out");
  }
}
