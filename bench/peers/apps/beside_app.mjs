/**
 * An application that computes, waits, streams, and takes and gives much: `/work?ms=N`
 * computes for N milliseconds, `/wait?ms=N` waits for so long, `/events` is an
 * event stream that never ends, `/download` is 8 MiB, a POST is read to its end
 * and then computes for 3 ms, and any other path does nothing.
 */

import { createServer } from "node:http";
import process from "node:process";
import { threadId } from "node:worker_threads";
import { burn } from "./burn.mjs";

const unitsPerMs = Number(process.env.UNITS_PER_MS);

const DOWNLOAD = new Uint8Array(8 * 1024 * 1024);

/** Between two events of a stream, in milliseconds. */
const EVENT_MS = 5_000;

createServer(async (request, response) => {
  response.setHeader("X-Worker", `${process.pid}-${threadId}`);
  const { pathname, searchParams } = new URL(request.url, "http://worker");
  const ms = Number(searchParams.get("ms") ?? 0);
  if (pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(":\n\n");
    const timer = setInterval(() => response.write("data: 1\n\n"), EVENT_MS);
    response.on("close", () => clearInterval(timer));
    return;
  }
  if (request.method === "POST") {
    let length = 0;
    try {
      for await (const chunk of request) length += chunk.length;
    } catch {
      return; // The client has gone.
    }
    burn(3 * unitsPerMs);
    response.end(`${length}\n`);
  } else if (pathname === "/wait") {
    setTimeout(() => response.end("\n"), ms);
  } else if (pathname === "/download") {
    response.setHeader("Content-Length", DOWNLOAD.length);
    response.end(DOWNLOAD);
  } else response.end(`${burn(ms * unitsPerMs)}\n`);
}).listen(Number(process.env.PORT ?? 0), "127.0.0.1");
