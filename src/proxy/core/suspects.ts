/**
 * Which requests have cost workers of late, so that they are not sent on to
 * take others with them.
 *
 * A request is known by its method and path: those that differ in their query
 * alone are one, so that `/die?n=1` and `/die?n=2` count together. When several
 * were in flight as a worker ended, any of them may have been the reason; who
 * gets a good response after all was not.
 *
 * Pure: the time is handed in. Bounded in number and time.
 *
 * @module
 */

import type { Loss } from "../../upstream/suspicion.ts";
import type { Upstream } from "../../upstream/upstream.ts";

/** Losses from which on a request is not sent again: once is an accident. */
export const MAX_LOSSES = 2;

/** How long a loss is remembered, in milliseconds: who asks every few minutes is still known. */
const LOSS_MEMORY_MS = 300_000;

/** How long a worker may take to end after it has closed a connection unanswered, in milliseconds: some write their logs first. */
const LATE_END_MS = 2_000;

/** Requests that a worker has left unanswered of late and that are remembered. */
const MAX_UNANSWERED = 16;

/** Methods and paths that are remembered; beyond, those are forgotten first that have cost nothing for longest. */
const MAX_REMEMBERED = 256;

/** Targets of one method and path that are told apart in one loss; of more, all are taken to be the reason. */
const MAX_TARGETS = 16;

/** Characters of a target by which it is remembered. Two that differ later are taken for one. */
const MAX_TARGET_LENGTH = 256;

/** What is known of a request that may have cost a worker. */
export interface RequestLine {
  readonly method: string;
  /** As sent, query included. */
  readonly target: string;
}

/** How a worker was lost. */
export interface LossRecord {
  /** On the clock of the driver. */
  readonly at: number;
  /** Whether a response to the same request would show that it was not the reason. */
  readonly refutable: boolean;
  /** Whether it has turned out that another request was. @default {it has not} */
  readonly loss?: Loss;
}

/** One loss that a method and path had a part in. */
interface Involvement {
  readonly at: number;
  readonly loss: Loss | undefined;
  /** Targets that may be the reason; `null` where it is certain to be one of them. */
  readonly targets: Set<string> | null;
}

/** A request that a worker has left unanswered. */
interface Unanswered {
  readonly at: number;
  readonly request: RequestLine;
}

/** Remembers requests that have cost workers. */
export class Suspects {
  /** By method and path, with the last losses of each. The latest to cost a worker last. */
  readonly #involvements = new Map<string, readonly Involvement[]>();
  readonly #unanswered = new WeakMap<Upstream, readonly Unanswered[]>();

  /** Methods and paths that are remembered. While there are none, nobody need be asked about. */
  get size(): number {
    return this.#involvements.size;
  }

  /** Notes that a worker was lost which had `requests` in flight, and no others that may be the reason. */
  record(
    requests: readonly RequestLine[],
    { at, refutable, loss }: LossRecord,
  ): void {
    for (const [key, lines] of Map.groupBy(requests, keyOf)) {
      const targets = new Set(lines.map(targetOf));
      const certain = !refutable || targets.size > MAX_TARGETS;
      const before = this.#involvements.get(key) ?? [];
      this.#involvements.delete(key);
      this.#involvements.set(
        key,
        [...before, { at, loss, targets: certain ? null : targets }]
          .slice(-MAX_LOSSES),
      );
    }
    for (const key of this.#involvements.keys()) {
      if (this.#involvements.size <= MAX_REMEMBERED) break;
      this.#involvements.delete(key);
    }
  }

  /** Notes that a worker has closed the connection on a request, and lives: where it ends by itself soon after, that may be the reason. */
  noteUnanswered(
    upstream: Upstream,
    request: RequestLine,
    now: () => number,
  ): void {
    const before = this.#unanswered.get(upstream);
    this.#unanswered.set(
      upstream,
      [...before ?? [], { at: now(), request }].slice(-MAX_UNANSWERED),
    );
    if (before !== undefined) return;
    upstream.onEnd(({ cause }) => {
      if (cause !== "self-inflicted") return;
      const at = now();
      const late = this.#unanswered.get(upstream)!
        .filter((unanswered) => at - unanswered.at <= LATE_END_MS);
      const requests = late.map((unanswered) => unanswered.request);
      this.record(requests, { at, refutable: true });
    });
  }

  /** Workers lost of late with the method and path of `request` in flight; not counted beyond {@linkcode MAX_LOSSES}. */
  losses(request: RequestLine, now: number): number {
    const involvements = this.#involvements.get(keyOf(request)) ?? [];
    return involvements.filter((involvement) => !isOver(involvement, now))
      .length;
  }

  /** Whether it has cost so many that it is not sent again. */
  deadly(request: RequestLine, now: number): boolean {
    return this.losses(request, now) >= MAX_LOSSES;
  }

  /** Notes that a worker has responded well to `request`, and lives. */
  refute(request: RequestLine): void {
    const key = keyOf(request);
    const involvements = this.#involvements.get(key);
    if (involvements === undefined) return;
    const target = targetOf(request);
    const left = involvements.filter(({ targets }) =>
      targets === null || !targets.delete(target) || targets.size > 0
    );
    if (left.length > 0) this.#involvements.set(key, left);
    else this.#involvements.delete(key);
  }

  /** Forgets what is long ago. */
  expire(now: number): void {
    for (const [key, involvements] of this.#involvements) {
      if (involvements.every((involvement) => isOver(involvement, now))) {
        this.#involvements.delete(key);
      }
    }
  }
}

function isOver({ at, loss }: Involvement, now: number): boolean {
  return now - at > LOSS_MEMORY_MS || loss?.solved === true;
}

function keyOf({ method, target }: RequestLine): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  return `${method} ${path.slice(0, MAX_TARGET_LENGTH)}`;
}

/** Put together, so that it does not keep the whole of a long head in memory. */
function targetOf({ method, target }: RequestLine): string {
  return `${method} ${target.slice(0, MAX_TARGET_LENGTH)}`;
}
