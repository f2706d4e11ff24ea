/** When a data plane is quiet after work: then memory is given back. */

import assert from "node:assert/strict";
import { QuietWatch, type Remainder } from "../../src/plane/quiet_watch.ts";

/** More looks than it takes to be sure. */
const LONG = 100;

/** More than is worth a collection. */
const MUCH = 10_000;

class Scene {
  readonly watch = new QuietWatch();
  requests = 0;
  clientConnections = 0;

  /** How often it was found to be quiet in many looks, `requests` being served between them. */
  rest(requests = 0): number {
    return this.remainders(requests).length;
  }

  /** What was to be given back then. */
  remainders(requests = 0): Remainder[] {
    const found: Remainder[] = [];
    for (let i = 0; i < LONG; i++) {
      this.requests += requests;
      const remainder = this.watch.look(this);
      if (remainder !== null) found.push(remainder);
    }
    return found;
  }
}

Deno.test("it is quiet once after the start", () => {
  const scene = new Scene();
  assert.equal(scene.rest(), 1);
  assert.equal(scene.rest(), 0);
});

Deno.test("it is quiet once after each load, and never during it", () => {
  const scene = new Scene();
  scene.rest();
  for (let i = 0; i < 3; i++) {
    assert.equal(scene.rest(MUCH / LONG), 0);
    assert.equal(scene.rest(), 1);
    assert.equal(scene.rest(), 0);
  }
});

Deno.test("a request now and then does not keep it from being quiet", () => {
  const scene = new Scene();
  scene.rest();
  scene.rest(MUCH / LONG);
  assert.equal(scene.rest(1), 1);
});

Deno.test("what goes on after a load that was many times as large does not either, and is no reason itself", () => {
  const scene = new Scene();
  scene.rest();
  scene.rest(MUCH);
  assert.equal(scene.rest(MUCH / LONG), 1);
  assert.equal(scene.rest(MUCH / LONG), 0);
});

Deno.test("connections that come or go are work, too", () => {
  const scene = new Scene();
  scene.rest();
  scene.clientConnections = MUCH;
  assert.equal(scene.rest(), 1);
  scene.clientConnections = 0;
  assert.equal(scene.rest(), 1);
});

Deno.test("what few connections have left stays with what is compiled for them", () => {
  const scene = new Scene();
  assert.deepEqual(scene.remainders(), ["all"]);
  scene.clientConnections = 100;
  scene.rest(MUCH / LONG);
  scene.clientConnections = 0;
  assert.deepEqual(scene.remainders(), ["elsewhere"]);
  scene.clientConnections = MUCH;
  assert.deepEqual(scene.remainders(), ["all"]);
});

Deno.test("after little work there is nothing to collect", () => {
  const scene = new Scene();
  scene.rest();
  scene.requests += 50;
  assert.equal(scene.rest(), 0);
});
