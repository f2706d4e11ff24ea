/**
 * The unit under a real systemd, installed and used as docs/deployment.md says.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/deadline.ts";
import { ignoreWithout } from "../support/programs.ts";
import { SystemdService } from "../support/systemd_service.ts";
import { FIRST } from "../support/tls.ts";

const UNIT = fileURLToPath(
  new URL("../../deploy/systemd/prefork-pool.service", import.meta.url),
);

/** Ten times what `systemd-analyze security` may say: 10 is not confined at all. */
const MAX_EXPOSURE = 15;

/** More failures than systemd takes by default (5 within 10 s) before it gives up for good. */
const MANY_FAILURES = 7;

/** An application: says which version it is, shows its environment, and takes its time where asked to. */
const application = (version: number): string => `
if (${version} === 13) throw new Error("left-pad is missing");
const port = Number(Deno.env.get("PORT"));
Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async ({ url }) => {
  const { pathname } = new URL(url);
  if (pathname === "/slow") await new Promise((r) => setTimeout(r, 5000));
  if (pathname === "/say") console.error("<4>the disk is nearly full");
  const env = Object.keys(Deno.env.toObject());
  return Response.json({ version: ${version}, env });
});
`;

const WORKER = "deno run --quiet --allow-net --allow-env /srv/app/server.ts";

/** What the unit's environment file has. */
function settings(
  more: Readonly<Record<string, string>> = {},
): string {
  const all = {
    POOL_SIZE: "2",
    MAX_WORKERS: "2",
    WORKER_COMMAND: WORKER,
    ...more,
  };
  return Object.entries(all).map(([name, value]) => `${name}="${value}"\n`)
    .join("");
}

Deno.test({
  name: "systemd unit leaves little to an intruder (needs systemd-analyze)",
  ignore: ignoreWithout("systemd-analyze"),
  fn: async () => {
    const { code, stdout } = await new Deno.Command("systemd-analyze", {
      args: [
        ...["security", "--offline=true", "--no-pager"],
        ...[`--threshold=${MAX_EXPOSURE}`, UNIT],
      ],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stdout));
  },
});

Deno.test({
  name: "systemd runs the unit (needs systemd-nspawn, and to be root)",
  // Only the build server is promised to be one on which this can be done.
  ignore: ignoreWithout("systemd-nspawn", "nsenter") ||
    (Deno.uid() !== 0 && Deno.env.get("CI") !== "true"),
  fn: async (t) => {
    await using service = await SystemdService.install();
    const { container } = service;
    const configure = (more?: Readonly<Record<string, string>>) =>
      container.write("etc/prefork-pool.env", settings(more));
    const deploy = (version: number) =>
      container.write("srv/app/server.ts", application(version));
    await configure();
    await deploy(1);

    await t.step("start waits until the pool serves", async () => {
      await service.must("start");
      assert.equal((await service.get("/")).status, 200);
      const { Type, StatusText, NotifyAccess } = await service.properties(
        ...["Type", "StatusText", "NotifyAccess"],
      );
      assert.deepEqual([Type, NotifyAccess], ["notify", "main"]);
      assert.match(StatusText!, /^Serving: 2 of 2 workers ready, generation 1/);
    });

    await t.step("workers know nothing of the service manager", async () => {
      const { env } = JSON.parse((await service.get("/")).text);
      const told = /^(NOTIFY_|WATCHDOG_|LISTEN_(FDS|PID|FDNAMES))/;
      assert.deepEqual(env.filter((name: string) => told.test(name)), []);
      assert.ok(env.includes("INVOCATION_ID"), "the rest is there");
    });

    await t.step("the journal knows how important each line is", async () => {
      await service.get("/say");
      await eventually(async () => {
        const warnings = await service.journal("--priority=warning");
        assert.match(warnings, /^\[worker \d\] the disk is nearly full$/m);
        assert.doesNotMatch(warnings, /Serving|listening/i);
      });
      const named = await container.read(
        ...["journalctl", "--identifier=prefork-pool", "--output=cat"],
      );
      assert.match(named, /^worker 0 ready/m);
    });

    await t.step("reload under load loses no request", async () => {
      await using load = await service.client("load", "8080");
      await deploy(2);
      await service.must("reload");
      const outcome = await load.end() as { answered: number; failures: [] };
      assert.deepEqual(outcome.failures, []);
      assert.ok(outcome.answered > 0);
      assert.equal(JSON.parse((await service.get("/")).text).version, 2);
    });

    await t.step(
      "reload of a broken build fails, and the old one serves on",
      async () => {
        await using load = await service.client("load", "8080");
        await deploy(13);
        const { code } = await service.systemctl("reload");
        assert.equal(code, 1);
        const outcome = await load.end() as { failures: [] };
        assert.deepEqual(outcome.failures, []);
        assert.equal(JSON.parse((await service.get("/")).text).version, 2);
        const { ActiveState, StatusText } = await service.properties(
          ...["ActiveState", "StatusText"],
        );
        assert.equal(ActiveState, "active");
        assert.match(StatusText!, /The last reload failed/);
        assert.match(await service.journal("--priority=err"), /left-pad/);
        await deploy(3);
      },
    );

    await t.step(
      "stop drains, however long systemd itself would wait",
      async () => {
        await service.dropIn("[Service]\nTimeoutStopSec=3s\n");
        await using slow = await service.client("get", "8080", "/slow");
        await service.must("stop");
        assert.equal((await slow.result as { status: number }).status, 200);
        const { Result, ActiveState } = await service.properties(
          ...["Result", "ActiveState"],
        );
        assert.deepEqual([Result, ActiveState], ["success", "inactive"]);
        await service.dropIn(null);
      },
    );

    await t.step(
      "start fails where PORT is taken, and is tried until it is free",
      async () => {
        await service.dropIn("[Service]\nRestartSec=100ms\n");
        await using holder = await service.client("hold", "8080");
        assert.equal((await service.systemctl("start")).code, 1);
        await eventually(async () => {
          const { NRestarts } = await service.properties("NRestarts");
          assert.ok(Number(NRestarts) >= MANY_FAILURES);
        });
        assert.match(await service.journal("--priority=err"), /PORT/);
        await holder.end();
        await service.until({ ActiveState: "active" });
        await service.must("stop");
        await service.dropIn(null);
      },
    );

    await t.step(
      "start fails for a setting that cannot be used, and is not tried again",
      async () => {
        await configure({ POOL_SIZE: "many" });
        assert.equal((await service.systemctl("start")).code, 1);
        await service.until({
          ActiveState: "failed",
          ExecMainStatus: "2",
          NRestarts: "0",
        });
        assert.match(
          await service.journal("--priority=err"),
          /POOL_SIZE=many/,
        );
      },
    );

    await t.step(
      "reload finds the pool behind TLS, and on a unix socket",
      async () => {
        await container.write(
          "etc/pool.pem",
          await Deno.readTextFile(FIRST.certPath),
        );
        await container.write(
          "etc/pool.key",
          await Deno.readTextFile(FIRST.keyPath),
        );
        const tls = {
          SERVER_CERT_PATH: "/etc/pool.pem",
          SERVER_KEY_PATH: "/etc/pool.key",
        };
        await configure(tls);
        await service.must("restart");
        await service.must("reload");
        await configure({ HOST: "unix:/run/prefork-pool/pool.sock" });
        await service.must("restart");
        await service.must("reload");
        const { StatusText } = await service.properties("StatusText");
        assert.match(StatusText!, /generation 2/);
        await configure();
        await service.must("restart");
      },
    );

    await t.step(
      "a balancer that is killed is started anew, and leaves no worker",
      async () => {
        await assertStartedAnew(
          service,
          () => service.must("kill", "--kill-whom=main", "--signal=KILL"),
        );
      },
    );

    await t.step(
      "a balancer that hangs is found by the watchdog, and started anew",
      async () => {
        await service.dropIn("[Service]\nWatchdogSec=3s\n");
        await service.must("restart");
        await assertStartedAnew(
          service,
          () => service.must("kill", "--kill-whom=main", "--signal=STOP"),
        );
        assert.match(await service.journal(), /Watchdog timeout/);
        await service.dropIn(null);
      },
    );
  },
});

/** Does something to the balancer after which another has to serve, with other workers. */
async function assertStartedAnew(
  service: SystemdService,
  act: () => Promise<void>,
): Promise<void> {
  const before = await processesOf(service);
  assert.ok(before.length > 2);
  await act();
  await eventually(async () => {
    const { MainPID, SubState } = await service.properties(
      "MainPID",
      "SubState",
    );
    assert.equal(SubState, "running");
    assert.ok(!before.includes(MainPID!));
  });
  const after = await processesOf(service);
  assert.deepEqual(after.filter((pid) => before.includes(pid)), []);
  assert.equal((await service.get("/")).status, 200);
}

/** Process ids of all that runs for the service. */
async function processesOf(
  service: SystemdService,
): Promise<readonly string[]> {
  const { ControlGroup } = await service.properties("ControlGroup");
  const path = join("/sys/fs/cgroup", ControlGroup!, "cgroup.procs");
  const text = await service.container.read("cat", path);
  return text.trim().split("\n");
}
