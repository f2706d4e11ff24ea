/**
 * What is said to a person, and what several kinds of messages say alike. Pure.
 *
 * @module
 */

import type { WaitingRequest } from "../events/mod.ts";
import { roundedDuration } from "../shared/duration.ts";

/** Longest part of a target that is shown, in characters. */
const MAX_TARGET_LENGTH = 200;

/** How important a message is. */
export type MessageLevel = "debug" | "info" | "warning" | "error";

/** What an event says. */
export interface EventMessage {
  readonly level: MessageLevel;
  /** One line. */
  readonly text: string;
  /** Further lines, for those who have no access to the event's fields. */
  readonly details: readonly string[];
}

/** Makes a message. */
export function say(
  level: MessageLevel,
  text: string,
  details: readonly string[] = [],
): EventMessage {
  return { level, text, details };
}

/** Returns a request that waits, in a few words. */
export function request(waiting: WaitingRequest): string {
  return `${waiting.method} ${waiting.path}, ${
    roundedDuration(waiting.ageMs)
  } old, ` +
    `request ${waiting.requestId}`;
}

/** Returns a target that is short enough for a line. */
export function shortened(target: string): string {
  return target.length <= MAX_TARGET_LENGTH
    ? target
    : `${target.slice(0, MAX_TARGET_LENGTH)}...`;
}
