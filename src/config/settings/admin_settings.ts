/**
 * Who sees the admin pages, and where.
 *
 * @module
 */

import { cidrList, host, poolName as poolNameKind, token } from "../kinds.ts";
import { port, setting } from "./setting.ts";

/** The settings under the heading "Administration", in the order of the help. */
export const ADMIN_SETTINGS = {
  /** What the pool is called, to tell it from others on the machine. */
  poolName: setting({
    kind: poolNameKind,
    default: null,
    shortFlag: "name",
    help: "name of the pool, in list and for the subcommands",
  }),
  /** Port of a listener of its own for the admin pages; `null` serves them on `port`. */
  adminPort: setting({
    kind: port,
    default: null,
    help: "port of a listener of its own for the admin pages; unset, they " +
      "are on PORT",
  }),
  /** Address of that listener. */
  adminHost: setting({
    kind: host,
    default: "127.0.0.1",
    help: "address of that listener",
  }),
  /** Bearer token that opens the admin pages from anywhere. */
  adminToken: setting({
    kind: token,
    default: null,
    secret: true,
    help: "bearer token that opens the admin pages from anywhere",
    essential: true,
  }),
  /** CIDRs that may read the admin pages. */
  adminAllow: setting({
    kind: cidrList,
    default: [],
    help: "networks that may read the admin pages",
  }),
} as const;
