// deno-lint-ignore-file explicit-function-return-type -- JavaScript: Node runs it as it is
/**
 * The worker of `bench/chaos.ts`: writes down what each POST has done before
 * it answers, so that what was done twice, or not at all, can be counted.
 *
 * Ends on SIGINT and SIGTERM as Node's and PM2's manuals say: no more
 * connections, what is under way is finished.
 */

import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";

/** Long enough that some request is under way whenever a worker dies. */
const WORK_MS = 5;

const BODY = "a line of the answer's body\n".repeat(40);

const { EFFECTS_DIRECTORY = ".", PORT = "0" } = process.env;

// Written at once, not buffered: it outlives the process that wrote it.
const effects = openSync(`${EFFECTS_DIRECTORY}/${process.pid}`, "a");
let stopping = false;

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("latin1");
  request.on("data", (text) => body += text);
  request.on("end", () => {
    if (request.method === "POST") writeSync(effects, `${body}\n`);
    setTimeout(() => {
      response.setHeader("X-Worker", process.pid);
      if (stopping) response.setHeader("Connection", "close");
      response.end(BODY);
    }, WORK_MS);
  });
});
server.listen(Number(PORT), "127.0.0.1");

function stop() {
  stopping = true;
  server.close(() => process.exit(0));
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
