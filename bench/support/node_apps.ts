/**
 * The applications that are run behind the peers, and what is asked of them.
 *
 * @module
 */

import type { Application } from "../peers/app_peer.ts";
import { nodeProgram, peerFile } from "./programs.ts";

/** A request that is made in so many percent of the cases. */
export interface Target {
  readonly path: string;
  readonly percent: number;
}

/** An application with the requests that are made to it. */
export interface LoadedApplication extends Application {
  readonly description: string;
  /** Their percentages add up to 100. */
  readonly targets: readonly Target[];
}

/** Most requests are short and some are long: it is behind these that others wait. */
export function applications(): readonly LoadedApplication[] {
  return [
    {
      name: "cpu",
      description: "90 % compute 3 ms, 10 % 40 ms",
      program: peerFile("apps/cpu_app.mjs"),
      env: { UNITS_PER_MS: unitsPerMs() },
      targets: [
        { path: "/work?ms=3", percent: 90 },
        { path: "/work?ms=40", percent: 10 },
      ],
    },
    {
      name: "react",
      description: "React on the server: 90 % 50 products, 10 % 500",
      program: peerFile("apps/react_app.mjs"),
      env: { NODE_ENV: "production" },
      targets: [
        { path: "/shop?products=50", percent: 90 },
        { path: "/shop?products=500", percent: 10 },
      ],
    },
  ];
}

/** Measured once, so that all workers do the same however busy the machine is when they start. */
function unitsPerMs(): string {
  const { stdout } = new Deno.Command(nodeProgram(), {
    args: [peerFile("apps/burn.mjs")],
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
