/**
 * Makes the data plane: the one place where the control plane knows what
 * carries the contract.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { EventEmitter } from "../events/mod.ts";
import type { AdminSite, Certificate, DataPlane } from "../plane/contract.ts";
import { LocalPlane } from "../plane/local.ts";
import type { DataPlaneSettings } from "../plane/plane_host.ts";
import { THREAD_MODULE, ThreadPlane } from "../plane/thread_plane.ts";
import { isGranted } from "../shared/is_granted.ts";
import {
  type Libc,
  NativeUnavailableError,
  openLibc,
} from "../transport/epoll/libc.ts";
import { listen, type OpenListener, UNIX_PREFIX } from "./listen.ts";
import { listenNative } from "./listen_native.ts";
import { StartError } from "./start_error.ts";

/**
 * What drives the connections: Linux' epoll in a thread of its own, or the
 * sockets of the runtime.
 */
export type TransportName = "epoll" | "deno";

/** The settings on which the choice depends. */
export interface PlaneSettings extends DataPlaneSettings {
  readonly transport: TransportName | "auto";
  readonly host: string;
  readonly port: number;
  readonly serverCertPath: string | null;
}

/** What clients are served with. */
export interface ServeOptions {
  /** `null` for plain HTTP. */
  readonly certificate: Certificate | null;
  /** Our own pages; `null` leaves all paths to the application. */
  readonly admin: AdminSite | null;
}

/** A data plane that can be begun with. */
export interface ServingPlane extends DataPlane {
  readonly transport: TransportName;
  /** Opens the socket that clients connect to; nobody is served yet. @throws {StartError} When that cannot be done. */
  listen(): Promise<OpenListener>;
  /** Serves those who connect to `opened`. */
  begin(opened: OpenListener, options: ServeOptions): Promise<void>;
}

/** Which transport it is, and why it is none that would cost less. */
interface Choice {
  readonly libc: Libc | null;
  /** A whole sentence; `null` where there is nothing to be said. */
  readonly notice: string | null;
}

/**
 * Makes a data plane that does not serve yet, whose events `events` emits.
 *
 * @throws {StartError} When the transport that was asked for cannot be had.
 */
export function openPlane(
  settings: PlaneSettings,
  events: EventEmitter,
): ServingPlane {
  const { libc, notice } = chooseTransport(settings);
  const plane = libc === null
    ? new RuntimePlane(settings)
    : new EpollPlane(settings, libc);
  plane.subscribe((fact) => {
    if (fact.type === "event") events.emit(fact.event);
  });
  events.watchAccess((wanted) => plane.send({ type: "report-access", wanted }));
  if (notice !== null) {
    events.emit({ type: "notice", level: "info", message: notice });
  }
  return plane;
}

/** On the runtime's own sockets, in this thread. */
class RuntimePlane extends LocalPlane implements ServingPlane {
  readonly transport = "deno";
  readonly #settings: PlaneSettings;

  constructor(settings: PlaneSettings) {
    super(settings);
    this.#settings = settings;
  }

  listen(): Promise<OpenListener> {
    return listen(this.#settings);
  }

  async begin(opened: OpenListener, options: ServeOptions): Promise<void> {
    const { listener, port } = opened;
    if (listener === null) throw new Error("Cannot serve: it is another's");
    await this.serve({ listener, port, ...options });
  }
}

/** On epoll, in a thread of its own. */
class EpollPlane extends ThreadPlane implements ServingPlane {
  readonly transport = "epoll";
  readonly #settings: PlaneSettings;
  readonly #libc: Libc;

  constructor(settings: PlaneSettings, libc: Libc) {
    super(settings, libc);
    this.#settings = settings;
    this.#libc = libc;
  }

  listen(): Promise<OpenListener> {
    return listenNative(this.#libc, this.#settings);
  }

  async begin(
    { fd, port }: OpenListener,
    { admin }: ServeOptions,
  ): Promise<void> {
    if (fd === null) throw new Error("Cannot serve: it is another's");
    await this.serve({ listeningFd: fd, port, admin });
  }
}

function chooseTransport(settings: PlaneSettings): Choice {
  const { transport } = settings;
  if (transport === "deno") return { libc: null, notice: null };
  const obstacle = obstacleTo(settings);
  if (obstacle === null) return tryLibc(transport);
  if (transport === "auto") return { libc: null, notice: null };
  throw new StartError(
    "unusable-transport",
    `Cannot serve with TRANSPORT=epoll: ${obstacle}. Set TRANSPORT to auto.`,
  );
}

/** What of the settings speaks against sockets of our own. */
function obstacleTo(
  { host, serverCertPath, tracing }: PlaneSettings,
): string | null {
  if (tracing) {
    // Deno 2.9: its exporter waits for every thread to bring its figures, and
    // one whose loop is its own never does; the process would not even end.
    return "Deno's exporter (TRACING) waits in vain for a thread of ours";
  }
  if (serverCertPath !== null) {
    return "TLS (SERVER_CERT_PATH) is spoken on the sockets of the runtime";
  }
  return host.startsWith(UNIX_PREFIX)
    ? "a unix socket (HOST) is served by the sockets of the runtime"
    : null;
}

function tryLibc(transport: TransportName | "auto"): Choice {
  try {
    const libc = openLibc();
    requireThread();
    return { libc, notice: null };
  } catch (error) {
    if (!(error instanceof NativeUnavailableError)) throw error;
    if (transport === "epoll") {
      throw new StartError(
        "unusable-transport",
        `Cannot serve with TRANSPORT=epoll: ${error.message}`,
        error,
      );
    }
    const notice = error.reason === "permission"
      ? "Requests are served by the sockets of the runtime. With sockets of " +
        "its own, in a thread of their own, the balancer takes about half the " +
        `CPU time for each, and health checks never wait: ${error.remedy}`
      : null;
    return { libc: null, notice };
  }
}

/** The thread is begun by its module, which must be readable. @throws {NativeUnavailableError} */
function requireThread(): void {
  if (!THREAD_MODULE.startsWith("file:")) return;
  const path = fileURLToPath(THREAD_MODULE);
  if (isGranted({ name: "read", path })) return;
  throw new NativeUnavailableError(
    "permission",
    `Deno does not permit to read ${path}, which a thread is begun with`,
    `Start it with --allow-read=${path} as well.`,
  );
}
