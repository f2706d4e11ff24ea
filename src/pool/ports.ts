/**
 * Hands out worker ports: consecutive ones that nobody else holds.
 *
 * Knows nothing of workers. All of it is synchronous, so that nothing can
 * happen between finding a port free and starting the worker on it.
 *
 * @module
 */

import { LaunchError } from "./launch_error.ts";
import { type LockPort, lockPort, type PortLock } from "./port_lock.ts";
import { WORKER_HOST } from "./worker_command.ts";

/** Ports tried in one search. More than this many strangers in a row is a mistake in the configuration. */
const SEARCH_LIMIT = 1_000;

/** Largest port number there is (RFC 9293 §3.1). */
const MAX_PORT = 65_535;

/**
 * Where a free stretch is looked for when no first port is given. Below the
 * range from which kernels take the ports of outgoing connections: inside it
 * any connection of anybody could hold a worker's port.
 */
const FREE_STRETCH = { first: 20_000, last: 31_000 } as const;

/** How it is found out whether a port may be taken. */
export interface PortChecks {
  /** Locks it against other pools. */
  readonly lock: LockPort;
  /** Whether a worker could listen on it now. */
  readonly isFree: (port: number) => boolean;
}

/** What the machine says of its ports. */
export const MACHINE_PORTS: PortChecks = { lock: lockPort, isFree: isPortFree };

/** Ports that somebody else holds: one, or a row of those of other pools. */
export interface SkippedPorts {
  readonly first: number;
  readonly last: number;
  /** Whether that is another pool, whose worker may not listen yet. */
  readonly locked: boolean;
}

/** Where ports are looked for. */
export interface PortAllocatorOptions {
  /** First port; 0 takes a free stretch anywhere. */
  readonly workerPort: number;
  /** Told of ports that somebody else holds, once; of those of other pools that follow each other together. */
  readonly onSkipped: (ports: SkippedPorts) => void;
  /** Uniform in [0, 1). @default {Math.random} */
  readonly random?: () => number;
  /** @default {MACHINE_PORTS} */
  readonly checks?: PortChecks;
}

/** Which ports of the range are ours, and which is the next free one. */
export class PortAllocator {
  readonly #first: number;
  readonly #onSkipped: PortAllocatorOptions["onSkipped"];
  readonly #checks: PortChecks;
  readonly #ours = new Map<number, PortLock | null>();
  readonly #foreign = new Set<number>();
  /** Those given back whose lock may not be open yet: the system unlocks in its own time. */
  readonly #released = new Set<number>();

  /** Creates an allocator that holds no port. */
  constructor(options: PortAllocatorOptions) {
    const { workerPort, onSkipped, random = Math.random } = options;
    const { first, last } = FREE_STRETCH;
    this.#first = workerPort === 0
      ? first + Math.floor(random() * (last - first))
      : workerPort;
    this.#onSkipped = onSkipped;
    this.#checks = options.checks ?? MACHINE_PORTS;
  }

  /**
   * Takes the first free port of the range, other than `avoid`, and locks it
   * against other pools until it is given back.
   *
   * Another program may still take it before the worker does; the worker then
   * fails to start, and the next attempt avoids that port.
   *
   * @throws {LaunchError} when none is free within reach.
   * @throws {Deno.errors.NotCapable} without the permission to listen there.
   */
  take(avoid: number | null = null): number {
    const end = Math.min(this.#first + SEARCH_LIMIT - 1, MAX_PORT);
    const skipped: SkippedPorts[] = [];
    const taken = this.#search(end, avoid, skipped);
    for (const ports of skipped) this.#onSkipped(ports);
    if (taken !== null) return taken;
    throw new LaunchError(
      "ports-exhausted",
      `no port from ${this.#first} to ${end} is free; set WORKER_PORT to the first of a free range`,
    );
  }

  /** Takes the first free port; adds to `skipped` those that are passed over for the first time. */
  #search(
    end: number,
    avoid: number | null,
    skipped: SkippedPorts[],
  ): number | null {
    for (let port = this.#first; port <= end; port++) {
      if (port === avoid || this.#ours.has(port)) continue;
      const lock = this.#checks.lock(port);
      if (lock !== "locked" && this.#checks.isFree(port)) {
        this.#foreign.delete(port);
        this.#released.delete(port);
        this.#ours.set(port, lock);
        return port;
      }
      if (lock !== "locked") lock?.close();
      if (this.#foreign.has(port)) continue;
      // Not yet unlocked: that is no other pool's.
      if (lock === "locked" && this.#released.delete(port)) continue;
      this.#foreign.add(port);
      addSkipped(skipped, port, lock === "locked");
    }
    return null;
  }

  /** Gives a port back whose worker is gone. */
  release(port: number): void {
    this.#ours.get(port)?.close();
    if (this.#ours.delete(port)) this.#released.add(port);
  }

  /** Gives back all that are still held. */
  [Symbol.dispose](): void {
    for (const port of [...this.#ours.keys()]) this.release(port);
  }
}

function addSkipped(
  skipped: SkippedPorts[],
  port: number,
  locked: boolean,
): void {
  const previous = skipped.at(-1);
  if (locked && previous?.locked && previous.last === port - 1) {
    skipped[skipped.length - 1] = { ...previous, last: port };
  } else skipped.push({ first: port, last: port, locked });
}

/**
 * Whether a worker could listen on `port` now. `true` when that cannot be
 * tried, for want of descriptors or of the address itself: nobody else is known
 * to have it, and the worker says more.
 *
 * @throws {Deno.errors.NotCapable} without the permission to listen there.
 */
export function isPortFree(port: number): boolean {
  try {
    Deno.listen({ hostname: WORKER_HOST, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // Below 1024 only root may listen; for a worker of ours that is as good as taken.
    return !(error instanceof Deno.errors.AddrInUse ||
      error instanceof Deno.errors.PermissionDenied);
  }
}
