/**
 * One worker's upstream, as the control plane knows it: where it is, what the
 * data plane was told of it, and what that counts.
 *
 * @module
 */

import type {
  DataPlane,
  UpstreamAddress,
  UpstreamFigures,
} from "../plane/contract.ts";
import { KeepAliveTrial } from "./keep_alive_trial.ts";

/** Keeps account of one upstream. Changes go to the data plane at once, but for those of the set. */
export class UpstreamRecord {
  readonly key: number;
  readonly #plane: DataPlane;
  #address: UpstreamAddress;
  /** Whether it is in the set, and has not refused a connection since. */
  #accepting = false;
  #retired = false;
  readonly #keepAlive = new KeepAliveTrial();
  /** Revision of the set by which it was taken out; 0 before it ever was. */
  #withdrawnBy = 0;
  /** What was counted of it until it was forgotten; `null` before. */
  #last: UpstreamFigures | null = null;

  /** Creates the record of an upstream that the data plane does not know yet. */
  constructor(address: UpstreamAddress, plane: DataPlane) {
    this.key = address.key;
    this.#address = address;
    this.#plane = plane;
  }

  /** Where it is. */
  get address(): UpstreamAddress {
    return this.#address;
  }

  /** Whether it may be given work. */
  get accepting(): boolean {
    return this.#accepting;
  }

  /** Whether it has been given up for good. */
  get retired(): boolean {
    return this.#retired;
  }

  /** What is counted of it. */
  get figures(): UpstreamFigures {
    return this.#last ?? this.#plane.figuresOf(this.key);
  }

  /** Whether it has nothing in flight but streams, and will be given no more. */
  get drained(): boolean {
    // An older set may still be in force, by which it is given requests.
    if (this.#accepting || this.#plane.revision < this.#withdrawnBy) {
      return false;
    }
    const { inFlight, streams } = this.figures;
    return inFlight <= streams;
  }

  /** Takes note of what was found out of it, before it is published for the first time. */
  locate(found: Pick<UpstreamAddress, "hostname" | "serial" | "pid">): void {
    this.#address = { ...this.#address, ...found };
  }

  /** It is in the set of that revision. */
  published(): void {
    this.#accepting = !this.#retired;
  }

  /** It was taken out with the set of that revision. */
  withdrawn(revision: number): void {
    this.#accepting = false;
    this.#withdrawnBy = revision;
  }

  /** It has refused a connection: it is given no work until it is published again. */
  refused(): void {
    this.#accepting = false;
  }

  /** Takes note of whether a probe got a response, by which connections to it are kept, or not. */
  probed(responded: boolean): void {
    const before = this.#keepAlive.kept;
    const kept = this.#keepAlive.probed(responded);
    if (kept === before || this.#retired) return;
    this.#plane.send({ type: "keep-alive", key: this.key, kept });
  }

  /** Gives it up for good. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#accepting = false;
    this.#plane.send({ type: "retire", key: this.key });
  }

  /** It is gone, and nothing changes any more in what is counted of it. */
  forget(): void {
    this.#last ??= this.figures;
    this.#plane.send({ type: "forget", key: this.key });
  }
}
