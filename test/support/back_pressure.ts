/**
 * What it takes to see that a slow reader stops its sender: a body longer than
 * all buffers on the way, and a way to tell that nothing moves any more.
 *
 * @module
 */

import { delay } from "./deadline.ts";
import { head, ok } from "./message_text.ts";
import { answering, type OriginScript } from "./origin_script.ts";

/** Far more than the kernel takes for two connections (up to 4 + 6 MiB each) and we do for one. */
export const BODY_BYTES: number = 64 * 1024 * 1024;

/** Most that may be on its way. */
export const MOST_IN_BETWEEN_BYTES: number = 32 * 1024 * 1024;

/** Between two looks at what a sender got off. */
const LOOK_MS = 70;

/** A sender that gets nothing off for so many looks has been stopped; one look may only follow a pause of this process. */
const STILL_LOOKS = 3;

/** A worker that answers with a body of {@linkcode BODY_BYTES}. */
export const LONG_ANSWER: OriginScript = [
  { do: "read-request" },
  {
    do: "send",
    data: head("HTTP/1.1 200 OK", `Content-Length: ${BODY_BYTES}`),
  },
  { do: "send-fill", count: BODY_BYTES },
];

/** A worker that reads a body of {@linkcode BODY_BYTES} once the gate `read` is open. */
export const LATE_READER: OriginScript = [
  { do: "read-head" },
  { do: "gate", name: "read" },
  { do: "read-bytes", count: BODY_BYTES },
  ...answering(ok("ok")).slice(1),
];

/** Waits until `count` changes no more, and returns it. */
export async function settled(count: () => number): Promise<number> {
  let before = count();
  for (let still = 0; still < STILL_LOOKS;) {
    await delay(LOOK_MS);
    const now = count();
    still = now === before ? still + 1 : 0;
    before = now;
  }
  return before;
}
