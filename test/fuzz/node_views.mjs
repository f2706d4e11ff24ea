// deno-lint-ignore-file explicit-function-return-type -- JavaScript has none.

// What Node's own http, strict as it is by default, makes of streams of bytes.
// Each line of stdin is a JSON array of questions, each answered by a line of
// stdout: see node_oracle.ts for their shapes.
//
// The streams do not pass through a socket of the system: "data" and "end" of
// a stand-in are all that the parser ever sees of one, and thousands fit into
// a second.

import { Buffer } from "node:buffer";
import { createServer, request as startRequest } from "node:http";
import { createInterface } from "node:readline";
import process from "node:process";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** Larger than any head of ours, so that only syntax is judged. */
const MAX_HEAD_BYTES = 1 << 20;

/** Sent bytes go nowhere, received ones are emitted by hand. */
class StandInSocket extends Duplex {
  _read() {}
  _write(_chunk, _encoding, done) {
    done();
  }
  setTimeout() {}
  setNoDelay() {}
  setKeepAlive() {}
  ref() {}
  unref() {}
}

const server = createServer({
  insecureHTTPParser: false,
  maxHeaderSize: MAX_HEAD_BYTES,
});
server.on("request", see);
server.on("checkContinue", see);
server.on("checkExpectation", see);
server.on("clientError", (error, socket) => {
  // What follows a broken message is not looked at again.
  socket.reason ??= error.code;
});

function see(message) {
  message.socket.messages.push(message);
}

function openServerSide() {
  const socket = new StandInSocket();
  socket.messages = [];
  socket.reason = null;
  server.emit("connection", socket);
  return socket;
}

function openClientSide(method) {
  const socket = new StandInSocket();
  socket.messages = [];
  socket.interim = [];
  socket.reason = null;
  const request = startRequest({
    method,
    createConnection: () => socket,
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
  request.on("information", ({ statusCode }) => {
    socket.interim.push(statusCode);
  });
  request.on("response", (message) => socket.messages.push(message));
  request.on("upgrade", (message) => {
    message.complete = true;
    socket.messages.push(message);
  });
  request.on("error", (error) => {
    socket.reason ??= error.code ?? error.message;
  });
  request.end();
  return socket;
}

function viewOf(socket) {
  const seen = [];
  for (const message of socket.messages) {
    const body = message.read()?.toString("latin1") ?? "";
    if (!message.complete) break;
    const { method, url: target, statusCode: status, rawHeaders } = message;
    const fields = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      fields.push([rawHeaders[i], rawHeaders[i + 1]]);
    }
    seen.push(
      status === null
        ? { start: `${method} ${target}`, fields, body }
        : { start: [...socket.interim, status].join(" "), fields, body },
    );
  }
  return { messages: seen, reason: socket.reason };
}

// A request to upgrade that is not granted, as here, is an ordinary one, but
// Node passes over what came with it in the same read. So it gets such streams
// byte by byte.
function readsOf(bytes) {
  const whole = Buffer.from(bytes, "latin1");
  if (!/upgrade/i.test(bytes)) return [whole];
  return Array.from(whole, (_, i) => whole.subarray(i, i + 1));
}

for await (const line of createInterface({ input: process.stdin })) {
  const questions = JSON.parse(line);
  const sockets = questions.map(({ kind, method }) =>
    kind === "requests" ? openServerSide() : openClientSide(method)
  );
  await setImmediate();
  for (const [index, { bytes }] of questions.entries()) {
    const socket = sockets[index];
    for (const read of readsOf(bytes)) socket.emit("data", read);
    socket.emit("end");
  }
  await setImmediate();
  process.stdout.write(JSON.stringify(sockets.map(viewOf)) + "\n");
  for (const socket of sockets) socket.destroy();
}
server.close();
