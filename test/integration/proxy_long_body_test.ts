/**
 * Bodies far larger than what the balancer may hold of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { zeroStream } from "../../src/demo/streams.ts";
import { startPool } from "../support/pool_process.ts";

const MIB = 1024 ** 2;
const BODY_BYTES = 128 * MIB;

/** Buffers and garbage of the busiest moment; a held body would be four times as much. */
const MOST_GROWTH_BYTES = 32 * MIB;

/** The most memory a process has ever used. */
async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

Deno.test({
  name:
    "a download and an upload of 128 MiB pass in constant memory (needs /proc)",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    await using pool = await startPool({ env: { POOL_SIZE: "1" } });
    await (await fetch(`${pool.url}/bytes?n=1`)).bytes();
    const before = await peakMemoryBytes(pool.pid);

    const download = await fetch(`${pool.url}/bytes?n=${BODY_BYTES}`);
    let received = 0;
    for await (const part of download.body ?? []) received += part.length;
    assert.equal(received, BODY_BYTES);

    const upload = await fetch(`${pool.url}/upload`, {
      method: "POST",
      body: zeroStream(BODY_BYTES),
    });
    assert.equal((await upload.json()).bytes, BODY_BYTES);

    const growth = await peakMemoryBytes(pool.pid) - before;
    assert.ok(growth < MOST_GROWTH_BYTES, `it grew by ${growth} bytes`);
  },
});
