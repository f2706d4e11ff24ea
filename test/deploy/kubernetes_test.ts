/**
 * The manifests, as kubectl renders them: valid, of settings that exist, and
 * with the time, the memory and the probes that the pool needs.
 */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { ignoreWithout } from "../support/programs.ts";
import {
  neededMebibytes,
  read,
  ROOT,
  STOP_MARGIN_S,
  stopSeconds,
} from "./deployed.ts";
import { complaintsAbout, type Manifest } from "./manifest_schemas.ts";
import { type Autoscaler, render, type ScaledObject } from "./rendered.ts";

const SINGLE = "deploy/k8s";
const SCALE_OUT = "deploy/k8s/overlays/scale-out";
const KEDA = "deploy/k8s/overlays/scale-out-keda";

/** The modules that make the figures name each of them. */
const METRIC_MODULES = [...Deno.readDirSync(new URL("src/metrics/", ROOT))]
  .map(({ name }) => read(`src/metrics/${name}`)).join("");

function kubernetesTest(name: string, fn: () => Promise<void>): void {
  const ignore = ignoreWithout("kubectl");
  Deno.test({ name: `${name} (needs kubectl)`, ignore, fn });
}

for (const path of [SINGLE, SCALE_OUT, KEDA]) {
  kubernetesTest(
    `${path} fits the schemas, and has no field that they do not have`,
    async () => {
      const { manifests } = await render(path);
      for (const manifest of manifests) {
        assert.deepEqual(complaintsAbout(manifest), [], manifest.kind);
      }
    },
  );

  kubernetesTest(
    `${path} gives the pool time to drain, and the memory it may need`,
    async () => {
      const { pod, container, config } = await render(path);
      assert.ok(config.drainDelayMs > 0, "endpoints are removed late");
      assert.ok(
        pod.terminationGracePeriodSeconds >=
          stopSeconds(config) + STOP_MARGIN_S,
      );
      const { limits } = container.resources;
      assert.equal(limits.memory, `${neededMebibytes(config)}Mi`);
      assert.equal(limits.cpu, undefined, "who is throttled responds late");
    },
  );

  kubernetesTest(
    `${path} serves on the port it declares, and is probed on the admin port`,
    async () => {
      const { container, config, manifests } = await render(path);
      const { startupProbe, livenessProbe, readinessProbe, ports } = container;
      assert.deepEqual(ports, [
        { name: "http", containerPort: config.port },
        { name: "admin", containerPort: config.adminPort },
      ]);
      assert.equal(config.adminHost, "0.0.0.0", "kubelet is not on loopback");
      const healthy = { path: "/_health", port: "admin" };
      assert.deepEqual(startupProbe.httpGet, healthy);
      assert.deepEqual(livenessProbe.httpGet, healthy);
      assert.deepEqual(readinessProbe.httpGet, {
        path: "/_ready",
        port: "admin",
      });
      const service = manifests.find(({ kind }) => kind === "Service") as
        | (Manifest & { spec: { ports: { targetPort: string }[] } })
        | undefined;
      assert.equal(service?.spec.ports[0]?.targetPort, "http");
    },
  );

  kubernetesTest(`${path} runs the image of this version`, async () => {
    const { container } = await render(path);
    const { version } = JSON.parse(read("deno.json"));
    assert.equal(container.image, `prefork-pool:${version}`);
  });
}

Deno.test("a manifest with a field that Kubernetes does not have is refused", () => {
  const manifest = parse(`
    apiVersion: v1
    kind: ServiceAccount
    metadata: { name: x, labels: { any: thing } }
    automountServiceAccountTokens: false
  `) as Manifest;
  assert.deepEqual(complaintsAbout(manifest), [
    "/automountServiceAccountTokens: no such field",
  ]);
});

kubernetesTest(
  "one pod: one replica, whose successor is ready first",
  async () => {
    const single = await render(SINGLE);
    assert.deepEqual(single.kinds, ["ConfigMap", "Deployment", "Service"]);
    assert.equal(single.deployment.replicas, 1);
    assert.deepEqual(single.deployment.strategy.rollingUpdate, {
      maxSurge: 1,
      maxUnavailable: 0,
    });
  },
);

for (const path of [SCALE_OUT, KEDA]) {
  kubernetesTest(
    `${path}: pods of one size, whose number is the autoscaler's`,
    async () => {
      const { config, deployment, container } = await render(path);
      const { poolSize, minWorkers, maxWorkers } = config;
      assert.equal(minWorkers, poolSize);
      assert.equal(maxWorkers, poolSize);
      assert.equal(deployment.replicas, undefined);
      // Of this, the autoscaler's utilization is a percentage.
      assert.equal(container.resources.requests.cpu, `${poolSize}`);
    },
  );

  kubernetesTest(
    `${path}: what selects pods selects these, and what they name is there`,
    async () => {
      const overlay = await render(path);
      const { labels } = overlay.deployment.template.metadata;
      const budget = overlay.only<{ spec: { selector: unknown } }>(
        "PodDisruptionBudget",
      );
      assert.deepEqual(budget.spec.selector, { matchLabels: labels });
      const account = overlay.only<
        Manifest & { automountServiceAccountToken: boolean }
      >("ServiceAccount");
      assert.equal(overlay.pod.serviceAccountName, account.metadata.name);
      assert.equal(account.automountServiceAccountToken, false);
      const priority = overlay.only<Manifest>("PriorityClass");
      assert.equal(overlay.pod.priorityClassName, priority.metadata.name);
    },
  );

  kubernetesTest(
    `${path}: the admin port is open to monitoring alone`,
    async () => {
      const overlay = await render(path);
      const { labels } = overlay.deployment.template.metadata;
      const { spec } = overlay.only<{ spec: unknown }>("NetworkPolicy");
      const monitoring = { "kubernetes.io/metadata.name": "monitoring" };
      assert.deepEqual(spec, {
        podSelector: { matchLabels: labels },
        policyTypes: ["Ingress"],
        ingress: [
          { ports: [{ port: "http" }] },
          {
            from: [{ namespaceSelector: { matchLabels: monitoring } }],
            ports: [{ port: "admin" }],
          },
        ],
      });
    },
  );
}

kubernetesTest(
  "KEDA scales as the autoscaler it replaces does, and alone",
  async () => {
    const keda = await render(KEDA);
    const { spec: autoscaler } = (await render(SCALE_OUT))
      .only<Autoscaler>("HorizontalPodAutoscaler");
    assert.ok(!keda.kinds.includes("HorizontalPodAutoscaler"));
    const { spec } = keda.only<ScaledObject>("ScaledObject");
    assert.equal(spec.minReplicaCount, autoscaler.minReplicas);
    assert.equal(spec.maxReplicaCount, autoscaler.maxReplicas);
    assert.equal(spec.triggers.length, autoscaler.metrics.length);
    assert.deepEqual(
      spec.advanced.horizontalPodAutoscalerConfig.behavior,
      autoscaler.behavior,
    );
  },
);

kubernetesTest("the autoscalers ask for figures that there are", async () => {
  const adapter = read(`${SCALE_OUT}/prometheus-adapter-values.yaml`);
  const { rules } = parse(adapter) as {
    rules: {
      custom: {
        seriesQuery: string;
        name: { as: string };
        metricsQuery: string;
      }[];
    };
  };
  const { spec: autoscaler } = (await render(SCALE_OUT))
    .only<Autoscaler>("HorizontalPodAutoscaler");
  const wanted = autoscaler.metrics.map(({ pods }) => pods?.metric.name)
    .filter((name) => name !== undefined);
  assert.deepEqual(
    wanted.toSorted(),
    rules.custom.map(({ name }) => name.as).toSorted(),
  );
  const { spec } = (await render(KEDA)).only<ScaledObject>("ScaledObject");
  const queries = [
    ...rules.custom.flatMap((rule) => [rule.seriesQuery, rule.metricsQuery]),
    ...spec.triggers.map(({ metadata }) => metadata.query ?? ""),
  ];
  const names = queries.flatMap((query) => query.match(/prefork_\w+/g) ?? []);
  assert.ok(names.length >= 6);
  for (const name of names) {
    assert.ok(METRIC_MODULES.includes(`"${name}"`), name);
  }
});
