/**
 * What servers write when the port they want is taken.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  namesTakenAddress,
  namesTakenPort,
} from "../../src/pool/port_taken.ts";

const LINES: Readonly<Record<string, number | null>> = {
  // Node, Go, Python, PHP, Ruby, Rust
  "Error: listen EADDRINUSE: address already in use 127.0.0.1:8081": 8081,
  "Error: listen EADDRINUSE: address already in use :::8081": 8081,
  "listen tcp 127.0.0.1:8081: bind: address already in use": 8081,
  "OSError: [Errno 98] Address already in use": null,
  "Failed to listen on 127.0.0.1:8081 (reason: Address already in use)": 8081,
  "bind(2) for 127.0.0.1:8081 (Errno::EADDRINUSE)": 8081,
  "error: Uncaught AddrInUse: Address already in use (os error 98)": null,
};

Deno.test("what servers of all kinds write is known, with the port where they name it", () => {
  for (const [line, port] of Object.entries(LINES)) {
    assert.ok(namesTakenAddress([line]), line);
    assert.ok(namesTakenPort([line], 8081), line);
    assert.equal(namesTakenPort([line], 8081, false), port !== null, line);
    assert.equal(namesTakenPort([line], 9000), port === null, line);
  }
  assert.ok(!namesTakenPort(["listening on 127.0.0.1:8081"], 8081));
});
