/** Which requests are known to have cost workers, and for how long. */

import assert from "node:assert/strict";
import { type RequestLine, Suspects } from "../../src/proxy/core/suspects.ts";
import type { EndCause } from "../../src/upstream/upstream.ts";
import { upstream } from "../upstream/upstreams.ts";

const MINUTE_MS = 60_000;

function line(target: string, method = "GET"): RequestLine {
  return { method, target };
}

/** Each in a loss of its own, alone. */
function lostWith(suspects: Suspects, ...targets: readonly string[]): void {
  for (const target of targets) {
    suspects.record([line(target)], { at: 0, refutable: false });
  }
}

Deno.test("a request has to cost two workers before it is deadly", () => {
  const suspects = new Suspects();
  assert.equal(suspects.deadly(line("/die"), 0), false);
  lostWith(suspects, "/die");
  assert.equal(suspects.losses(line("/die"), 0), 1);
  assert.equal(suspects.deadly(line("/die"), 0), false);
  lostWith(suspects, "/die");
  assert.equal(suspects.deadly(line("/die"), 0), true);
});

Deno.test("those that differ in their query alone count together, those of another method or path do not", () => {
  const suspects = new Suspects();
  lostWith(suspects, "/die?x=1", "/die?x=2");
  assert.equal(suspects.deadly(line("/die"), 0), true);
  assert.equal(suspects.deadly(line("/die?x=3"), 0), true);
  assert.equal(suspects.deadly(line("/die", "PUT"), 0), false);
  assert.equal(suspects.deadly(line("/die/"), 0), false);
});

Deno.test("several of one kind in a single loss count once", () => {
  const suspects = new Suspects();
  const lines = ["/die?x=1", "/die?x=2", "/die?x=2"]
    .map((target) => line(target));
  suspects.record(lines, { at: 0, refutable: true });
  assert.equal(suspects.losses(line("/die"), 0), 1);
});

Deno.test("who was one of several is cleared by an answer, who was alone is not", () => {
  const suspects = new Suspects();
  for (let loss = 0; loss < 2; loss++) {
    const lines = [line("/die"), line("/page")];
    suspects.record(lines, { at: 0, refutable: true });
  }
  suspects.refute(line("/page"));
  assert.equal(suspects.deadly(line("/page"), 0), false);
  assert.equal(suspects.deadly(line("/die"), 0), true);
  lostWith(suspects, "/alone", "/alone");
  suspects.refute(line("/alone"));
  assert.equal(suspects.deadly(line("/alone"), 0), true);
});

Deno.test("an answer to one query does not clear another", () => {
  const suspects = new Suspects();
  for (let loss = 0; loss < 2; loss++) {
    const lines = [line("/search?q=bad"), line("/search?q=good")];
    suspects.record(lines, { at: 0, refutable: true });
  }
  suspects.refute(line("/search?q=good"));
  assert.equal(suspects.deadly(line("/search"), 0), true);
  suspects.refute(line("/search?q=bad"));
  assert.equal(suspects.size, 0);
});

Deno.test("what is long ago is forgotten", () => {
  const suspects = new Suspects();
  lostWith(suspects, "/die", "/die");
  suspects.expire(4 * MINUTE_MS);
  assert.equal(suspects.deadly(line("/die"), 4 * MINUTE_MS), true);
  assert.equal(suspects.deadly(line("/die"), 6 * MINUTE_MS), false);
  suspects.expire(6 * MINUTE_MS);
  assert.equal(suspects.size, 0);
});

Deno.test("however many requests cost workers, few are remembered: the last ones", () => {
  const suspects = new Suspects();
  for (let n = 0; n < 10_000; n++) {
    lostWith(suspects, `/${n}${"x".repeat(1000)}`, `/${n}`, `/${n}`);
  }
  assert.ok(suspects.size <= 256, `${suspects.size}`);
  assert.equal(suspects.deadly(line("/9999"), 0), true);
  assert.equal(suspects.deadly(line("/0"), 0), false);
});

Deno.test("more targets in one loss than can be told apart are not cleared one by one", () => {
  const suspects = new Suspects();
  const lines = Array.from({ length: 100 }, (_, n) => line(`/page?n=${n}`));
  for (let loss = 0; loss < 2; loss++) {
    suspects.record(lines, { at: 0, refutable: true });
  }
  for (const each of lines) suspects.refute(each);
  assert.equal(suspects.deadly(line("/page"), 0), true);
});

Deno.test("what a worker leaves unanswered that exits by itself within two seconds counts, and nothing else does", () => {
  const leaveUnanswered = (afterMs: number, cause: EndCause): Suspects => {
    const suspects = new Suspects();
    let now = 0;
    for (let id = 0; id < 2; id++) {
      const worker = upstream(id);
      suspects.noteUnanswered(worker, line("/die"), () => now);
      now += afterMs;
      suspects.noteUnanswered(worker, line(`/other${id}`), () => now);
      worker.markEnded({ cause, description: "" });
    }
    return suspects;
  };
  const deadly = (suspects: Suspects): boolean =>
    suspects.deadly(line("/die"), 5_000);
  const soon = leaveUnanswered(2_000, "self-inflicted");
  assert(deadly(soon));
  assert.equal(soon.losses(line("/other1"), 5_000), 1);
  assert(!deadly(leaveUnanswered(2_001, "self-inflicted")));
  assert(!deadly(leaveUnanswered(0, "requested")));
  assert(!deadly(leaveUnanswered(0, "external-signal")));
});
