/**
 * Makes the data plane: the one place where the control plane knows what
 * carries the contract.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { EventEmitter, TransportName } from "../events/mod.ts";
import { eventOf } from "../events/access_row.ts";
import type { AdminSite, Certificate, DataPlane } from "../plane/contract.ts";
import { LocalPlane } from "../plane/local.ts";
import type { DataPlaneSettings } from "../plane/plane_host.ts";
import { THREAD_MODULE, ThreadPlane } from "../plane/thread_plane.ts";
import { socketPathOf } from "../shared/authority.ts";
import { isGranted } from "../shared/is_granted.ts";
import {
  ffiFlag,
  type Libc,
  NativeUnavailableError,
  openLibc,
} from "../transport/epoll/libc.ts";
import { listen, type OpenListener } from "./listen.ts";
import { listenNative } from "./listen_native.ts";
import { StartError } from "./start_error.ts";

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
  /** Resolves when its loop has turned, where that is another than ours. */
  pulse(): Promise<void>;
  /** Serves those who connect to `opened`. */
  begin(opened: OpenListener, options: ServeOptions): Promise<void>;
}

/** Which transport it is, and why it is none that would cost less. */
interface Choice {
  readonly libc: Libc | null;
  /** A whole sentence; `null` where there is nothing to be said. */
  readonly notice: string | null;
  /** Why it cannot be the one that was asked for; `null` when it is. */
  readonly refusal: StartError | null;
}

/** The sockets of the runtime, and nothing to be said about it. */
const ON_RUNTIME: Choice = { libc: null, notice: null, refusal: null };

/**
 * Makes a data plane that does not serve yet, whose events `events` emits.
 * Where the transport that was asked for cannot be had, its `listen` says so.
 */
export function openPlane(
  settings: PlaneSettings,
  events: EventEmitter,
): ServingPlane {
  const { libc, notice, refusal } = chooseTransport(settings);
  const plane = libc === null
    ? new RuntimePlane(settings, refusal)
    : new EpollPlane(settings, libc);
  plane.subscribe((fact) => {
    if (fact.type === "event") events.emit(fact.event);
    if (fact.type !== "access") return;
    for (const row of fact.rows) events.emit(eventOf(row));
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
  readonly #refusal: StartError | null;

  constructor(settings: PlaneSettings, refusal: StartError | null) {
    super(settings);
    this.#settings = settings;
    this.#refusal = refusal;
  }

  /** Whoever asks runs on the same loop. */
  pulse(): Promise<void> {
    return Promise.resolve();
  }

  async listen(): Promise<OpenListener> {
    if (this.#refusal !== null) throw this.#refusal;
    return await listen(this.#settings);
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
    try {
      await this.serve({ listeningFd: fd, port, admin });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(
        "unusable-transport",
        `Cannot serve on epoll: ${reason}. Set TRANSPORT to deno.`,
        error,
      );
    }
  }
}

function chooseTransport(settings: PlaneSettings): Choice {
  const { transport } = settings;
  if (transport === "deno") return ON_RUNTIME;
  const obstacle = obstacleTo(settings);
  if (obstacle === null) return tryLibc(transport);
  return transport === "auto"
    ? ON_RUNTIME
    : refused(`${obstacle}. Set TRANSPORT to auto.`);
}

/** What of the settings speaks against sockets of our own. */
function obstacleTo(
  { host, serverCertPath }: PlaneSettings,
): string | null {
  if (serverCertPath !== null) {
    return "TLS (SERVER_CERT_PATH) is spoken on the sockets of the runtime";
  }
  return socketPathOf(host) !== null
    ? "a unix socket (HOST) is served by the sockets of the runtime"
    : null;
}

function tryLibc(transport: "epoll" | "auto"): Choice {
  const missing = threadPermissions();
  try {
    const libc = openLibc();
    if (missing.length === 0) return { ...ON_RUNTIME, libc };
    libc.close();
  } catch (error) {
    if (!(error instanceof NativeUnavailableError)) throw error;
    if (error.reason !== "permission") {
      return transport === "auto" ? ON_RUNTIME : refused(error.message, error);
    }
    missing.unshift(ffiFlag());
  }
  const remedy = `Start Deno with ${missing.join(" ")} as well`;
  if (transport === "epoll") {
    return refused(`Deno does not permit it. ${remedy}.`);
  }
  const notice = "Requests are served on the sockets of the runtime. On " +
    "epoll, in a thread of its own, the balancer takes a sixth less CPU " +
    `time for each, and health checks never wait for them. ${remedy}; ` +
    "or set TRANSPORT to deno, and this is not said.";
  return { ...ON_RUNTIME, notice };
}

function refused(why: string, cause?: unknown): Choice {
  const message = `Cannot serve with TRANSPORT=epoll: ${why}`;
  const refusal = new StartError("unusable-transport", message, cause);
  return { ...ON_RUNTIME, refusal };
}

/** What is missing for the thread to read its modules, as flags of Deno's. */
function threadPermissions(): string[] {
  if (!THREAD_MODULE.startsWith("file:")) return [];
  const path = fileURLToPath(new URL("../", THREAD_MODULE));
  return isGranted({ name: "read", path }) ? [] : [`--allow-read=${path}`];
}
