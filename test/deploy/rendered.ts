/**
 * The overlays of `deploy/k8s/`, as kubectl renders them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import type { Config } from "../../src/config/config.ts";
import { configOf, ROOT } from "./deployed.ts";
import type { Manifest } from "./manifest_schemas.ts";

/** The parts of a Deployment that are looked at. */
interface Deployment {
  readonly spec: {
    readonly replicas?: number;
    readonly strategy: { readonly rollingUpdate: unknown };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly serviceAccountName?: string;
        readonly priorityClassName?: string;
        readonly containers: readonly [Container];
      };
    };
  };
}

interface Container {
  readonly image: string;
  readonly envFrom: readonly [
    { readonly configMapRef: { readonly name: string } },
  ];
  readonly ports: readonly {
    readonly name: string;
    readonly containerPort: number;
  }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: {
    readonly requests: { readonly cpu: string };
    readonly limits: { readonly memory: string; readonly cpu?: string };
  };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** The parts of a HorizontalPodAutoscaler that are looked at. */
export interface Autoscaler {
  readonly spec: {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly {
      readonly pods?: { readonly metric: { readonly name: string } };
    }[];
    readonly behavior: unknown;
  };
}

/** The parts of a ScaledObject that are looked at. */
export interface ScaledObject {
  readonly spec: {
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly triggers: readonly {
      readonly metadata: { readonly query?: string };
    }[];
    readonly advanced: {
      readonly horizontalPodAutoscalerConfig: { readonly behavior: unknown };
    };
  };
}

/** What an overlay amounts to. */
export class Rendered {
  /** All of them. */
  readonly manifests: readonly Manifest[];

  /** Holds them. */
  constructor(manifests: readonly Manifest[]) {
    this.manifests = manifests;
  }

  /** The one manifest of its kind. */
  only<T>(kind: string): T {
    const found = this.manifests.filter((manifest) => manifest.kind === kind);
    assert.equal(found.length, 1, `${found.length} of ${kind}`);
    return found[0] as unknown as T;
  }

  /** The kinds of all manifests, in order. */
  get kinds(): readonly string[] {
    return this.manifests.map(({ kind }) => kind).toSorted();
  }

  /** What the one Deployment asks for. */
  get deployment(): Deployment["spec"] {
    return this.only<Deployment>("Deployment").spec;
  }

  /** Its pods. */
  get pod(): Deployment["spec"]["template"]["spec"] {
    return this.deployment.template.spec;
  }

  /** Their one container. */
  get container(): Container {
    return this.pod.containers[0];
  }

  /** The pool's configuration, by the ConfigMap its container names. */
  get config(): Config {
    const map = this.only<
      Manifest & { readonly data: Readonly<Record<string, string>> }
    >("ConfigMap");
    assert.equal(
      this.container.envFrom[0].configMapRef.name,
      map.metadata.name,
    );
    return configOf(map.data);
  }
}

/** Each is rendered once. */
const rendered = new Map<string, Promise<Rendered>>();

/** The manifests of an overlay, as kubectl renders them. */
export function render(path: string): Promise<Rendered> {
  const found = rendered.get(path) ?? kustomize(path);
  rendered.set(path, found);
  return found;
}

async function kustomize(path: string): Promise<Rendered> {
  const { success, stdout, stderr } = await new Deno.Command("kubectl", {
    args: ["kustomize", path],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  const documents = parseAllDocuments(decoder.decode(stdout));
  return new Rendered(documents.map((document) => document.toJSON()));
}
