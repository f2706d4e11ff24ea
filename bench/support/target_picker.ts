/**
 * Which request comes next.
 *
 * @module
 */

import type { Random } from "../../test/fuzz/random.ts";
import { toBytes } from "../../test/support/raw_socket.ts";
import type { Target } from "./node_apps.ts";

/** The request for one of the targets, as often as their percentages say. */
export function pickRequest(
  targets: readonly Target[],
  random: Random,
): Uint8Array {
  let left = random.below(100);
  const target = targets.find(({ percent }) => (left -= percent) < 0);
  return toBytes(
    `GET ${target?.path ?? "/"} HTTP/1.1\r\nHost: bench\r\n\r\n`,
  );
}
