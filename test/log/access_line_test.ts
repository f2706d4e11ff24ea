/** The combined format of the access log. */

import assert from "node:assert/strict";
import type { AccessEvent } from "../../src/events/mod.ts";
import { combinedLine } from "../../src/log/access_line.ts";

const AT = Date.UTC(2026, 10, 7, 10, 19, 9, 999);

function access(changes: Partial<AccessEvent> = {}): AccessEvent {
  return {
    type: "access",
    at: AT,
    requestId: "r1",
    clientAddress: "10.0.0.1",
    method: "GET",
    target: "/a?b",
    status: 200,
    workerId: 2,
    bytesOut: 12,
    durationMs: 13.26,
    protocol: "HTTP/1.1",
    referer: "http://a/",
    userAgent: "curl/8.0",
    traceId: null,
    attempts: 2,
    queueWaitMs: 3,
    upstreamMs: 10,
    ...changes,
  };
}

Deno.test("a line is that of Apache and nginx, with what they have no column for behind it", () => {
  assert.equal(
    combinedLine()(access()),
    '10.0.0.1 - - [07/Nov/2026:10:19:09 +0000] "GET /a?b HTTP/1.1" 200 12 ' +
      '"http://a/" "curl/8.0" worker=2 time=13.3 queue=3.0 upstream=10.0 ' +
      "attempts=2 trace=- id=r1\n",
  );
});

Deno.test("what there is not is a dash, and a client that has gone a 499", () => {
  const line = combinedLine()(
    access({
      status: 0,
      workerId: null,
      referer: null,
      userAgent: null,
      upstreamMs: null,
    }),
  );
  assert.match(line, / 499 12 "-" "-" worker=- .* upstream=- /);
});

Deno.test("nothing that a client sends ends a field or a line", () => {
  const line = combinedLine()(
    access({ userAgent: 'a" 200 \\\x1b[2J\n\xe9', target: '/"' }),
  );
  assert.ok(line.includes('"GET /\\" HTTP/1.1"'));
  assert.ok(line.includes('"a\\" 200 \\\\\\x1b[2J\\x0a\\xe9"'));
  assert.equal(line.split("\n").length, 2);
});

Deno.test("what was no request line is shown as Apache shows it", () => {
  const line = combinedLine()(
    access({ method: "-", target: "-", status: 400 }),
  );
  assert.match(line, /\] "-" 400 /);
});
