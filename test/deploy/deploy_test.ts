/**
 * What is deployed fits what is built: units and manifests are valid, name
 * settings that exist, and leave the pool the time to drain.
 */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load_config.ts";
import type { Config } from "../../src/config/config.ts";
import {
  SETTING_NAMES,
  type SettingName,
  variableOf,
} from "../../src/config/settings.ts";
import { ignoreWithout } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url);
/** Environment variables of a deployment that are Deno's own. */
const DENO_VARIABLES = new Set(["DENO_DIR", "DENO_NO_UPDATE_CHECK"]);
/** Beyond the times that are set there must be time for clients to read what workers have said last. */
const STOP_MARGIN_S = 5;
/** The permissions the project promises to be enough. */
const PERMISSIONS = ["--allow-net", "--allow-run", "--allow-env"];

const VARIABLES: ReadonlySet<string> = new Set(
  SETTING_NAMES.map((name: SettingName) => variableOf(name)),
);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The parts of a Kubernetes deployment that are looked at. */
interface Deployment {
  readonly spec: {
    readonly replicas: number;
    readonly strategy: {
      readonly rollingUpdate: {
        readonly maxSurge: number;
        readonly maxUnavailable: number;
      };
    };
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
      };
    };
  };
}

interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly {
    readonly name: string;
    readonly containerPort: number;
  }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: { readonly limits: { readonly memory: string } };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

/** The parts of the Compose file that are looked at. */
interface Compose {
  readonly services: {
    readonly pool: {
      readonly build: string;
      readonly environment: Readonly<Record<string, string | null>>;
      readonly ports: readonly string[];
      readonly stop_grace_period: string;
      readonly mem_limit: string;
    };
  };
}

const deployment = parse(read("deploy/k8s/deployment.yaml")) as Deployment;
const pod = deployment.spec.template.spec;
const [container] = pod.containers;
const compose = parse(read("deploy/compose.yaml")) as Compose;
const unit = read("deploy/systemd/prefork-pool.service");

/** The configuration that a deployment's variables amount to. */
function configOf(variables: Readonly<Record<string, string>>): Config {
  for (const name of Object.keys(variables)) {
    assert.ok(
      VARIABLES.has(name) || DENO_VARIABLES.has(name),
      `${name} is no setting`,
    );
  }
  const env = new Map(Object.entries(variables));
  const invocation = loadConfig({ args: [], env });
  assert.equal(invocation.action, "run");
  return (invocation as Extract<typeof invocation, { config: Config }>).config;
}

/** `KEY=value` lines; `commented` takes those behind a # too. */
function variablesIn(text: string, commented: boolean): Record<string, string> {
  const line = commented ? /^#?([A-Z_]+)=(.*)$/gm : /^([A-Z_]+)=(.*)$/gm;
  return Object.fromEntries(
    [...text.matchAll(line)].map(([, name = "", value = ""]) => [name, value]),
  );
}

/** The values of a directive in the unit. */
function directive(name: string): string[] {
  const lines = unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"));
  return [...lines].map(([, value = ""]) => value);
}

function stopSeconds(config: Config): number {
  const { drainDelayMs, drainTimeoutMs, stopTimeoutMs } = config;
  return (drainDelayMs + drainTimeoutMs + stopTimeoutMs) / 1000;
}

const kubernetesConfig = (): Config =>
  configOf(
    Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
  );

const composeConfig = (): Config =>
  configOf(
    Object.fromEntries(
      Object.entries(compose.services.pool.environment)
        .map(([name, value]) => [name, value ?? ""]),
    ),
  );

Deno.test({
  name: "systemd unit passes systemd-analyze verify (needs systemd-analyze)",
  ignore: ignoreWithout("systemd-analyze"),
  fn: async () => {
    const { success, stderr } = await new Deno.Command("systemd-analyze", {
      args: ["verify", "deploy/systemd/prefork-pool.service"],
      cwd: ROOT,
    }).output();
    const complaints = new TextDecoder().decode(stderr);
    assert.equal(complaints, "");
    assert.ok(success);
  },
});

Deno.test("systemd unit runs and reloads the program where it is installed", () => {
  const installed = "/opt/prefork-pool/";
  for (const name of ["ExecStart", "ExecReload"]) {
    const [command = ""] = directive(name);
    const words = command.split(" ");
    assert.ok(words.includes("-A"), "the unit confines it, and not Deno");
    const program = words.find((word) => word.startsWith(installed)) ?? "";
    const path = program.slice(installed.length);
    assert.ok(Deno.statSync(new URL(path, ROOT)).isFile);
  }
});

Deno.test("systemd drop-in for notify-reload leaves one way of reloading", () => {
  const dropIn = read("deploy/systemd/notify-reload.conf");
  assert.match(dropIn, /^Type=notify-reload$/m);
  assert.match(dropIn, /^ExecReload=$/m);
});

Deno.test("systemd unit stops only after the drain, and signals the balancer alone", () => {
  const config = configOf(
    variablesIn(read("deploy/systemd/prefork-pool.env"), false),
  );
  const [timeout = ""] = directive("TimeoutStopSec");
  assert.match(timeout, /^\d+s$/);
  assert.ok(parseInt(timeout) >= stopSeconds(config) + STOP_MARGIN_S);
  assert.deepEqual(directive("KillMode"), ["mixed"]);
});

Deno.test("systemd unit and its example environment name settings that exist", () => {
  const examples = variablesIn(read("deploy/systemd/prefork-pool.env"), true);
  assert.ok(Object.keys(examples).length > 5);
  configOf(examples);
  for (const assignment of directive("Environment")) {
    configOf(variablesIn(assignment, false));
  }
});

Deno.test("systemd unit leaves a configuration that is wrong alone", () => {
  assert.deepEqual(directive("RestartPreventExitStatus"), ["2"]);
});

Deno.test("Kubernetes deployment names settings that exist and serves on the port it declares", () => {
  const config = kubernetesConfig();
  const [port] = container.ports;
  assert.equal(port?.containerPort, config.port);
  assert.equal(config.adminPort, null, "the probes ask on PORT");
});

Deno.test("Kubernetes deployment gives the pool time to drain before it is killed", () => {
  const config = kubernetesConfig();
  assert.ok(config.drainDelayMs > 0, "endpoints are removed late");
  assert.ok(
    pod.terminationGracePeriodSeconds >= stopSeconds(config) + STOP_MARGIN_S,
  );
});

Deno.test("Kubernetes deployment probes the balancer's health and the pool's readiness", () => {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  assert.equal(startupProbe.httpGet.path, "/_health");
  assert.equal(livenessProbe.httpGet.path, "/_health");
  assert.equal(readinessProbe.httpGet.path, "/_ready");
  const names = container.ports.map(({ name }) => name);
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
    assert.ok(names.includes(httpGet.port));
  }
});

Deno.test("Kubernetes deployment waits for as long as a worker may take to start", () => {
  const { periodSeconds, failureThreshold } = container.startupProbe;
  const config = kubernetesConfig();
  assert.ok(periodSeconds * failureThreshold * 1000 > config.startupTimeoutMs);
});

Deno.test("Kubernetes deployment is one replica whose successor is ready first", () => {
  assert.equal(deployment.spec.replicas, 1);
  const { maxSurge, maxUnavailable } = deployment.spec.strategy.rollingUpdate;
  assert.deepEqual({ maxSurge, maxUnavailable }, {
    maxSurge: 1,
    maxUnavailable: 0,
  });
});

Deno.test("Kubernetes service and kustomization fit the deployment", () => {
  const service = parse(read("deploy/k8s/service.yaml"));
  assert.equal(service.spec.ports[0].targetPort, container.ports[0]?.name);
  const kustomization = parse(read("deploy/k8s/kustomization.yaml"));
  assert.deepEqual(kustomization.resources, [
    "deployment.yaml",
    "service.yaml",
  ]);
  assert.equal(kustomization.images[0].name, container.image);
  const { version } = JSON.parse(read("deno.json"));
  assert.equal(kustomization.images[0].newTag, version);
});

Deno.test("Compose service names settings that exist, publishes PORT, and outlasts the drain", () => {
  const { pool } = compose.services;
  const config = composeConfig();
  assert.deepEqual(pool.ports, [`8080:${config.port}`]);
  assert.match(pool.stop_grace_period, /^\d+s$/);
  assert.ok(
    parseInt(pool.stop_grace_period) >= stopSeconds(config) + STOP_MARGIN_S,
  );
});

Deno.test("Compose and Kubernetes allow the memory that MAX_WORKERS workers need", () => {
  // What deployment.yaml derives from measurements.
  const needed = ({ maxWorkers }: Config): number => 256 + 96 * maxWorkers;
  const kubernetes = container.resources.limits.memory;
  assert.equal(kubernetes, `${needed(kubernetesConfig())}Mi`);
  assert.equal(compose.services.pool.mem_limit, `${needed(composeConfig())}m`);
});

Deno.test("Dockerfile runs deno itself behind tini, as nobody's user, with the three permissions", () => {
  const dockerfile = read("Dockerfile");
  const [, entrypoint = "[]"] = dockerfile.match(/^ENTRYPOINT (\[.*\])$/m) ??
    [];
  const words = JSON.parse(entrypoint) as string[];
  assert.deepEqual(words.slice(0, 4), ["/tini", "--", "deno", "run"]);
  assert.deepEqual(words.filter((w) => w.startsWith("--allow")), PERMISSIONS);
  assert.ok(Deno.statSync(new URL(words.at(-1) ?? "", ROOT)).isFile);
  assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m);
});

Deno.test("Dockerfile copies nothing that .dockerignore keeps back", () => {
  const [first, ...kept] = read(".dockerignore").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(first, "*");
  const needed = ["deno.json", "deno.lock", "mod.ts", "src", "tools"];
  for (const path of needed) assert.ok(kept.includes(`!${path}`), path);
  for (const path of kept) {
    assert.ok(Deno.statSync(new URL(path.slice(1), ROOT)), path);
  }
});
