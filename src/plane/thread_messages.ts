/**
 * How the contract is carried between threads, message by message.
 *
 * @module
 */

import type { AdminHead } from "../proxy/core/admin_port.ts";
import type {
  AdminGate,
  AdminRequest,
  Call,
  Command,
  DataPlaneFigures,
  Fact,
  Replies,
} from "./contract.ts";
import type { DataPlaneSettings } from "./plane_host.ts";

/** What a thread is begun with. */
export interface ThreadStart {
  readonly type: "start";
  readonly settings: DataPlaneSettings;
  /** A listening socket. It outlives the thread, unless that is told to accept no more. */
  readonly listeningFd: number;
  /** The port clients know; 0 for a unix socket. */
  readonly port: number;
  /** The eventfd that says that there are messages. */
  readonly wakeFd: number;
  /** The memory of a {@linkcode Board}. */
  readonly board: SharedArrayBuffer;
  /** Which requests are for our own pages; `null` for none. */
  readonly gate: AdminGate | null;
  /** What was commanded before, by another thread's time. */
  readonly commands: readonly Command[];
  /** Messages in both directions. */
  readonly messages: MessagePort;
}

/** To the thread of the data plane. */
export type ToThread =
  | { readonly type: "command"; readonly command: Command }
  | { readonly type: "call"; readonly id: number; readonly call: Call }
  /** Figures are wanted now. */
  | { readonly type: "figures-wanted"; readonly id: number }
  /** The response to a page request, in parts. */
  | {
    readonly type: "page-head";
    readonly id: number;
    readonly head: AdminHead;
  }
  | {
    readonly type: "page-part";
    readonly id: number;
    readonly part: Uint8Array;
  }
  | { readonly type: "page-done"; readonly id: number }
  | {
    readonly type: "page-broken";
    readonly id: number;
    readonly reason: string;
  };

/** From the thread of the data plane. */
export type FromThread =
  /** Clients are served, by the thread that the kernel knows by this number; `null` where it does not say. */
  | { readonly type: "serving"; readonly threadId: number | null }
  /** What has happened in one turn. */
  | { readonly type: "facts"; readonly facts: readonly Fact[] }
  | {
    readonly type: "figures";
    readonly revision: number;
    readonly figures: DataPlaneFigures;
  }
  | {
    readonly type: "reply";
    readonly id: number;
    readonly reply: Replies[Call["type"]];
  }
  /** It has become quiet after it was busy; what many connections have left behind has been collected. */
  | { readonly type: "quiet" }
  /** A callback has thrown, and has ended its connection. */
  | { readonly type: "fault"; readonly error: unknown }
  /** The loop cannot go on, or could not be begun: the thread ends. */
  | { readonly type: "died"; readonly reason: string }
  /** Nothing is served any more: the thread ends. */
  | { readonly type: "ended" }
  /** Somebody asks for a page of our own. */
  | {
    readonly type: "page-request";
    readonly id: number;
    readonly request: AdminRequest;
    readonly body: Uint8Array<ArrayBuffer>;
  }
  | { readonly type: "page-pull"; readonly id: number }
  | { readonly type: "page-cancel"; readonly id: number };
