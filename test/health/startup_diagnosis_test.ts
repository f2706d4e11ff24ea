/**
 * What keeps a worker from being ready, in words.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ProbeResult } from "../../src/health/probe.ts";
import {
  diagnoseStartup,
  type StartupObservations,
} from "../../src/health/startup_diagnosis.ts";

const REFUSED: ProbeResult = { type: "refused" };
const SEEN: StartupObservations = {
  result: REFUSED,
  target: { hostname: "127.0.0.1", port: 8081 },
  healthPath: "/healthz",
  healthHost: null,
  elsewhere: [],
  readsPort: false,
  cpuRatio: 0,
};

function at(
  address: string,
  port: number,
): StartupObservations["elsewhere"][number] {
  return { address, port, pid: 10, parent: 1, name: "node" };
}

/** What is said, reason and remedy. */
function text(seen: Partial<StartupObservations>): string {
  const { reason, remedy } = diagnoseStartup({ ...SEEN, ...seen }, 0);
  return remedy === null ? reason : `${reason}: ${remedy}`;
}

Deno.test("where it listens is said beside where it was expected, and the remedy", () => {
  assert.equal(
    text({ elsewhere: [at("::", 3000), at("127.0.0.1", 9229)] }),
    "it listens on [::]:3000, 127.0.0.1:9229, and not on 127.0.0.1:8081: " +
      "have it read PORT, or write {port} in the command",
  );
  assert.match(
    text({ elsewhere: [at("192.0.2.7", 8081)] }),
    /^it listens on 192\.0\.2\.7:8081, and not on 127\.0\.0\.1:8081: have it listen on 127\.0\.0\.1 \(HOST/,
  );
  assert.equal(
    text({}),
    "connection refused: it does not listen on 127.0.0.1:8081",
  );
});

Deno.test("a status that is not healthy is said with HEALTH_PATH, and the setting that changes it", () => {
  const status = (status: number): string =>
    text({ result: { type: "responded", status } });
  assert.match(status(404), /404 to HEALTH_PATH \/healthz: set HEALTH_PATH to/);
  assert.match(status(401), /401 to HEALTH_PATH \/healthz: .*no credentials/);
  assert.equal(status(503), "responded with 503");
  for (const turnedAway of [400, 403, 421]) {
    assert.match(
      status(turnedAway),
      /with Host 127\.0\.0\.1:8081: .* set HEALTH_HOST to a name that it serves/,
    );
  }
  assert.match(
    text({ result: { type: "responded", status: 403 }, healthHost: "a.test" }),
    /with Host a\.test/,
  );
});

Deno.test("TLS where plain HTTP is expected is named", () => {
  assert.match(
    text({ result: { type: "tls" } }),
    /^it speaks TLS on 127\.0\.0\.1:8081, .*SERVER_CERT_PATH/,
  );
});

Deno.test("what is certain is reported after two seconds, what may only take its time after ten", () => {
  const reported = (
    seen: Partial<StartupObservations>,
    standingMs: number,
  ): boolean => diagnoseStartup({ ...SEEN, ...seen }, standingMs).reported;
  const status = { result: { type: "responded", status: 404 } } as const;
  assert.deepEqual([1_999, 2_000].map((ms) => reported(status, ms)), [
    false,
    true,
  ]);
  assert.deepEqual([9_999, 10_000].map((ms) => reported({}, ms)), [
    false,
    true,
  ]);
});

Deno.test("a worker computes that keeps a tenth of a CPU busy", () => {
  const computing = (cpuRatio: number | null): boolean =>
    diagnoseStartup({ ...SEEN, cpuRatio }, 0).computing;
  assert.deepEqual([null, 0.09, 0.1].map(computing), [false, false, true]);
});
