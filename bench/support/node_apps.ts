/**
 * The applications that are run behind the peers, and what is asked of them.
 *
 * @module
 */

import type { Application } from "../peers/app_peer.ts";
import { buildNext, NEXT_ENV } from "./next_build.ts";
import { missingFromDebian, nodeProgram, peerFile } from "./programs.ts";

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
  /**
   * Requests a second that count as all that the workers can do, where that
   * cannot be found out by keeping them busy: they wait, or do more than the
   * generator.
   */
  readonly rate?: number;
  /** What to install when something is missing, otherwise `null`. */
  readonly missing?: () => string | null;
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
    {
      name: "waiting",
      description: "all wait for 50 ms, 570 requests a second at 100 %",
      program: peerFile("apps/beside_app.mjs"),
      env: { UNITS_PER_MS: "0" },
      targets: [{ path: "/wait?ms=50", percent: 100 }],
      rate: 570,
    },
    {
      name: "quick",
      description: "less than 1 ms each, 1,430 requests a second at 100 %",
      program: peerFile("apps/beside_app.mjs"),
      env: { UNITS_PER_MS: "0" },
      targets: [{ path: "/", percent: 100 }],
      rate: 1_430,
    },
    {
      name: "php",
      description: "php -S with 4 children, 20 ms of waiting each, 340 " +
        "requests a second at 100 %",
      program: peerFile("apps/calls_app.php"),
      shellCommand: 'php -S "127.0.0.1:$PORT" "$APP"',
      env: {
        APP: peerFile("apps/calls_app.php"),
        PHP_CLI_SERVER_WORKERS: "4",
      },
      targets: [{ path: "/", percent: 100 }],
      rate: 340,
      missing: () => missingFromDebian("php", "php-cli"),
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
