/**
 * The loop, tried with whatever peers, handlers and the kernel may do: clients
 * that come, cut and reset, sends and receives that move little, descriptors
 * that run out and are used again at once. Buffers are poisoned when they are
 * given back, and descriptors are kept book of.
 *
 * `FUZZ_SEED` and `FUZZ_ITERATIONS` choose what is tried.
 */

import assert from "node:assert/strict";
import { ERRNO } from "../../../src/transport/epoll/abi.ts";
import type { EpollLink } from "../../../src/transport/epoll/link.ts";
import { fuzzOptions } from "../../fuzz/fuzz.ts";
import { Random } from "../../fuzz/random.ts";
import { fuzzClient, FuzzPump, interferenceOf, join } from "./loop_fuzz.ts";
import { LoopStand } from "./loop_stand.ts";

const DEFAULT_CONNECTIONS = 500;

/** Clients at once. */
const AT_ONCE = 40;

/** Connections of which the server ends one before its time. */
const CUT_RATIO = 12;

/** Connections of which one finds no descriptor. */
const EXHAUSTED_RATIO = 150;

/** Sends back what comes. */
function echo(stand: LoopStand, random: Random, link: EpollLink): void {
  const pump: FuzzPump = new FuzzPump(stand, random, {
    link,
    sink: link,
    onOver: (broken): void => {
      pump.stop();
      if (broken || random.below(4) === 0) link.close();
      else link.finish();
    },
  });
  link.handler = join(pump, pump);
  if (random.below(CUT_RATIO) === 0) {
    stand.loop.after(random.below(20), () => {
      pump.stop();
      if (random.below(2) === 0) link.close();
      else link.finish();
    });
  }
  link.resume();
}

/** Passes on to an echo what comes, and back what comes of it. */
function relay(
  stand: LoopStand,
  random: Random,
  { link, port }: { link: EpollLink; port: number },
): void {
  const attempt = stand.connector.connect({ hostname: "127.0.0.1", port }, {
    onConnected: (other): void => {
      tie(stand, random, link, other as EpollLink);
    },
    onConnectFailed: ({ reason }): void => {
      assert.equal(reason, "exhausted");
      link.close();
    },
  });
  link.handler = {
    onData: (): void => link.pause(),
    onEnd: (): void => {
      attempt.cancel();
      link.close();
    },
    onWritten: (): void => {},
  };
  link.watch(true);
}

function tie(
  stand: LoopStand,
  random: Random,
  client: EpollLink,
  worker: EpollLink,
): void {
  const close = (): void => {
    there.stop();
    back.stop();
    client.close();
    worker.close();
  };
  const there: FuzzPump = new FuzzPump(stand, random, {
    link: client,
    sink: worker,
    onOver: (broken): void => broken ? close() : worker.endWrite(),
  });
  const back: FuzzPump = new FuzzPump(stand, random, {
    link: worker,
    sink: client,
    onOver: (broken): void => {
      if (broken) return close();
      there.stop();
      worker.close();
      client.finish();
    },
  });
  client.handler = join(there, back);
  worker.handler = join(back, there);
  // What was taken in while it was being connected.
  if (client.input.available > 0) there.onData(client);
  else client.resume();
  worker.resume();
}

Deno.test("whatever peers and handlers do, nobody gets octets but his own, and nothing is left", async () => {
  const { seed, iterations } = fuzzOptions(DEFAULT_CONNECTIONS);
  const random = new Random(seed, 0);
  await using stand = new LoopStand();
  const origin = stand.listen({
    onAccept: (link) => echo(stand, random, link),
  });
  const proxy = stand.listen({
    onAccept: (link) => relay(stand, random, { link, port: origin.port }),
  });
  stand.libc.interference = interferenceOf(random);

  let next = 0;
  let complete = 0;
  async function clients(): Promise<void> {
    while (next < iterations) {
      const stream = next++;
      if (random.below(EXHAUSTED_RATIO) === 0) {
        const name = random.pick(["socket", "accept4", "pipe2"] as const);
        stand.libc.failNext(name, random.pick([ERRNO.EMFILE, ERRNO.ENOMEM]));
      }
      const port = random.pick([origin.port, proxy.port]);
      const outcome = await fuzzClient(
        port,
        stream,
        new Random(seed, 1 + stream),
      );
      if (outcome.complete) complete++;
      stand.assertLogged();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, clients));
  await stand.until(
    () => origin.listener.connections + proxy.listener.connections === 0,
    "the last close",
  );
  assert.deepEqual(stand.errors, []);
  // It would prove nothing if all of them were cut.
  assert.ok(complete > iterations / 4, `${complete} streams complete`);
  assert.ok(stand.libc.count("splice") > iterations, "much went unseen");
});
