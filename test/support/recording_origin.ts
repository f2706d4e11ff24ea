/**
 * An origin server that does what its scripts say, well or badly, and keeps
 * every byte it got.
 *
 * @module
 */

import net from "node:net";
import { CutError } from "./byte_reader.ts";
import { Changes } from "./changes.ts";
import type { RawRequest } from "./http_message.ts";
import type { OriginScript } from "./origin_script.ts";
import { isReset, RawSocket, toBytes, toText } from "./raw_socket.ts";
import {
  type RecordedConnection,
  ScriptedConnection,
} from "./scripted_connection.ts";

/** How an origin is started. */
export interface RecordingOriginOptions {
  /** @default {0} */
  readonly port?: number;
  /** @default {"127.0.0.1"} */
  readonly hostname?: string;
  /**
   * Connections whose first request is a GET of this path are answered 200,
   * closed, and neither scripted nor recorded. For health probes.
   *
   * @default {none}
   */
  readonly healthPath?: string;
  /** Told of each connection that has ended. */
  readonly onEnd?: (connection: RecordedConnection) => void;
}

/** A scripted origin server. */
export class RecordingOrigin implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #scripts: readonly OriginScript[];
  readonly #options: RecordingOriginOptions;
  readonly #connections: ScriptedConnection[] = [];
  readonly #running = new Map<RawSocket, Promise<void>>();
  readonly #gates = new Set<string>();
  readonly #changes = new Changes();
  readonly #failures: unknown[] = [];
  #stopping = false;

  private constructor(
    scripts: readonly OriginScript[],
    options: RecordingOriginOptions,
  ) {
    this.#scripts = scripts;
    this.#options = options;
    this.#server = net.createServer(
      { pauseOnConnect: true, allowHalfOpen: true },
      (socket) => this.#accept(new RawSocket(socket)),
    );
  }

  /** Starts an origin. The first connection gets the first script, and so on; the last script serves all further ones. */
  static async start(
    scripts: readonly OriginScript[],
    options: RecordingOriginOptions = {},
  ): Promise<RecordingOrigin> {
    const origin = new RecordingOrigin(scripts, options);
    await new Promise<void>((resolve, reject) => {
      origin.#server.once("error", reject);
      origin.#server.listen(
        options.port ?? 0,
        options.hostname ?? "127.0.0.1",
        resolve,
      );
    });
    return origin;
  }

  /** Port it listens on. */
  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** All connections so far, in order of arrival. */
  get connections(): readonly RecordedConnection[] {
    return this.#connections;
  }

  /** All requests read by `read-request`, by connection and then in order. */
  get requests(): readonly RawRequest[] {
    return this.#connections.flatMap((connection) => connection.requests);
  }

  /** Lets all connections pass the gate of this name, now and later. */
  open(gate: string): void {
    this.#gates.add(gate);
    this.#changes.notify();
  }

  /**
   * Waits until `condition` holds; it is looked at after everything that happens here.
   *
   * @throws {DeadlineError} with what had been received instead.
   */
  async waitFor(
    condition: (origin: RecordingOrigin) => boolean,
    deadlineMs?: number,
  ): Promise<void> {
    await this.#changes.until(() => condition(this) || undefined, {
      ...deadlineMs === undefined ? {} : { deadlineMs },
      describe: () => `The origin never saw ${condition}; ${this.#summary()}`,
    });
  }

  /**
   * Closes all connections and stops listening.
   *
   * @throws {AggregateError} when a script could not be followed.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#changes.fail(new CutError("The origin has been stopped"));
    const running = [...this.#running];
    await Promise.all(
      running.flatMap(([socket, run]) => [socket.close(), run]),
    );
    await closed;
    if (this.#failures.length > 0) {
      throw new AggregateError(this.#failures, "A script was not followed");
    }
  }

  #accept(socket: RawSocket): void {
    this.#running.set(socket, this.#serve(socket));
  }

  async #serve(socket: RawSocket): Promise<void> {
    try {
      await this.#converse(socket);
    } catch (error) {
      // Stopping pulls the connections away from under their scripts.
      if (this.#stopping) return;
      this.#failures.push(error);
    } finally {
      await socket.close();
      this.#running.delete(socket);
    }
  }

  async #converse(socket: RawSocket): Promise<void> {
    const { healthPath } = this.#options;
    const first = healthPath === undefined ? null : await firstBytes(socket);
    if (first !== null && toText(first).startsWith(`GET ${healthPath} `)) {
      await answerProbe(socket);
      return;
    }
    const index = this.#connections.length;
    const recording = new ScriptedConnection(
      index,
      socket,
      first,
      this.#changes,
    );
    this.#connections.push(recording);
    this.#changes.notify();
    const script = this.#scripts[Math.min(index, this.#scripts.length - 1)];
    await recording.run(script ?? [], (gate) => this.#pass(gate));
    this.#options.onEnd?.(recording);
  }

  async #pass(gate: string): Promise<void> {
    await this.#changes.until(() => this.#gates.has(gate) || undefined, {
      describe: () => `Gate "${gate}" was never opened`,
    });
  }

  #summary(): string {
    if (this.#connections.length === 0) return "it saw no connection";
    return this.#connections.map(({ index, text, end }) =>
      `connection ${index} (end: ${end}): ${JSON.stringify(text)}`
    ).join("\n");
  }
}

async function firstBytes(socket: RawSocket): Promise<Uint8Array | null> {
  try {
    return await socket.read();
  } catch (error) {
    if (isReset(error)) return null;
    throw error;
  }
}

async function answerProbe(socket: RawSocket): Promise<void> {
  try {
    await socket.write(toBytes(
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ));
    await socket.closeWrite();
  } catch (error) {
    // The prober has gone: that is its own affair.
    if (!isReset(error)) throw error;
  }
}
