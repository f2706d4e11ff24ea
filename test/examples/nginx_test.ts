/** The pool behind nginx, with the configuration of the example. */

import assert from "node:assert/strict";
import { DenoOnPath, ROOT, startExample } from "../support/example.ts";
import { eventually } from "../support/deadline.ts";
import { freePort } from "../support/free_port.ts";
import { ignoreWithout } from "../support/programs.ts";
import { getRequest } from "../support/requests.ts";
import { connectTls, FIRST } from "../support/tls.ts";

/** nginx, with what of the example's configuration depends on the machine put in. */
class Nginx implements AsyncDisposable {
  readonly port = freePort();
  readonly #directory = Deno.makeTempDirSync({ prefix: "nginx-" });
  readonly #process: Deno.ChildProcess;

  constructor(poolPort: number) {
    const config = Deno.readTextFileSync(`${ROOT}examples/nginx.conf`);
    const replaced = ([
      ["127.0.0.1:8080", `127.0.0.1:${poolPort}`],
      ["listen 8443", `listen 127.0.0.1:${this.port}`],
      ["/etc/ssl/certs/example.pem", FIRST.certPath],
      ["/etc/ssl/private/example.key", FIRST.keyPath],
      ["/tmp/", `${this.#directory}/`],
    ] as const).reduce((text, [from, to]) => {
      assert.ok(text.includes(from), `nginx.conf has no ${from}`);
      return text.replace(from, to);
    }, config);
    const path = `${this.#directory}/nginx.conf`;
    Deno.writeTextFileSync(path, replaced);
    this.#process = new Deno.Command("nginx", {
      args: [
        "-g",
        "daemon off;",
        "-c",
        path,
        "-p",
        this.#directory,
        "-e",
        "stderr",
      ],
      // The master process, so that it is ours to end.
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGQUIT");
    await this.#process.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}

Deno.test({
  name:
    "examples/nginx.conf ends TLS, and the worker knows the client (needs nginx, node)",
  ignore: ignoreWithout("nginx", "node"),
  async fn(): Promise<void> {
    using deno = new DenoOnPath();
    await using pool = await startExample("nginx.conf", deno);
    await using nginx = new Nginx(pool.port);
    await eventually(async () => {
      await using tls = await connectTls(nginx.port, {
        ALPNProtocols: ["http/1.1"],
      });
      const response = await tls.client.ask(getRequest("/a"));
      assert.match(
        response.text,
        /^worker [01]: \/a for 127\.0\.0\.1\b.* by https\n$/,
      );
    });
  },
});
