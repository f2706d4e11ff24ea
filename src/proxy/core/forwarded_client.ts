/**
 * Who a request comes from when trusted proxies have passed it on. Pure.
 *
 * @module
 */

import { latin1Slice } from "../../http1/bytes.ts";
import { Field } from "../../http1/field_names.ts";
import { type FieldTable, forEachMember } from "../../http1/field_table.ts";
import { readForwarded } from "../../http1/forwarded.ts";
import type { CidrSet } from "../../net/cidr.ts";
import { canonicalAddress } from "../../net/ip_address.ts";

/** An IPv4 address or one in brackets, each with a port. */
const WITH_PORT = /^(?:([0-9.]+):[0-9]+|\[([^\]]*)\](?::[0-9]+)?)$/;

/**
 * Returns the last address in X-Forwarded-For, or else in Forwarded, that is
 * no trusted proxy's: each proxy has appended whom it saw, and what stands
 * before is hearsay. `null` when there is none, so that the request is the proxies' own. What is
 * no address is returned as it is.
 */
export function forwardedClient(
  bytes: Uint8Array,
  fields: FieldTable,
  trusted: CidrSet,
): string | null {
  let client: string | null = null;
  if (!fields.has(Field.X_FORWARDED_FOR) && fields.has(Field.FORWARDED)) {
    const nodes = readForwarded(bytes, fields)?.nodes ?? [];
    return nodes.map(addressIn)
      .findLast((address) => !trusted.contains(address)) ?? null;
  }
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind(i) !== Field.X_FORWARDED_FOR) continue;
    const start = fields.valueStart(i);
    forEachMember(bytes, start, fields.valueEnd(i), (from, to) => {
      const address = addressIn(latin1Slice(bytes, from, to));
      if (!trusted.contains(address)) client = address;
    });
  }
  return client;
}

/** Some proxies add the port. */
function addressIn(text: string): string {
  const [, ipv4, bracketed] = WITH_PORT.exec(text) ?? [];
  const address = ipv4 ?? bracketed ?? text;
  return canonicalAddress(address) ?? address;
}
