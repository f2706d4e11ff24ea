/**
 * The shapes by which states are told apart without their colours.
 *
 * @module
 */

import { raw } from "npm:hono@^4.13.19/html";
import type { HtmlEscapedString } from "npm:hono@^4.13.19/utils/html";

/** Paths on a square of 16, by what they stand for. */
const PATHS: Readonly<Record<string, string>> = {
  // A full disc: it does what it should.
  "shape-ready": '<circle cx="8" cy="8" r="6"/>',
  // Half a disc: on its way.
  "shape-starting":
    '<path d="M8 2a6 6 0 0 1 0 12z"/><circle cx="8" cy="8" r="5.2" class="line"/>',
  // A ring: ready, and held back.
  "shape-spare": '<circle cx="8" cy="8" r="4.6" class="thick"/>',
  // Nothing in particular.
  "shape-dot": '<circle cx="8" cy="8" r="3"/>',
  // A warning triangle.
  "shape-unhealthy": '<path d="M8 1.6 15.2 14H.8z"/>',
  // An arrow downwards: it leaves.
  "shape-draining": '<path d="M8 14.4 1.4 6.6h3.8V1.6h5.6v5h3.8z"/>',
  // A square: it has been told to stop.
  "shape-terminating": '<rect x="2.5" y="2.5" width="11" height="11" rx="1"/>',
  "shape-exited": '<path class="thick" d="m3 3 10 10M13 3 3 13"/>',
  // A cross: nobody is there.
  "shape-waiting": '<path class="thick" d="m3 3 10 10M13 3 3 13"/>',
  // A diamond: kept for old clients.
  "shape-former": '<path d="m8 1 7 7-7 7-7-7z"/>',
  // One in front, and those it has forked.
  "logo":
    '<circle cx="4" cy="12" r="3"/><path class="line" d="M6.500 11 C12 10 9 5 15 4.500M7 12h8M6.500 13C12 14 9 19 15 19.500"/>' +
    '<circle cx="18.500" cy="4.500" r="2.500"/><circle cx="18.500" cy="12" r="2.500"/><circle cx="18.500" cy="19.500" r="2.500"/>',
};

/** All of them, for `<use>`. Not seen where it stands. */
export const SHAPES: HtmlEscapedString = raw(
  '<svg class="unseen" aria-hidden="true"><defs>' +
    Object.entries(PATHS).map(([name, path]) =>
      `<symbol id="${name}" viewBox="0 0 ${
        name === "logo" ? "24 24" : "16 16"
      }">${path}</symbol>`
    ).join("") +
    "</defs></svg>",
);
