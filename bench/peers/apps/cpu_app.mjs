/**
 * An application that computes: `/work?ms=N` as much as this machine does in N
 * milliseconds when nothing else runs, any other path nothing.
 */

import { createServer } from "node:http";
import process from "node:process";
import { threadId } from "node:worker_threads";
import { burn } from "./burn.mjs";

const unitsPerMs = Number(process.env.UNITS_PER_MS);

createServer((request, response) => {
  const ms = Number(/^\/work\?ms=(\d+)$/.exec(request.url)?.[1] ?? 0);
  const result = burn(ms * unitsPerMs);
  response.setHeader("X-Worker", `${process.pid}-${threadId}`);
  response.end(`${result}\n`);
}).listen(Number(process.env.PORT ?? 0), "127.0.0.1");
