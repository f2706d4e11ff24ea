/** Whether the two connections of an exchange are used again: the table, by what each fact means. */

import assert from "node:assert/strict";
import {
  decideReuse,
  type RequestProgress,
  type ReuseFacts,
} from "../../../src/proxy/core/reuse.ts";

/** An ordinary exchange, after which both connections are kept. */
const ORDINARY: ReuseFacts = {
  clientKeepsAlive: true,
  request: "received",
  refusal: false,
  clientAtFault: false,
  delimited: true,
  switched: false,
  draining: false,
  workerKeepsAlive: true,
};

/** What each single departure from that means for the client and the worker. */
const DEPARTURES: readonly (readonly [
  meaning: string,
  facts: Partial<ReuseFacts>,
  client: boolean,
  worker: boolean,
])[] = [
  ["nothing is special", {}, true, true],
  ["the client asks for an end", { clientKeepsAlive: false }, false, true],
  ["the body is on its way", { request: "arriving" }, true, false],
  [
    "the body is on its way and not wanted",
    { request: "arriving", refusal: true },
    false,
    false,
  ],
  ["the body may never come", { request: "withheld" }, false, false],
  [
    "the body may never come and is not wanted",
    { request: "withheld", refusal: true },
    false,
    false,
  ],
  ["a whole request is refused", { refusal: true }, true, true],
  ["nothing can be made of the request", { clientAtFault: true }, false, true],
  ["the end of the response is the end", { delimited: false }, false, true],
  ["another protocol has them", { switched: true }, false, false],
  ["the pool is stopping", { draining: true }, false, true],
  ["the worker ends its side", { workerKeepsAlive: false }, true, false],
];

for (const [meaning, facts, client, worker] of DEPARTURES) {
  Deno.test(`where ${meaning}, the client's connection is ${client ? "kept" : "closed"} and the worker's ${worker ? "kept" : "closed"}`, () => {
    assert.deepEqual(decideReuse({ ...ORDINARY, ...facts }), {
      client,
      worker,
    });
  });
}

Deno.test("what ends a connection by itself ends it whatever else holds", () => {
  for (const facts of allFacts()) {
    const { client, worker } = decideReuse(facts);
    for (const [meaning, departure, keepsClient, keepsWorker] of DEPARTURES) {
      const holds = Object.entries(departure).every(([name, value]) =>
        facts[name as keyof ReuseFacts] === value
      );
      if (!holds) continue;
      assert.ok(keepsClient || !client, `${meaning}: ${JSON.stringify(facts)}`);
      assert.ok(keepsWorker || !worker, `${meaning}: ${JSON.stringify(facts)}`);
    }
  }
});

Deno.test("the worker's connection does not depend on the client, nor the client's on the worker", () => {
  for (const facts of allFacts()) {
    const { client, worker } = decideReuse(facts);
    const { workerKeepsAlive, switched, request } = facts;
    const whole = request === "received";
    assert.equal(worker, workerKeepsAlive && !switched && whole);
    const other = { ...facts, workerKeepsAlive: !workerKeepsAlive };
    assert.equal(decideReuse(other).client, client);
  }
});

function* allFacts(): Generator<ReuseFacts> {
  const progress: RequestProgress[] = ["received", "arriving", "withheld"];
  for (const request of progress) {
    for (let bits = 0; bits < 1 << 7; bits++) {
      yield {
        request,
        clientKeepsAlive: (bits & 1) !== 0,
        refusal: (bits & 2) !== 0,
        clientAtFault: (bits & 4) !== 0,
        delimited: (bits & 8) !== 0,
        switched: (bits & 16) !== 0,
        draining: (bits & 32) !== 0,
        workerKeepsAlive: (bits & 64) !== 0,
      };
    }
  }
}
