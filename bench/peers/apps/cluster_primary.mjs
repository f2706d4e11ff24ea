// deno-lint-ignore-file explicit-function-return-type -- JavaScript: Node runs it as it is
/**
 * What Node's manual shows of node:cluster, written out: workers share a port,
 * whoever dies is replaced, and on SIGHUP all are replaced one after the other,
 * the new one listening before the old one is told to stop.
 *
 * `node cluster_primary.mjs PROGRAM COUNT`
 */

import cluster from "node:cluster";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** As long as PM2 waits for a worker to stop, its KILL_TIMEOUT. */
const KILL_TIMEOUT_MS = 1600;

const [program = "", count = "1"] = process.argv.slice(2);

/** Workers that are to go. */
const leaving = new Set();
let stopping = false;

cluster.setupPrimary({ exec: program });
cluster.on("exit", (worker) => {
  if (!stopping && !leaving.delete(worker.id)) cluster.fork();
});
for (let i = 0; i < Number(count); i++) cluster.fork();

async function reload() {
  for (const old of Object.values(cluster.workers)) {
    // One that has died meanwhile was replaced by a new one.
    if (old.isDead()) continue;
    await once(cluster.fork(), "listening");
    leaving.add(old.id);
    old.process.kill("SIGTERM");
    const gone = once(old, "exit");
    await Promise.race([gone, sleep(KILL_TIMEOUT_MS)]);
    if (!old.isDead()) old.process.kill("SIGKILL");
  }
}

async function stop() {
  stopping = true;
  for (const worker of Object.values(cluster.workers)) worker.process.kill();
  await sleep(KILL_TIMEOUT_MS, undefined, { ref: false });
  process.exit(0);
}

let reloads = Promise.resolve();
process.on("SIGHUP", () => reloads = reloads.then(reload));
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
