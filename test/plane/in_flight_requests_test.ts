/** Which of a worker's requests are blamed for what becomes of it. */

import assert from "node:assert/strict";
import { NO_SUSPECTS } from "../../src/plane/contract.ts";
import { InFlightRequests } from "../../src/plane/in_flight_requests.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  CoreStand,
  type CoreStandOptions,
} from "../support/core/core_stand.ts";
import type { ScriptedLink } from "../support/core/scripted_link.ts";
import { get, ok } from "../support/message_text.ts";
import { toBytes } from "../support/raw_socket.ts";

/** Longer than a worker must have had a request to be killed for it. */
const LONG_MS = 200;

const ONE_AT_A_TIME = { settings: { workerConcurrency: 1 } } as const;

const KILLED = {
  cause: "external-signal",
  description: "was killed",
} as const;

/** Workers, and what is asked of the requests they have. */
class Scene {
  readonly stand: CoreStand;
  /** The first of them. */
  readonly worker: Upstream;
  readonly inFlight: InFlightRequests;
  /** Connections to workers, in the order in which they were made. */
  readonly links: ScriptedLink[] = [];

  constructor(options: CoreStandOptions) {
    this.stand = new CoreStand(options);
    const { upstreams, engine, clock } = this.stand;
    this.worker = upstreams[0]!;
    this.inFlight = new InFlightRequests(engine.suspects, clock);
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

function targetsAt({ exchanges }: Upstream): readonly string[] {
  return [...exchanges].map(({ request }) => request.describe().target);
}

Deno.test("the one request that a killed worker has had for long is suspected", () => {
  const scene = new Scene(ONE_AT_A_TIME);
  scene.ask("/held");
  scene.stand.pass(LONG_MS);
  assert.deepEqual(scene.kill(), ["/held"]);
});

Deno.test("one that has waited for long in the queue, and was with the killed worker for a moment, is not", () => {
  const scene = new Scene(ONE_AT_A_TIME);
  scene.ask("/first");
  scene.ask("/queued");
  scene.stand.pass(LONG_MS);
  scene.respond();
  assert.deepEqual(targetsAt(scene.worker), ["/queued"]);
  assert.deepEqual(
    scene.inFlight.lose(scene.worker, KILLED),
    NO_SUSPECTS,
  );
  scene.stand.pass(LONG_MS);
  assert.deepEqual(scene.kill(), ["/queued"]);
});

/** Two workers, of which the second was given `/first`, and then `/before`, which is older and was with the other one. */
function sceneOfMoved(): Scene {
  const scene = new Scene({ workers: 2 });
  scene.ask("/before");
  scene.stand.pass(LONG_MS);
  scene.ask("/first");
  scene.links[0]!.deliverEnd();
  scene.stand.run();
  scene.stand.pass(LONG_MS);
  const [, second] = scene.stand.upstreams;
  assert.deepEqual(targetsAt(second!), ["/first", "/before"]);
  return scene;
}

Deno.test("a worker that computes keeps what it was given first, though another came before that and was elsewhere", () => {
  const scene = sceneOfMoved();
  const [closing, blocked] = scene.stand.upstreams;
  scene.inFlight.recall(blocked!, "blocked");
  scene.stand.pass(LONG_MS);
  assert.deepEqual(targetsAt(blocked!), ["/first"]);
  assert.deepEqual(targetsAt(closing!), ["/before"]);
});

Deno.test("of the requests of a worker that has ended the one that it was given last is named first", () => {
  const scene = sceneOfMoved();
  const [, ended] = scene.stand.upstreams;
  const { suspects } = scene.inFlight.lose(ended!, {
    cause: "self-inflicted",
    description: "exited with code 1",
  });
  assert.deepEqual(
    suspects.map(({ target }) => target),
    ["/before", "/first"],
  );
});

Deno.test("what is taken from a worker that hangs is not counted as if its connection had been idle for too long", () => {
  const scene = new Scene({});
  scene.ask("/earlier");
  scene.respond();
  scene.ask("/held");
  scene.inFlight.recall(scene.worker, "stuck");
  assert.deepEqual(
    [...scene.stand.counters.retriesByReason()].filter(([, count]) =>
      count > 0
    ),
    [["upstream-closed", 1]],
  );
});
