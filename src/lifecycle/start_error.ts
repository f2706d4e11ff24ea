/**
 * The error with which a pool says that it cannot run here.
 *
 * @module
 */

import { findPortHolder, isHeldByUs } from "../system/port_holder.ts";

/** What kept the pool from running. */
export type StartErrorCode =
  /** The address is held by another program. */
  | "address-in-use"
  /** The address is none of this machine's. */
  | "address-unavailable"
  /** The operating system, or a missing Deno permission, forbids it. */
  | "not-permitted"
  /** Certificate or key are missing, or do not belong together. */
  | "unusable-certificate"
  /** TRANSPORT asks for what cannot be had here. */
  | "unusable-transport"
  /** What WATCH names cannot be watched. */
  | "cannot-watch"
  /** Anything else about listening. */
  | "cannot-listen";

/** The pool cannot run. The message says why, and what to do about it. */
export class StartError extends Error {
  /** Name of the class, for logs. */
  override readonly name = "StartError";
  /** What kept it from running. */
  readonly code: StartErrorCode;

  /** Creates the error; `message` names the setting to change. */
  constructor(code: StartErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** An address that was to be listened on, and the settings behind it, to be named in errors. */
export interface TriedAddress {
  readonly host: string;
  readonly port: number;
  /** `"HOST"` or `"ADMIN_HOST"`. */
  readonly hostSetting: string;
  /** `"PORT"` or `"ADMIN_PORT"`. */
  readonly portSetting: string;
}

/** Says why listening on `address` failed, and what to do about it. */
export async function listenError(
  address: TriedAddress,
  cause: unknown,
): Promise<StartError> {
  const { host, port, hostSetting, portSetting } = address;
  const cannot = `Cannot listen on ${host}:${port}:`;
  if (cause instanceof Deno.errors.AddrInUse) {
    if (await isHeldByUs(port)) {
      return new StartError(
        "address-in-use",
        `${cannot} this process has it open already. If another pool of its ` +
          `own does, set ${portSetting} to a free one; if it was started with ` +
          "the port open, which it does not take over (socket activation), " +
          "disable the .socket unit.",
        cause,
      );
    }
    const holder = await findPortHolder(port) ?? "another program";
    return new StartError(
      "address-in-use",
      `${cannot} ${holder} holds the port. ` +
        `Set ${portSetting} to a free one, or stop that program.`,
      cause,
    );
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return new StartError(
      "address-unavailable",
      `${cannot} this machine does not have that address. ` +
        `Set ${hostSetting} to one it has, or to 0.0.0.0.`,
      cause,
    );
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return new StartError(
      "not-permitted",
      `${cannot} Deno does not permit it. Run with --allow-net.`,
      cause,
    );
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new StartError(
      "not-permitted",
      `${cannot} the system does not permit it. ` +
        `Set ${portSetting} to 1024 or above, or grant CAP_NET_BIND_SERVICE.`,
      cause,
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartError(
    "cannot-listen",
    `${cannot} ${reason}. Check ${hostSetting} and ${portSetting}.`,
    cause,
  );
}

/** Says why listening on the unix socket `address`, which HOST names, failed, and what to do about it. */
export function unixListenError(address: string, cause: unknown): StartError {
  const cannot = `Cannot listen on ${address}:`;
  if (cause instanceof Deno.errors.AddrInUse) {
    return new StartError(
      "address-in-use",
      `${cannot} another program listens there, or the file is no socket. ` +
        "Set HOST to another path, or stop that program.",
      cause,
    );
  }
  if (cause instanceof Deno.errors.NotFound) {
    return new StartError(
      "address-unavailable",
      `${cannot} its directory does not exist. ` +
        "Create it, or set HOST to another path.",
      cause,
    );
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return new StartError(
      "not-permitted",
      `${cannot} Deno does not permit it. ` +
        "Run with --allow-net, --allow-read and --allow-write.",
      cause,
    );
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new StartError(
      "not-permitted",
      `${cannot} the system does not permit it. ` +
        "Set HOST to a path in a directory that the balancer's user may write to.",
      cause,
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartError(
    "cannot-listen",
    `${cannot} ${reason}. Check HOST.`,
    cause,
  );
}
