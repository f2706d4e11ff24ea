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
