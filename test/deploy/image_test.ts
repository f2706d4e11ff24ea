/**
 * The image, built and run: as the Compose file runs it, with an application
 * put on top as the documents say.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DEFAULT_DEADLINE_MS, eventually } from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import { ignoreWithout } from "../support/programs.ts";
import { composeService, sandboxArguments } from "./compose.ts";
import { read, ROOT } from "./deployed.ts";
import {
  metricsOf,
  newPlace,
  type Place,
  textOf,
  untilReplaced,
  untilServing,
} from "./place.ts";
import { type Container, Podman } from "./podman.ts";

/** Kept for the next run: it depends on nothing of ours. */
const BASE = `localhost/prefork-pool-stand-in:deno-${Deno.version.deno}`;
const HEALTHCHECK = "/opt/prefork-pool/deploy/healthcheck.sh";
/** What a health check may cost, in seconds of CPU time. */
const HEALTHCHECK_CPU_S = 0.02;

/** An application on top, as docs/deployment.md says. */
const APPLICATION = `
FROM prefork-pool
USER root
COPY container_worker.ts tls/ /srv/app/
USER 1993:1993
WORKDIR /srv/app
ENV WORKER_COMMAND="deno run -A container_worker.ts"
`;

/** Makes the base, unless it is there. */
async function makeBase(podman: Podman): Promise<void> {
  const { code } = await podman.end(["podman", "image", "exists", BASE]);
  if (code === 0) return;
  const script = fileURLToPath(import.meta.resolve("./stand_in_base.sh"));
  await podman.run([script, Deno.execPath(), BASE]);
}

/** Resolves when the container has written it. */
async function untilLogged(
  container: Container,
  pattern: RegExp,
): Promise<void> {
  await eventually(async () => assert.match(await container.logs(), pattern));
}

/** The least CPU time of a few runs, in seconds: what is beside it disturbs, and never helps. */
async function cpuSeconds(container: Container): Promise<number> {
  const script = `TIMEFORMAT="%U %S"; for i in 1 2 3 4 5; do
    time ${HEALTHCHECK} >/dev/null; done 2>&1`;
  const lines = (await container.exec("bash", "-c", script)).split("\n");
  const runs = lines.map((line) => {
    const [user = NaN, system = NaN] = line.split(" ").map(Number);
    return user + system;
  });
  assert.equal(runs.length, 5);
  return Math.min(...runs);
}

Deno.test({
  name: "image (needs podman, runc, mmdebstrap, and root)",
  ignore: ignoreWithout("podman", "runc", "mmdebstrap") || Deno.uid() !== 0,
  fn: async (t) => {
    await using podman = new Podman();
    const pool = `localhost/prefork-pool-test:${Deno.pid}`;
    const application = `localhost/prefork-pool-test-app:${Deno.pid}`;

    // What fails here fails the test: nothing that follows could be tried.
    await makeBase(podman);
    await podman.build({
      tag: pool,
      from: BASE,
      file: read("Dockerfile"),
      context: fileURLToPath(ROOT),
    });
    await podman.build({
      tag: application,
      from: pool,
      file: APPLICATION,
      context: fileURLToPath(new URL("test/fixtures", ROOT)),
    });

    await t.step("says that its configuration can be used", async () => {
      const words = ["podman", "run", "--rm", "--network=none", pool];
      const text = await podman.run([...words, "--check"]);
      assert.match(text, /can be used/);
    });

    const { service, variables } = composeService();
    const place = newPlace();
    await using container = await podman.start({
      image: application,
      env: { ...variables, ...place.env },
      args: sandboxArguments(service),
    });
    await untilServing(place);
    await asComposeRunsIt(t, container, place);
    await behindTls(t, podman, application);
    await atItsLimits(t, podman, application);
    await stopping(t, container, place);
  },
});

async function asComposeRunsIt(
  t: Deno.TestContext,
  container: Container,
  place: Place,
): Promise<void> {
  await t.step(
    "is nobody's user, without capabilities, read-only, confined",
    async () => {
      // Of tini, the balancer, its guardian, two workers and this very command.
      const status = await container.exec(
        "bash",
        "-c",
        "cat /proc/[0-9]*/status",
      );
      const processes = status.match(/^Name:/gm)?.length ?? 0;
      assert.ok(processes >= 6, status);
      for (
        const line of [
          /^Uid:(\t1993){4}$/gm,
          /^CapEff:\t0+$/gm,
          /^CapBnd:\t0+$/gm,
          /^NoNewPrivs:\t1$/gm,
          /^Seccomp:\t2$/gm,
        ]
      ) assert.equal(status.match(line)?.length, processes, `${line}`);
      const { code, stderr } = await container.execEnd("touch", "/srv/app/x");
      assert.notEqual(code, 0);
      assert.match(stderr, /Read-only file system/);
    },
  );

  await t.step("has the command line at hand", async () => {
    assert.match(
      await container.exec("prefork-pool", "status"),
      /2 ready of 2/,
    );
    assert.match(await container.exec("prefork-pool", "list"), /serving/);
  });

  await t.step("is healthy, and unhealthy where nobody listens", async () => {
    assert.equal(await container.healthcheck(), 0);
    assert.equal(await container.exec(HEALTHCHECK, "/_ready"), "ready: yes");
    const elsewhere = await container.execEnd(
      ...["env", `ADMIN_PORT=${freePort()}`, HEALTHCHECK],
    );
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stdout, /nobody listens there/);
  });

  const cost = await cpuSeconds(container);
  await t.step(`a health check costs ${cost * 1000} ms of CPU time`, () => {
    assert.ok(cost < HEALTHCHECK_CPU_S);
  });

  await t.step("leaves no zombies", async () => {
    const pid = await textOf(`http://127.0.0.1:${place.port}/orphan`);
    assert.match(pid, /^\d+\n$/);
    await eventually(async () => {
      const gone = `! test -e /proc/${pid.trim()}`;
      await container.exec("bash", "-c", gone);
    });
    const states = await container.exec("bash", "-c", "cat /proc/[0-9]*/stat");
    assert.doesNotMatch(states, /\) Z /);
  });

  await t.step(
    "replaces a worker that outgrows MAX_WORKER_MEMORY_MB",
    async () => {
      await textOf(`http://127.0.0.1:${place.port}/grow?mb=100`, {
        method: "POST",
      });
      await untilReplaced(place);
      await untilLogged(container, /"reason":"max-memory"/);
    },
  );
}

async function behindTls(
  t: Deno.TestContext,
  podman: Podman,
  image: string,
): Promise<void> {
  const place = newPlace();
  const elsewhere = "http://192.0.2.1:9";
  await using container = await podman.start({
    image,
    env: {
      ...place.env,
      SERVER_CERT_PATH: "/srv/app/first_cert.pem",
      SERVER_KEY_PATH: "/srv/app/first_key.pem",
      PROXY_PROTOCOL: "on",
      HTTP_PROXY: elsewhere,
      http_proxy: elsewhere,
      ALL_PROXY: elsewhere,
    },
  });
  await untilServing(place);
  await t.step(
    "is healthy behind TLS, the PROXY protocol and HTTP_PROXY",
    async () => {
      await untilLogged(container, /https:\/\//);
      assert.equal(await container.healthcheck(), 0);
    },
  );
  await t.step("is unhealthy when the balancer hangs", async () => {
    // The only child of tini.
    const hang = "kill -STOP $(</proc/1/task/1/children)";
    await container.exec("bash", "-c", hang);
    assert.equal(await container.healthcheck(), 1);
  });
}

async function atItsLimits(
  t: Deno.TestContext,
  podman: Podman,
  image: string,
): Promise<void> {
  const place = newPlace();
  await using container = await podman.start({
    image,
    env: { ...place.env, MAX_CONNECTIONS: "1" },
    args: ["--memory=400m"],
  });
  await untilServing(place);

  await t.step("is healthy when PORT is full", async () => {
    using _only = await Deno.connect({ port: place.port });
    await eventually(async () => {
      assert.equal((await metricsOf(place)).connections.client, 1);
    });
    assert.equal(await container.healthcheck(), 0);
  });

  await t.step(
    "replaces a worker that the kernel ends, and goes on",
    async () => {
      const url = `http://127.0.0.1:${place.port}`;
      const signal = AbortSignal.timeout(DEFAULT_DEADLINE_MS);
      // Not sent again, as GET would be.
      const growing = { method: "POST", signal };
      const response = await fetch(`${url}/grow?mb=1000`, growing);
      await response.body?.cancel();
      assert.equal(response.status, 502);
      await untilReplaced(place);
      assert.match(await textOf(url), /^\d+$/);
      await untilLogged(container, /the kernel killed it/);
    },
  );
}

async function stopping(
  t: Deno.TestContext,
  container: Container,
  place: Place,
): Promise<void> {
  await t.step("drains on SIGTERM, and exits with code 0", async () => {
    const signal = AbortSignal.timeout(DEFAULT_DEADLINE_MS);
    const url = `http://127.0.0.1:${place.port}/halves`;
    const response = await fetch(url, { signal });
    // Its head is here, and so its first half is on the way: it is in flight.
    const stopped = container.stop();
    assert.equal(await response.text(), "half\nhalf\n");
    assert.equal(await stopped, 0);
    await untilLogged(container, /draining[^]*stopped/);
  });
}
