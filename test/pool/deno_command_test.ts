/**
 * Command lines that run Deno.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  completeDenoServe,
  denoSubcommand,
  isDeno,
} from "../../src/pool/deno_command.ts";

Deno.test("Deno is known by its name, wherever it is", () => {
  for (const program of ["deno", "/opt/bin/deno", "C:\\deno\\deno.exe"]) {
    assert.ok(isDeno([program, "run"]), program);
  }
  for (const program of ["node", "npx", "/opt/deno/node", "denoland"]) {
    assert.ok(!isDeno([program, "deno"]), program);
  }
  assert.equal(denoSubcommand(["deno", "-q", "serve", "x.ts"]), "serve");
  assert.equal(denoSubcommand(["deno"]), null);
});

Deno.test("deno serve is given the port, unless its command names one", () => {
  const complete = (text: string): string =>
    completeDenoServe(text.split(" ")).join(" ");
  assert.equal(
    complete("deno -q serve --allow-env x.ts --port 1"),
    "deno -q serve --allow-env x.ts --port 1",
  );
  assert.equal(
    complete("/usr/bin/deno serve --allow-env x.ts"),
    "/usr/bin/deno serve --port={port} --host={host} --allow-env x.ts",
  );
  assert.equal(
    complete("deno serve --host 0.0.0.0 x.ts"),
    "deno serve --port={port} --host 0.0.0.0 x.ts",
  );
  for (
    const command of [
      "deno serve --port=3000 x.ts",
      "deno run x.ts",
      "deno task serve",
      "node serve x.ts",
    ]
  ) assert.equal(complete(command), command);
});
