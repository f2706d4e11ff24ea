/**
 * What is logged.
 *
 * @module
 */

import { choice, toggle } from "../kinds.ts";
import { setting } from "./setting.ts";

/** The settings under the heading "Log", in the order of the help. */
export const LOG_SETTINGS = {
  /** Least important level that is logged. */
  logLevel: setting({
    kind: choice(["debug", "info", "warning", "error"]),
    default: "info",
    help: "least important level shown: debug, info, warning, error",
    embeddable: false,
    generic: true,
    essential: true,
  }),
  /** How a log line looks. */
  logFormat: setting({
    kind: choice(["text", "json"]),
    default: "text",
    help: "text, or json for a JSON object a line",
    embeddable: false,
    generic: true,
  }),
  /** Whether each request is logged. */
  accessLog: setting({
    kind: toggle,
    default: false,
    help: "log each request",
    embeddable: false,
    generic: true,
  }),
} as const;
