/**
 * TLS for tests: the two certificates of the fixtures, and clients.
 *
 * @module
 */

import { Duplex } from "node:stream";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { DEFAULT_DEADLINE_MS, withDeadline } from "./deadline.ts";
import type { BufferPool } from "../../src/proxy/core/buffer_pool.ts";
import type { TlsServer } from "../../src/proxy/core/handshake.ts";
import type { Link } from "../../src/proxy/core/link.ts";
import { TlsLink } from "../../src/transport/tls_link.ts";
import { RawClient } from "./raw_client.ts";
import { concatBytes, RawSocket, toBytes } from "./raw_socket.ts";

/** Type of the records that alerts come in (RFC 5246 §6.2.1). */
const ALERT_RECORD = 21;

/** A certificate of the fixtures. */
export interface TestCertificate {
  /** Its common name. */
  readonly name: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** The certificate in use. */
export const FIRST: TestCertificate = testCertificate("first");

/** The certificate it is replaced by. */
export const SECOND: TestCertificate = testCertificate("second");

/** One whose key is too short. */
export const WEAK: TestCertificate = testCertificate("weak");

/** One whose key the runtime cannot sign with. */
export const UNUSUAL: TestCertificate = testCertificate("unusual");

/** One that was valid in January 2020 alone. */
export const EXPIRED: TestCertificate = testCertificate("expired");

/** One that clients can trust that take no authority for a server. */
export const COLLECTOR: TestCertificate = testCertificate("collector");

/** The server's side of TLS, with a certificate that can be replaced. */
export class TestTlsServer implements TlsServer {
  certificate: TestCertificate = FIRST;

  secure(link: Link, buffers: BufferPool): Link {
    const { certPath, keyPath } = this.certificate;
    const context = tls.createSecureContext({
      cert: Deno.readTextFileSync(certPath),
      key: Deno.readTextFileSync(keyPath),
      minVersion: "TLSv1.2",
    });
    return new TlsLink(link, buffers, context);
  }
}

/** A connection over TLS, and what was agreed on. */
export interface TlsClient extends AsyncDisposable {
  readonly client: RawClient;
  /** What is encrypted goes through here. */
  readonly wire: Wire;
  /** `"TLSv1.2"` or `"TLSv1.3"`. */
  readonly protocol: string | null;
  readonly alpn: string | false | null;
  /** Common name of the certificate that the server has shown. */
  readonly certificateName: string;
}

/**
 * Connects over TLS.
 *
 * @param before What is sent in the clear first: a PROXY header.
 * @throws {Error} When the handshake fails.
 */
export async function connectTls(
  port: number,
  options: tls.ConnectionOptions = {},
  before: string | Uint8Array = "",
): Promise<TlsClient> {
  const raw = await RawSocket.connect({ port });
  if (before.length > 0) await raw.write(toBytes(before));
  const wire = new Wire(raw);
  const socket = await withDeadline(
    handshake({
      socket: wire,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2", "http/1.1"],
      ...options,
    }),
    DEFAULT_DEADLINE_MS,
    () => "The handshake does not end",
  ).catch(async (error) => {
    await raw.close();
    throw error;
  });
  const client = RawClient.over(new RawSocket(socket));
  return {
    client,
    wire,
    protocol: socket.getProtocol(),
    alpn: socket.alpnProtocol,
    certificateName: String(socket.getPeerCertificate().subject.CN),
    async [Symbol.asyncDispose](): Promise<void> {
      await client.close();
      await raw.close();
    },
  };
}

/**
 * The connection beneath a TLS client. `node:tls` reads ahead and takes writes
 * at once; this shows what has really passed, and can be held.
 */
export class Wire extends Duplex {
  /** The TCP connection. */
  readonly raw: RawSocket;
  /** Octets that the kernel has taken. */
  sentBytes = 0;
  /** All octets that have come. */
  readonly received: Uint8Array[] = [];
  #held: Promise<void> | null = null;
  #release: () => void = () => {};

  /** Takes over `raw`. */
  constructor(raw: RawSocket) {
    super();
    this.raw = raw;
  }

  /** Reads no more from the kernel. */
  hold(): void {
    this.#held = new Promise((resolve) => this.#release = resolve);
  }

  /** Reads on. */
  release(): void {
    this.#held = null;
    this.#release();
  }

  /** Whether the last record that has come is an alert, as the last one of TLS 1.2 in order is. */
  get endsWithAlert(): boolean {
    const bytes = concatBytes(...this.received);
    let type = 0;
    for (let at = 0; at + 5 <= bytes.length;) {
      type = bytes[at]!;
      at += 5 + (bytes[at + 3]! << 8 | bytes[at + 4]!);
    }
    return type === ALERT_RECORD;
  }

  override async _read(): Promise<void> {
    await this.#held;
    try {
      const bytes = await this.raw.read();
      if (bytes !== null) this.received.push(bytes);
      this.push(bytes);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error) => void,
  ): void {
    this.raw.write(chunk).then(() => {
      this.sentBytes += chunk.length;
      callback();
    }, callback);
  }

  override _final(callback: (error?: Error) => void): void {
    this.raw.closeWrite().then(() => callback(), callback);
  }

  override _destroy(
    error: Error | null,
    callback: (error: Error | null) => void,
  ): void {
    this.release();
    this.raw.close().then(() => callback(error));
  }
}

function handshake(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(options);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("The server has closed")));
    socket.once("secureConnect", () => {
      socket.off("error", reject);
      socket.pause();
      resolve(socket);
    });
  });
}

/** What a client of this version says first. */
export async function clientHello(
  version: tls.SecureVersion,
): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = tls.connect({
    port: listener.addr.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  // It gets no answer.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  using conn = await listener.accept();
  const buffer = new Uint8Array(4096);
  const length = await conn.read(buffer) ?? 0;
  socket.destroy();
  await closed;
  return buffer.slice(0, length);
}

function testCertificate(name: string): TestCertificate {
  const path = (part: string): string =>
    fileURLToPath(
      new URL(`../fixtures/tls/${name}_${part}.pem`, import.meta.url),
    );
  return {
    name: `${name}.example`,
    certPath: path("cert"),
    keyPath: path("key"),
  };
}
