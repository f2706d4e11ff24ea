/**
 * The socket on which a service manager listens to its services, as
 * sd_notify(3) describes it: datagrams of `NAME=value` lines.
 *
 * Knows what a message looks like, and not when there is one to send.
 *
 * @module
 */

import { settledWithin } from "../shared/settled_within.ts";

/** Messages that may wait for the manager to read; beyond, it does not read, and the newest are dropped. */
const MAX_QUEUED = 64;

/** How long the last messages may take, in milliseconds, when the manager does not read. */
const FLUSH_TIMEOUT_MS = 1_000;

/** The lines of one message, by name. */
export type Notification = Readonly<Record<string, string | number>>;

/** Sends messages in the order they are given, and never makes the sender wait. */
export class NotifySocket {
  readonly #socket: Deno.DatagramConn;
  readonly #address: Deno.UnixAddr;
  readonly #onError: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  #queued = 0;
  #last: Promise<void> = Promise.resolve();
  #failed = false;

  /**
   * Opens a socket of our own, from which is sent to the one at `path`: that
   * of a file, or of the abstract namespace with an `@` in front.
   *
   * @param onError Told once, when a message cannot be sent.
   * @throws {Error} When that cannot be done; the message says why.
   */
  constructor(path: string, onError: (error: unknown) => void) {
    requireDatagrams();
    requireGranted(path);
    this.#onError = onError;
    this.#address = { transport: "unixpacket", path: abstract(path) };
    // Nobody responds; but Deno sends only from a socket that has an address.
    this.#socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: abstract(`@prefork-pool-${crypto.randomUUID()}`),
    });
  }

  /** Queues a message, or drops it where the manager has stopped reading. */
  send(notification: Notification): void {
    if (this.#queued >= MAX_QUEUED) return;
    this.#queued++;
    const bytes = this.#encoder.encode(formatNotification(notification));
    this.#last = this.#last.then(() => this.#transmit(bytes));
  }

  /** Waits until everything is sent, for a second at most, and closes the socket. */
  async close(): Promise<void> {
    await settledWithin(this.#last, FLUSH_TIMEOUT_MS);
    this.#socket.close();
  }

  async #transmit(bytes: Uint8Array): Promise<void> {
    try {
      await this.#socket.send(bytes, this.#address);
    } catch (error) {
      if (!this.#failed) this.#onError(error);
      this.#failed = true;
    } finally {
      this.#queued--;
    }
  }
}

/** Writes a message out. What is meant for people must not begin another line. */
export function formatNotification(notification: Notification): string {
  return Object.entries(notification)
    .map(([name, value]) =>
      `${name}=${String(value).replace(/\s*\n\s*/g, " ")}`
    )
    .join("\n");
}

/** Whoever installs the program as a script of its own runs it without its deno.json. */
function requireDatagrams(): void {
  if (typeof Deno.listenDatagram === "function") return;
  throw new Error("this Deno has no datagrams; run with --unstable-net");
}

/** What is tried without permission makes Deno ask whoever sits at the terminal. */
function requireGranted(path: string): void {
  const needed = [["net", "--allow-net"], ["write", `--allow-write=${path}`]];
  const missing = needed.filter(([name]) =>
    Deno.permissions.querySync(
      name === "write" ? { name, path } : { name: "net" },
    ).state !== "granted"
  ).map(([, flag]) => flag);
  if (missing.length === 0) return;
  throw new Error(
    `Deno does not permit it; run with -A, or with ${missing.join(" ")}`,
  );
}

/** Names of the abstract namespace begin with a zero byte, which no variable can hold. */
function abstract(path: string): string {
  return path.startsWith("@") ? `\0${path.slice(1)}` : path;
}
