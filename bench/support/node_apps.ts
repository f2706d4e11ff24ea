/**
 * The applications that are run behind the peers, and what is asked of them.
 *
 * @module
 */

import type { Application } from "../peers/app_peer.ts";
import { buildNext, NEXT_ENV } from "./next_build.ts";
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
  /** What has to be done before it can be started, if it was not done. */
  readonly build?: (signal: AbortSignal) => Promise<void>;
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
    {
      name: "express",
      description: "Express, a search as JSON: 90 % 500 orders, 10 % 3000",
      program: peerFile("apps/express_app.mjs"),
      env: { NODE_ENV: "production" },
      targets: [
        { path: "/orders?limit=500", percent: 90 },
        { path: "/orders?limit=3000", percent: 10 },
      ],
    },
    {
      name: "next",
      description: "Next.js, app router: 90 % 20 products, 10 % 200",
      program: peerFile("apps/next_app.mjs"),
      env: NEXT_ENV,
      targets: [
        { path: "/?products=20", percent: 90 },
        { path: "/?products=200", percent: 10 },
      ],
      build: buildNext,
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
