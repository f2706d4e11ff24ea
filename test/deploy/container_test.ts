/**
 * The Dockerfile and the Compose file fit what is built. What the image does
 * when it runs is in image_test.ts.
 */

import assert from "node:assert/strict";
import {
  configOf,
  neededMebibytes,
  read,
  ROOT,
  STOP_MARGIN_S,
  stopSeconds,
} from "./deployed.ts";
import { composeService } from "./compose.ts";

Deno.test("Compose project has a name of its own, and is of this version", () => {
  const { project, service } = composeService();
  assert.equal(project, "prefork-pool");
  const { version } = JSON.parse(read("deno.json"));
  assert.equal(service.image, `prefork-pool:${version}`);
});

Deno.test("Compose service publishes PORT to all, and the admin pages to this machine", () => {
  const { service, variables } = composeService();
  const { port, adminPort, adminHost } = configOf(variables);
  assert.deepEqual(service.ports, [
    `8080:${port}`,
    `127.0.0.1:${adminPort}:${adminPort}`,
  ]);
  assert.equal(adminHost, "0.0.0.0", "a mapped port does not reach loopback");
});

Deno.test("Compose service outlasts the drain, and has the memory it may need", () => {
  const { service, variables } = composeService();
  const config = configOf(variables);
  assert.match(service.stop_grace_period, /^\d+s$/);
  assert.ok(
    parseInt(service.stop_grace_period) >= stopSeconds(config) + STOP_MARGIN_S,
  );
  assert.equal(service.mem_limit, `${neededMebibytes(config)}m`);
});

Deno.test("Dockerfile runs deno itself behind tini, as nobody's user, whatever the directory", () => {
  const dockerfile = read("Dockerfile");
  const [, entrypoint = "[]"] = dockerfile.match(/^ENTRYPOINT (\[.*\])$/m) ??
    [];
  const words = JSON.parse(entrypoint) as string[];
  assert.deepEqual(words.slice(0, 5), ["/tini", "--", "deno", "run", "-A"]);
  assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m);
  const [, home = ""] = dockerfile.match(/^WORKDIR (.*)$/m) ?? [];
  const program = words.at(-1) ?? "";
  assert.ok(program.startsWith(`${home}/`), program);
  assert.ok(
    Deno.statSync(new URL(program.slice(home.length + 1), ROOT)).isFile,
  );
});

Deno.test("Dockerfile copies nothing that .dockerignore keeps back", () => {
  const [first, ...kept] = read(".dockerignore").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(first, "*");
  const needed = [
    "deno.json",
    "deno.lock",
    "mod.ts",
    "src",
    "tools",
    "deploy/healthcheck.sh",
  ];
  for (const path of needed) assert.ok(kept.includes(`!${path}`), path);
  for (const path of kept) {
    assert.ok(Deno.statSync(new URL(path.slice(1), ROOT)), path);
  }
});
