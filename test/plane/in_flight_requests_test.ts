/** Which of a worker's requests are blamed for what becomes of it. */

import assert from "node:assert/strict";
import { NO_SUSPECTS } from "../../src/plane/contract.ts";
import { InFlightRequests } from "../../src/plane/in_flight_requests.ts";
import { CoreStand } from "../support/core/core_stand.ts";
import type { ScriptedLink } from "../support/core/scripted_link.ts";
import { get, ok } from "../support/message_text.ts";
import { toBytes } from "../support/raw_socket.ts";

/** Longer than a worker must have had a request to be killed for it. */
const LONG_MS = 200;

const KILLED = {
  cause: "external-signal",
  description: "was killed",
} as const;

/** A worker of one request at a time, and what is asked of those it has. */
class Scene {
  readonly stand = new CoreStand({ settings: { workerConcurrency: 1 } });
  readonly worker = this.stand.upstreams[0]!;
  readonly inFlight = new InFlightRequests(
    this.stand.engine.suspects,
    this.stand.clock,
  );
  /** Connections to workers, in the order in which they were made. */
  readonly links: ScriptedLink[] = [];

  constructor() {
    this.stand.onConnect = (attempt) => () => {
      const link = this.stand.newWorkerLink();
      this.links.push(link);
      attempt.succeed(link);
    };
  }

  /** A client asks for `path`. */
  ask(path: string): ScriptedLink {
    const client = this.stand.accept();
    client.deliver(toBytes(get(path)));
    this.stand.run();
    return client;
  }

  /** The worker responds over its newest connection, which it keeps. */
  respond(): void {
    this.links.at(-1)!.deliver(toBytes(ok("ok")));
    this.stand.run();
  }

  /** The worker is killed; returns the targets of those that are suspected. */
  kill(): readonly string[] {
    const { suspects } = this.inFlight.lose(this.worker, KILLED);
    return suspects.map(({ target }) => target);
  }
}

Deno.test("the one request that a killed worker has had for long is suspected", () => {
  const scene = new Scene();
  scene.ask("/held");
  scene.stand.pass(LONG_MS);
  assert.deepEqual(scene.kill(), ["/held"]);
});

Deno.test("one that has waited for long in the queue, and was with the killed worker for a moment, is not", () => {
  const scene = new Scene();
  scene.ask("/first");
  scene.ask("/queued");
  scene.stand.pass(LONG_MS);
  scene.respond();
  const [exchange] = scene.worker.exchanges;
  assert.equal(exchange?.request.describe().target, "/queued");
  assert.deepEqual(
    scene.inFlight.lose(scene.worker, KILLED),
    NO_SUSPECTS,
  );
  scene.stand.pass(LONG_MS);
  assert.deepEqual(scene.kill(), ["/queued"]);
});
