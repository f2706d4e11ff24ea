/**
 * What Kubernetes, KEDA and the Prometheus operator accept, as their published
 * schemas have it; and, beyond those, no field that they do not have, which a
 * server would drop in silence.
 *
 * @module
 */

import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { PriorityClass } from "kubernetes-models/scheduling.k8s.io/v1/PriorityClass";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";

/** A manifest, of which only what all have is known. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** A class made of a schema. */
interface Model {
  readonly apiVersion?: string;
  readonly kind?: string;
  /** The compiled schema: throws with what does not fit `this`. */
  readonly prototype: { validate(): void };
}

const MODELS: readonly Model[] = [
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  PodMonitor,
  PriorityClass,
  ScaledObject,
  Service,
  ServiceAccount,
];

/** What a server would refuse or drop in a manifest; empty when nothing. */
export function complaintsAbout(manifest: Manifest): readonly string[] {
  const { apiVersion, kind } = manifest;
  const model = MODELS.find((model) =>
    model.apiVersion === apiVersion && model.kind === kind
  );
  if (model === undefined) return [`no schema for ${apiVersion} ${kind}`];
  const looked = new Set<string>();
  const complaints: string[] = [];
  try {
    model.prototype.validate.call(watched(manifest, "", looked));
  } catch (error) {
    complaints.push((error as Error).message);
  }
  return [
    ...complaints,
    ...unlooked(manifest, "", looked).map((path) => `${path}: no such field`),
  ];
}

/**
 * The value, noting which of its fields are read. The schemas allow fields that
 * they do not have, but never look at them.
 */
function watched(value: unknown, path: string, looked: Set<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key): unknown {
      const field = (target as Record<PropertyKey, unknown>)[key];
      if (typeof key === "symbol") return field;
      looked.add(`${path}/${key}`);
      return watched(field, `${path}/${key}`, looked);
    },
  });
}

/** The paths of all fields that have not been looked at. */
function unlooked(
  value: unknown,
  path: string,
  looked: ReadonlySet<string>,
): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) => {
    const at = `${path}/${key}`;
    return looked.has(at) ? unlooked(field, at, looked) : [at];
  });
}
