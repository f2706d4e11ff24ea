/**
 * The policies by the names that the `POLICY` setting knows them by.
 *
 * @module
 */

import { ipHash } from "./ip_hash.ts";
import { leastConnections } from "./least_connections.ts";
import { leastLoaded } from "./least_loaded.ts";
import type { Policy } from "./policy.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { roundRobin } from "./round_robin.ts";

/** The name of a policy. */
export type PolicyName =
  | "round-robin"
  | "least-connections"
  | "power-of-two"
  | "ip-hash";

/** Every policy by its name. */
export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  "round-robin": roundRobin,
  "least-connections": leastConnections,
  "power-of-two": powerOfTwo,
  "ip-hash": ipHash,
};

/**
 * Returns the policy for these settings.
 *
 * Where the number of requests at once is adapted, who has fewer is freer: each
 * has its turn among those that have the fewest.
 */
export function policyFor(
  { policy, workerConcurrency }: {
    readonly policy: PolicyName;
    readonly workerConcurrency: number | "auto";
  },
): Policy {
  const levels = policy === "round-robin" && workerConcurrency === "auto";
  return levels ? leastLoaded : POLICIES[policy];
}
