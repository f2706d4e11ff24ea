/**
 * What follows from several settings together.
 *
 * @module
 */

import assert from "node:assert/strict";
import { load, problems } from "../support/configuration.ts";

Deno.test("the words after -- are the worker's command, flags among them included", () => {
  const config = load([
    "--port=81",
    "--",
    "node",
    "app.js",
    "--port",
    "{port}",
  ]);
  assert.equal(config.port, 81);
  assert.deepEqual(config.workerCommand, {
    kind: "arguments",
    argv: ["node", "app.js", "--port", "{port}"],
  });
  assert.deepEqual(problems(["--"]), [
    "--: must be followed by the worker's command",
  ]);
});

Deno.test("the command comes from --, else WORKER_COMMAND, else ZIGTTP_BIN", () => {
  const variables = {
    WORKER_COMMAND: "php -S '{host}:{port}'",
    ZIGTTP_BIN: "/opt/zigttp",
    HANDLER_PATH: "app.js",
  };
  const { WORKER_COMMAND, ZIGTTP_BIN } = variables;
  assert.deepEqual(load(["--", "x"], variables).workerCommand.argv, ["x"]);
  assert.deepEqual(load([], { WORKER_COMMAND, ZIGTTP_BIN }).workerCommand, {
    kind: "command",
    argv: ["php", "-S", "{host}:{port}"],
  });
  assert.deepEqual(
    load([], { ...variables, WORKER_COMMAND: "" }).workerCommand,
    {
      kind: "zigttp",
      argv: ["/opt/zigttp", "-p", "{port}", "app.js"],
    },
  );
  assert.deepEqual(load([], { ZIGTTP_BIN }).workerCommand.argv, [
    "/opt/zigttp",
    "-p",
    "{port}",
  ]);
  assert.equal(problems([], { WORKER_COMMAND: "node 'x" }).length, 1);
});

Deno.test("a setting that would do nothing is an error", () => {
  assert.deepEqual(problems([], { HANDLER_PATH: "app.js" }), [
    "HANDLER_PATH=app.js: needs ZIGTTP_BIN",
  ]);
  assert.deepEqual(problems(["--", "node"], { HANDLER_PATH: "app.js" }), []);
  assert.deepEqual(problems(["--admin-host=::1"]), [
    "--admin-host=::1: needs ADMIN_PORT",
  ]);
});

Deno.test("the bounds of scaling follow POOL_SIZE and must hold it", () => {
  const large = load([], { POOL_SIZE: "20" });
  assert.deepEqual([large.minWorkers, large.maxWorkers], [20, 20]);
  assert.deepEqual(problems(["--min-workers=5"]), [
    "--min-workers=5: must be at most POOL_SIZE (4)",
  ]);
  assert.deepEqual(problems([], { MAX_WORKERS: "3" }), [
    "MAX_WORKERS=3: must be at least POOL_SIZE (4)",
  ]);
  assert.deepEqual(problems([], { SCALE_DOWN_RATE: "100" }), [
    "SCALE_DOWN_RATE=100: must be below SCALE_UP_RATE (100)",
  ]);
});

Deno.test("no rule blames a setting for another one's bad value", () => {
  assert.equal(problems(["--pool-size=x", "--max-workers=2"]).length, 1);
  assert.equal(problems(["--max-workers=2", "--pool-size"]).length, 1);
});

Deno.test("the worker ports follow PORT, leave room for the workers and do not hold PORT", () => {
  assert.equal(load(["--port=9000"]).workerPort, 9001);
  assert.equal(load(["--port=0"]).workerPort, 0);
  assert.equal(load(["--worker-port=0", "--port=5"]).workerPort, 0);
  assert.equal(load(["--worker-port=8064"]).workerPort, 8064);
  assert.deepEqual(problems(["--worker-port=8065"]), [
    "--worker-port=8065: the workers' ports, 8065 to 8080, must not hold " +
    "PORT (8080)",
  ]);
  assert.equal(problems(["--worker-port=8080"]).length, 1);
  for (const port of [65530, 65535]) {
    assert.deepEqual(problems([`--port=${port}`]), [
      `--port=${port}: must be at most 65518, to leave room for 16 workers ` +
      "(MAX_WORKERS) behind it, or with WORKER_PORT=0, for ports anywhere",
    ]);
  }
  assert.equal(load(["--port=65518"]).workerPort, 65519);
  assert.deepEqual(problems(["--port=80", "--worker-port=65531"]), [
    "--worker-port=65531: must be at most 65519, to leave room for 16 " +
    "workers (MAX_WORKERS)",
  ]);
  assert.equal(load(["--worker-port=65519"]).workerPort, 65519);
});

Deno.test("the admin listener has a port of its own", () => {
  assert.equal(load(["--admin-port=9090"]).adminPort, 9090);
  assert.equal(load(["--admin-port=0", "--port=0"]).adminPort, 0);
  assert.equal(problems(["--admin-port=8080"]).length, 1);
});

Deno.test("a HEALTH_PATH that was set makes health strict", () => {
  assert.equal(load([], { HEALTH_PATH: "/api/health" }).healthStrict, true);
  for (const path of ["/a b", "/ä", "/#a", "a"]) {
    assert.equal(problems([], { HEALTH_PATH: path }).length, 1, path);
  }
});

Deno.test("HOST is an address or a name", () => {
  for (const host of ["127.0.0.1", "::", "localhost", "a-1.example.com"]) {
    assert.equal(load([], { HOST: host }).host, host);
  }
  for (const host of ["[::1]", "1.2.3", "a b", "-a", "a..b", "http://a"]) {
    assert.equal(problems([], { HOST: host }).length, 1, host);
  }
});

Deno.test({
  name: "HOST is no path that is too long for the kernel, which is said",
  ignore: Deno.build.os !== "linux",
  fn(): void {
    const longest = `unix:/${"\u00e9".repeat(53)}`;
    assert.equal(load([], { HOST: longest }).host, longest);
    assert.deepEqual(problems([], { HOST: `${longest}s` }), [
      `HOST=${longest}s: the path has 108 bytes, and the system takes no more ` +
      "than 107 for a unix socket; name a shorter one, such as " +
      "unix:/run/pool.sock",
    ]);
  },
});

Deno.test("the configuration is frozen", () => {
  assert(Object.isFrozen(load([])));
});

Deno.test("POOL_SIZE=auto is one worker for each CPU available", () => {
  assert.equal(load([], { POOL_SIZE: "auto" }).poolSize, 6);
});

Deno.test("MAX_WORKERS=auto is twice the CPUs available and one, but not below POOL_SIZE", () => {
  const auto = load([], { MAX_WORKERS: "auto" });
  assert.deepEqual([auto.maxWorkers, auto.maxWorkersAuto], [13, true]);
  const large = load([], { MAX_WORKERS: "auto", POOL_SIZE: "20" });
  assert.equal(large.maxWorkers, 20);
  assert.deepEqual(problems([], { MAX_WORKERS: "many" }), [
    "MAX_WORKERS=many: must be a whole number from 1 to 1024, or auto",
  ]);
});

const mayPassOver = Deno.env.get("CI") !== "true";

Deno.test({
  name:
    "complaint 14: POOL_SIZE=auto honours affinity, with no permission (wants taskset)",
  ignore: mayPassOver && !hasTaskset(),
  async fn(): Promise<void> {
    const url = import.meta.resolve("../../src/config/load_config.ts");
    const program = `import { loadConfig } from ${JSON.stringify(url)};
      const args = ["--pool-size=auto", "--", "x"];
      console.log(loadConfig({ args, env: new Map() }).config.poolSize);`;
    const child = new Deno.Command("taskset", {
      args: ["-c", "0", Deno.execPath(), "run", "--no-prompt", "-"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(program));
    await writer.close();
    const { stdout } = await child.output();
    assert.equal(new TextDecoder().decode(stdout), "1\n");
  },
});

function hasTaskset(): boolean {
  try {
    const probe = new Deno.Command("taskset", { args: ["-c", "0", "true"] });
    return probe.outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
