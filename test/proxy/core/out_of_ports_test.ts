/** A machine that has no port left to connect from: it is no fault of the worker's, and another one may be reached. */

import assert from "node:assert/strict";
import { CoreStand, FIRST_WORKER_PORT } from "../../support/core/core_stand.ts";
import { get, ok, post } from "../../support/message_text.ts";
import { toBytes } from "../../support/raw_socket.ts";

/** A stand where the first of the workers cannot be reached for want of a port. */
function withoutPort(
  workers: number,
): { readonly stand: CoreStand; readonly tried: number[] } {
  const stand = new CoreStand({ workers });
  const tried: number[] = [];
  stand.onConnect = (attempt) => () => {
    const { port } = attempt.to;
    tried.push(port);
    if (port === FIRST_WORKER_PORT) {
      return attempt.fail({ reason: "out-of-ports", detail: "EADDRNOTAVAIL" });
    }
    const link = stand.newWorkerLink();
    attempt.succeed(link);
    link.deliver(toBytes(ok("reached")));
  };
  return { stand, tried };
}

Deno.test("a request to a worker that there is no port to reach from goes to another, and the worker is not blamed", () => {
  const { stand, tried } = withoutPort(2);
  const client = stand.accept();
  client.deliver(toBytes(post("/", "sent once")));
  stand.run();
  assert.match(client.output, /reached/);
  assert.deepEqual(tried, [FIRST_WORKER_PORT, FIRST_WORKER_PORT + 1]);
  const [worker] = stand.upstreams;
  assert.equal(worker?.failures, 0);
  assert.ok(worker?.accepting);
  stand.checkEnds();
});

Deno.test("where there is no other worker it is a 503, and no port is looked for again", () => {
  const { stand, tried } = withoutPort(1);
  const client = stand.accept();
  client.deliver(toBytes(get("/")));
  stand.run();
  assert.match(client.output, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n/i);
  assert.deepEqual(tried, [FIRST_WORKER_PORT]);
  const failed = stand.events.find(({ type }) => type === "exchange-failed");
  assert.ok(failed?.type === "exchange-failed");
  const { code, source, setting } = failed;
  assert.deepEqual(
    { code, source, setting },
    { code: "out-of-ports", source: "internal", setting: null },
  );
  assert.equal(stand.upstreams[0]?.failures, 0);
  stand.checkEnds();
});
