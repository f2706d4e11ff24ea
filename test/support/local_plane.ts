/**
 * A data plane that serves no clients: tests claim and release by themselves.
 *
 * @module
 */

import { resolveOptions } from "../../src/config/options.ts";
import type {
  Call,
  Command,
  DataPlane,
  DataPlaneFigures,
  Fact,
  Replies,
  UpstreamFigures,
} from "../../src/plane/contract.ts";
import { LocalPlane } from "../../src/plane/local.ts";
import type { Dispatcher } from "../../src/upstream/dispatcher.ts";

/** Carries the contract to `dispatcher`. */
export function planeOf(dispatcher: Dispatcher): DataPlane {
  return new CloningPlane(
    new LocalPlane(structuredClone(resolveOptions({})), dispatcher),
  );
}

/** Copies all that crosses, as if it went to another thread: what cannot go there throws. */
export class CloningPlane implements DataPlane {
  readonly #plane: DataPlane;

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  get revision(): number {
    return this.#plane.revision;
  }

  send(command: Command): void {
    this.#plane.send(structuredClone(command));
  }

  async ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null> {
    return structuredClone(await this.#plane.ask(structuredClone(call)));
  }

  refresh(): Promise<void> {
    return this.#plane.refresh();
  }

  figuresOf(key: number): UpstreamFigures {
    return structuredClone(this.#plane.figuresOf(key));
  }

  figures(): DataPlaneFigures {
    return structuredClone(this.#plane.figures());
  }

  subscribe(listener: (fact: Fact) => void): () => void {
    return this.#plane.subscribe((fact) => listener(structuredClone(fact)));
  }
}

/** Carries nothing down before it is told to, if it is late: the data plane of a thread that is busy. */
export class LatePlane implements DataPlane {
  late = false;
  readonly #plane: DataPlane;
  readonly #waiting: (() => void)[] = [];

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** Carries down what has been sent and asked, in that order. */
  deliver(): void {
    for (const carry of this.#waiting.splice(0)) carry();
  }

  get revision(): number {
    return this.#plane.revision;
  }

  send(command: Command): void {
    this.#carry(() => this.#plane.send(command));
  }

  ask<C extends Call>(call: C): Promise<Replies[C["type"]] | null> {
    return new Promise((resolve) => {
      this.#carry(() => resolve(this.#plane.ask(call)));
    });
  }

  refresh(): Promise<void> {
    return this.#plane.refresh();
  }

  figuresOf(key: number): UpstreamFigures {
    return this.#plane.figuresOf(key);
  }

  figures(): DataPlaneFigures {
    return this.#plane.figures();
  }

  subscribe(listener: (fact: Fact) => void): () => void {
    return this.#plane.subscribe(listener);
  }

  #carry(down: () => void): void {
    this.#waiting.push(down);
    if (!this.late) this.deliver();
  }
}
