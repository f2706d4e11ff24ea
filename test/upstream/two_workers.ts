/**
 * The model of a pool of two workers with nothing set.
 *
 * @module
 */

import {
  DispatchModel,
  type DispatchModelOptions,
} from "../../src/simulate/dispatch_model.ts";

/** Makes one; `options` are what differs. */
export function twoWorkers(
  options: Partial<DispatchModelOptions> = {},
): DispatchModel {
  return new DispatchModel({
    workers: 2,
    policy: "round-robin",
    workerConcurrency: "auto",
    ...options,
  });
}
