/**
 * What a service manager is told: systemd, or another that speaks sd_notify(3).
 * That the pool serves, reloads and stops; that it needs more time; what it
 * does, in a line; and, while all of it lives, that it does.
 *
 * @module
 */

import type { Environment } from "../config/load_config.ts";
import type { EventEmitter, PoolEvent, ServingState } from "../events/mod.ts";
import { type Notification, NotifySocket } from "./notify_socket.ts";
import { type ServiceFigures, serviceStatus } from "./service_status.ts";
import type { VitalPart } from "./vital_part.ts";

/** How often the line is brought up to date at least, in milliseconds. */
const STATUS_INTERVAL_MS = 5_000;

/**
 * How much more time is asked for at once while the pool starts, reloads or
 * stops, in milliseconds: enough for a beat to be late, and little for a pool
 * that hangs. How long each may take in all is the pool's own business, which
 * has deadlines for it.
 */
const EXTENSION_MS = 15_000;

/** A manager that listens. */
export interface ServiceManagerAddress {
  /** Where. */
  readonly socket: string;
  /** How long it waits for a sign of life, in milliseconds; `null` when it wants none. */
  readonly watchdogMs: number | null;
}

/** What a service manager is told of. */
export interface ServiceManagerDeps {
  readonly events: EventEmitter;
  readonly figures: () => ServiceFigures;
  readonly vitalParts: () => readonly VitalPart[];
}

/** Reads who has started this process as a service; `null` when nobody has. */
export function serviceManagerIn(
  env: Environment,
): ServiceManagerAddress | null {
  const socket = env.get("NOTIFY_SOCKET");
  if (!socket) return null;
  const watchdogUsec = Number(env.get("WATCHDOG_USEC") ?? "");
  const pid = env.get("WATCHDOG_PID");
  const isMeant = pid === undefined || Number(pid) === Deno.pid;
  return {
    socket,
    watchdogMs: isMeant && watchdogUsec > 0 ? watchdogUsec / 1000 : null,
  };
}

/** Tells the manager what happens, from now until it is closed. */
export class ServiceManager {
  readonly #deps: ServiceManagerDeps;
  readonly #socket: NotifySocket;
  readonly #watched: boolean;
  readonly #beatMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;
  /** Parts that have been asked for a sign of life and have not given it. */
  readonly #silent = new Set<string>();
  #state: ServingState = "starting";
  #reloads = 0;
  #failure: string | null = null;
  #status = "";
  #alarmed = false;

  /** Begins. @throws {Error} When the manager cannot be reached; the message says why. */
  constructor(address: ServiceManagerAddress, deps: ServiceManagerDeps) {
    this.#deps = deps;
    this.#socket = new NotifySocket(
      address.socket,
      (error) => this.#warn(`Cannot tell the service manager: ${error}.`),
    );
    this.#watched = address.watchdogMs !== null;
    // Half of it, as sd_watchdog_enabled(3) advises.
    this.#beatMs = Math.min(
      STATUS_INTERVAL_MS,
      (address.watchdogMs ?? Infinity) / 2,
    );
    this.#unsubscribe = deps.events.subscribe((event) => this.#take(event));
    this.#timer = setInterval(() => this.#beat(), this.#beatMs);
    this.#socket.send({ ...this.#newStatus(), ...this.#extension() });
  }

  /** A reload has been asked for; `report` settles when its outcome is certain. */
  async reloading(report: Promise<unknown>): Promise<void> {
    this.#reloads++;
    // One that comes while the pool starts is done when it serves.
    if (this.#state === "serving") this.#announceReload();
    try {
      await report;
    } catch {
      // Whoever has asked for it is told.
    }
    this.#reloads--;
    if (this.#state === "serving" && this.#reloads === 0) this.#announceReady();
  }

  /** Says why the pool cannot run, to whoever asks the manager. */
  failed(reason: string): void {
    this.#socket.send({ STATUS: reason });
  }

  /** Says what is left to be said, and nothing more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    await this.#socket.close();
  }

  #take(event: PoolEvent): void {
    if (event.type === "reload-finished") {
      const { ok, reason } = event.report;
      this.#failure = ok ? null : reason ?? "the new workers do not work";
    } else if (event.type === "state-changed") {
      this.#state = event.to;
      if (event.to === "serving") this.#announceReady();
      else if (event.to === "draining") {
        this.#socket.send({
          STOPPING: 1,
          ...this.#newStatus(),
          ...this.#extension(),
        });
      } else this.#socket.send(this.#newStatus());
    }
  }

  #announceReady(): void {
    this.#socket.send({ READY: 1, ...this.#newStatus() });
    if (this.#reloads > 0) this.#announceReload();
  }

  #announceReload(): void {
    this.#socket.send({
      RELOADING: 1,
      ...monotonicTime(),
      ...this.#newStatus(),
      ...this.#extension(),
    });
  }

  #beat(): void {
    const notification = {
      ...this.#newStatus(),
      ...this.#watched && this.#isAlive() ? { WATCHDOG: 1 } : {},
      ...this.#isInTransition ? this.#extension() : {},
    };
    if (Object.keys(notification).length > 0) this.#socket.send(notification);
  }

  get #isInTransition(): boolean {
    return this.#state !== "serving" || this.#reloads > 0;
  }

  /** Whether every part has responded since the last beat; each is asked anew. */
  #isAlive(): boolean {
    const silent = [...this.#silent];
    if (silent.length > 0 && !this.#alarmed) {
      this.#warn(
        `No sign of life from ${silent.join(" and ")} for ` +
          `${Math.round(this.#beatMs)} ms: the watchdog of the service ` +
          "manager is not fed until there is one.",
      );
    }
    this.#alarmed = silent.length > 0;
    for (const part of this.#deps.vitalParts()) {
      if (!this.#silent.has(part.name)) void this.#askForPulse(part);
    }
    return silent.length === 0;
  }

  async #askForPulse(part: VitalPart): Promise<void> {
    this.#silent.add(part.name);
    try {
      await part.pulse();
      this.#silent.delete(part.name);
    } catch {
      // Dead, and stays silent.
    }
  }

  /** The line about what is done, if it is another than before. */
  #newStatus(): Notification {
    const status = serviceStatus(
      { ...this.#deps.figures(), state: this.#state },
      { reloading: this.#reloads > 0, failure: this.#failure },
    );
    if (status === this.#status) return {};
    this.#status = status;
    return { STATUS: status };
  }

  #extension(): Notification {
    return { EXTEND_TIMEOUT_USEC: EXTENSION_MS * 1000 };
  }

  #warn(message: string): void {
    this.#deps.events.emit({ type: "notice", level: "warning", message });
  }
}

/**
 * The time by which the manager tells this reload from one before: by
 * CLOCK_MONOTONIC, and not before it has asked. Deno's own clocks count from
 * the start of the process, and the machine's uptime comes in whole seconds:
 * the next one has not been yet.
 */
function monotonicTime(): Notification {
  const permission = { name: "sys", kind: "osUptime" } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return {};
  return { MONOTONIC_USEC: (Deno.osUptime() + 1) * 1_000_000 };
}
