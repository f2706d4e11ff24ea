/**
 * Makes the data plane: the one place where the control plane knows what
 * carries the contract.
 *
 * @module
 */

import type { EventEmitter } from "../events/mod.ts";
import { LocalPlane } from "../plane/local.ts";
import type { DataPlaneSettings } from "../plane/plane_host.ts";

/** A data plane that can be begun with. */
export type ServingPlane = LocalPlane;

/** Makes a data plane that does not serve yet, whose events `events` emits. */
export function openPlane(
  settings: DataPlaneSettings,
  events: EventEmitter,
): ServingPlane {
  const plane = new LocalPlane(settings);
  plane.subscribe((fact) => {
    if (fact.type === "event") events.emit(fact.event);
  });
  events.watchAccess((wanted) => plane.send({ type: "report-access", wanted }));
  return plane;
}
