/**
 * Clients whose server keeps something for them in memory: Express sessions,
 * Socket.IO, MCP.
 *
 * @module
 */

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { io } from "socket.io-client";
import { withDeadline } from "./deadline.ts";

/** Longest wait for a reply, in milliseconds. */
const REPLY_MS = 20_000;

/** A client with something to lose. */
export interface Session {
  /** The process that keeps it. */
  readonly pid: number;
  /** Asks once; returns whether it was all there still. */
  readonly ask: () => Promise<boolean>;
  /** Says good-bye. */
  readonly close: () => Promise<void>;
}

/** A browser with a session in Express. */
export async function openExpressSession(port: number): Promise<Session> {
  const cookies = new Map<string, string>();
  const visit = async (): Promise<{ visits: number; pid: number }> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      headers: {
        cookie: [...cookies].map((pair) => pair.join("=")).join("; "),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = line.split(";", 1)[0]!.split("=", 2);
      cookies.set(name, value);
    }
    return await response.json();
  };
  const { pid } = await visit();
  let expected = 1;
  return {
    pid,
    ask: async () => {
      const answer = await visit();
      return answer.pid === pid && answer.visits === ++expected;
    },
    close: () => Promise.resolve(),
  };
}

/** A client of Socket.IO with its default transports: long polling, then WebSocket. */
export async function openSocketIo(port: number): Promise<Session> {
  const socket = io(`http://127.0.0.1:${port}`, {
    // A browser sends cookies by itself.
    withCredentials: true,
    forceNew: true,
    reconnectionDelay: 50,
  });
  let connections = 0;
  socket.on("connect", () => connections++);
  const { promise, resolve, reject } = Promise.withResolvers<
    { readonly pid: number }
  >();
  socket.once("worker", resolve);
  socket.once("connect_error", reject);
  const { pid } = await promise;
  return {
    pid,
    ask: async () => {
      const reply = await socket.timeout(REPLY_MS).emitWithAck("echo", "x");
      return reply === `${pid}: x` && connections === 1;
    },
    close: () => {
      socket.disconnect();
      return Promise.resolve();
    },
  };
}

/** A client of a stateful MCP server. */
export async function openMcp(port: number): Promise<Session> {
  const client = new Client({ name: "test", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(
    new URL(`http://127.0.0.1:${port}/mcp`),
    {
      reconnectionOptions: {
        maxRetries: 0,
        initialReconnectionDelay: 1,
        maxReconnectionDelay: 1,
        reconnectionDelayGrowFactor: 1,
      },
    },
  );
  await client.connect(transport);
  const count = async (): Promise<readonly [number, number]> => {
    const { content } = await client.callTool({ name: "count" });
    const [{ text }] = content as [{ readonly text: string }];
    const [pid = "", value = ""] = text.split(": ");
    return [Number(pid), Number(value)];
  };
  const [pid] = await count();
  let expected = 1;
  return {
    pid,
    ask: async () => {
      const [by, value] = await count();
      return by === pid && value === ++expected;
    },
    close: async () => {
      await client.close();
    },
  };
}

/** Asks all at once; returns those that were lost. */
export async function lostOf(
  sessions: readonly Session[],
): Promise<readonly Session[]> {
  const kept = await withDeadline(
    Promise.all(sessions.map((session) => session.ask().catch(() => false))),
    2 * REPLY_MS,
    () => "Not all sessions were replied to",
  );
  return sessions.filter((_, index) => !kept[index]);
}
