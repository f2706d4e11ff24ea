/** How long a connection that we have ended is kept for its peer. */

import assert from "node:assert/strict";
import { LingeringClose } from "../../../src/transport/epoll/lingering_close.ts";
import { ManualClock, ManualTimers } from "../../support/core/manual_clock.ts";

Deno.test("a peer that goes on sending is kept for thirty seconds, a silent one for two", () => {
  for (const [sends, seconds] of [[true, 30], [false, 2]] as const) {
    const clock = new ManualClock();
    const timers = new ManualTimers(clock);
    let closedAt = 0;
    const linger = new LingeringClose(timers, () => closedAt = clock.now());
    const startedAt = clock.now();
    while (closedAt === 0 && clock.now() < startedAt + 60_000) {
      if (sends) linger.noteProgress();
      clock.advance(1_000);
      timers.fire();
    }
    assert.equal(closedAt - startedAt, seconds * 1_000);
    assert.equal(timers.pending, 0);
  }
});
