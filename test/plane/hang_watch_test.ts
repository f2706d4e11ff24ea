/** Which thread hangs, and which one is only kept from running. */

import assert from "node:assert/strict";
import {
  HangWatch,
  HUNG_MS,
  LOOK_INTERVAL_MS,
  type Verdict,
} from "../../src/plane/hang_watch.ts";
import type { ThreadUse } from "../../src/transport/epoll/thread_use.ts";

/** What happens between two looks. */
interface Interval {
  readonly passedMs?: number;
  readonly beats?: number;
  /** CPU time that the thread has. */
  readonly cpuMs?: number;
  readonly asleep?: boolean;
  /** Whether the kernel shows it. */
  readonly seen?: boolean;
}

class Scene {
  #heartbeat = 7;
  #at = 1_000;
  #cpuMs = 300;
  readonly #watch = new HangWatch(this.#sight({}));

  /** What a look says after each of `count` intervals. */
  looks(count: number, interval: Interval): Verdict[] {
    return Array.from({ length: count }, () => {
      this.#at += interval.passedMs ?? LOOK_INTERVAL_MS;
      this.#heartbeat += interval.beats ?? 0;
      this.#cpuMs += interval.cpuMs ?? 0;
      return this.#watch.look(this.#sight(interval));
    });
  }

  #sight({ asleep = false, seen = true }: Interval): {
    heartbeat: number;
    at: number;
    use: ThreadUse | null;
  } {
    const use = seen ? { asleep, cpuMs: this.#cpuMs } : null;
    return { heartbeat: this.#heartbeat, at: this.#at, use };
  }
}

/** Looks without a sign of life until a thread hangs that could have run. */
const LOOKS = HUNG_MS / LOOK_INTERVAL_MS;

const UNTIL_HUNG: readonly Verdict[] = [
  ...Array<Verdict>(LOOKS - 1).fill("alive"),
  "hung",
];

for (
  const [what, interval] of [
    ["sleeps", { asleep: true }],
    ["computes", { cpuMs: LOOK_INTERVAL_MS }],
    ["cannot be seen", { seen: false }],
  ] as const
) {
  Deno.test(`a thread that ${what} and shows no sign of life hangs`, () => {
    assert.deepEqual(new Scene().looks(LOOKS, interval), UNTIL_HUNG);
  });
}

Deno.test("a thread that gets no CPU is starved, however long that goes on", () => {
  const scene = new Scene();
  const verdicts = scene.looks(1_000, {});
  assert.deepEqual(verdicts.slice(0, LOOKS - 1), UNTIL_HUNG.slice(0, -1));
  assert.deepEqual(new Set(verdicts.slice(LOOKS - 1)), new Set(["starved"]));
  assert.deepEqual(scene.looks(1, { beats: 1 }), ["alive"]);
});

Deno.test("a thread that computes with a tenth of a CPU hangs after ten times as long", () => {
  const verdicts = new Scene().looks(10 * LOOKS, {
    cpuMs: LOOK_INTERVAL_MS / 10,
  });
  assert.equal(verdicts.indexOf("starved"), LOOKS - 1);
  assert.equal(verdicts.indexOf("hung"), 10 * LOOKS - 1);
});

Deno.test("a sign of life, or a pause of the process, begins anew", () => {
  const scene = new Scene();
  for (const [beats, passedMs] of [[1, LOOK_INTERVAL_MS], [0, 90_000]]) {
    scene.looks(LOOKS - 1, { asleep: true });
    assert.deepEqual(
      scene.looks(1, { asleep: true, beats: beats!, passedMs: passedMs! }),
      ["alive"],
    );
  }
  assert.deepEqual(scene.looks(LOOKS, { asleep: true }), UNTIL_HUNG);
});
