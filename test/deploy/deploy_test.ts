/**
 * The systemd unit fits what is built: it is valid, names settings that exist,
 * and leaves the pool the time to drain.
 */

import assert from "node:assert/strict";
import { ignoreWithout } from "../support/programs.ts";
import {
  configOf,
  read,
  ROOT,
  STOP_MARGIN_S,
  stopSeconds,
} from "./deployed.ts";

/** The permissions the project promises to be enough. */
const PERMISSIONS = ["--allow-net", "--allow-run", "--allow-env"];

const unit = read("deploy/systemd/prefork-pool.service");

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

Deno.test("systemd unit runs the pool with the three permissions that suffice", () => {
  const [command = ""] = directive("ExecStart");
  const words = command.split(" ");
  assert.deepEqual(words.filter((w) => w.startsWith("--allow")), PERMISSIONS);
  assert.ok(!words.includes("-A"));
  const program = words.at(-1) ?? "";
  assert.ok(Deno.statSync(new URL(program, ROOT)).isFile);
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
