/**
 * Many clients at once, each with a connection of its own and one request.
 *
 * `deno run -A bench/overload/flood_main.ts SPEC`; see `measure.ts`, which
 * starts this as a process of its own.
 *
 * @module
 */

import { Random } from "../../test/fuzz/random.ts";
import { distribution } from "../tail/load_result.ts";
import { clientAddress, HttpClient } from "../support/http_client.ts";
import { pickRequest } from "../support/target_picker.ts";
import type { FloodResult, FloodSpec } from "./flood_result.ts";

const spec: FloodSpec = JSON.parse(Deno.args[0]!);
const random = new Random(spec.seed, 0);
const start = performance.now();
const durations: number[] = [];
let succeeded = 0;
let rejected = 0;
const clients = Array.from(
  { length: spec.clients },
  (_, index) => new HttpClient({ ...spec, localAddress: clientAddress(index) }),
);
// All connections stay until every request has been answered.
await Promise.all(clients.map(async (client) => {
  const outcome = await client.ask(pickRequest(spec.targets, random));
  if (typeof outcome === "string") return;
  durations.push(performance.now() - start);
  if (outcome.status === 200) succeeded++;
  if (outcome.status === 503) rejected++;
}));
for (const client of clients) client.close();
const result: FloodResult = {
  clients: spec.clients,
  succeeded,
  rejected,
  failed: spec.clients - succeeded - rejected,
  answered: distribution(durations),
};
console.log(JSON.stringify(result));
