/**
 * What is logged.
 *
 * @module
 */

import { choice, filePath, integer, toggleOr } from "../kinds.ts";
import { count, setting } from "./setting.ts";

/** Four MiB a second are 345 GB a day: more than anybody keeps. A burst may have five times as much. */
const DEFAULT_BYTES_PER_SECOND = 4 * 1024 * 1024;

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
  /**
   * How a log line looks. `journal` is text with a priority in front, and
   * without the time, which the journal has; `auto` takes it where the log
   * goes to systemd's journal, and else `text`.
   */
  logFormat: setting({
    kind: choice(["auto", "text", "json", "journal"]),
    default: "auto",
    help: "text; json; journal: <N>text; auto: journal under systemd or text",
    embeddable: false,
    generic: true,
  }),
  /**
   * Whether each request is logged: as everything else is, as a JSON object, or
   * in the combined format of Apache and nginx.
   */
  accessLog: setting({
    kind: toggleOr(["json", "combined"]),
    default: "off",
    help: "log each request: on (as LOG_FORMAT says), json, combined",
    embeddable: false,
    generic: true,
  }),
  /**
   * What becomes of the workers' output: it is logged with the worker's number
   * in front (as JSON where the log is), passed on as it is, made JSON objects
   * of, or not written.
   */
  workerLogs: setting({
    kind: choice(["prefix", "raw", "json", "off"]),
    default: "prefix",
    help: "workers' output: prefix (json in a JSON log), raw, json, off",
    embeddable: false,
  }),
  /** File for the workers' output; `{id}` in it is the number of the worker. `null` is the log. */
  workerLogFile: setting({
    kind: filePath,
    default: null,
    help: "file for it instead; {id} is the worker; reopened on SIGHUP",
    embeddable: false,
  }),
  /** Lines a second of each worker's output, and five times as many at once; beyond, they are dropped. 0 is no limit. */
  workerLogRate: setting({
    kind: count,
    default: 10_000,
    help: "lines a second of each worker, bursts of five times; 0: any",
  }),
  /** Bytes a second of each worker's output, likewise. 0 is no limit. */
  workerLogBytes: setting({
    kind: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    default: DEFAULT_BYTES_PER_SECOND,
    help: "bytes a second of each worker's lines, likewise; 0: any",
  }),
} as const;
