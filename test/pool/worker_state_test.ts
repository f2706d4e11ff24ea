/**
 * The life of a worker, as a table.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  deadlineOf,
  transition,
  TRANSITIONS,
  type WorkerInput,
  type WorkerState,
} from "../../src/pool/worker_state.ts";

const STATUS = { code: 0, signal: null };

const STATES: readonly WorkerState[] = [
  { type: "starting", deadline: 10 },
  { type: "ready", since: 20 },
  { type: "unhealthy", since: 30 },
  { type: "draining", reason: "stop", deadline: 40 },
  { type: "terminating", cause: "drained", killAt: 50 },
  { type: "exited", status: STATUS },
];

const INPUTS: readonly WorkerInput[] = [
  { type: "passed", now: 1 },
  { type: "failed", now: 2 },
  { type: "drain", reason: "scale-down", deadline: 3 },
  { type: "terminate", cause: "drain-timeout", killAt: 4 },
  { type: "kill", cause: "drained" },
  { type: "exit", status: STATUS },
  { type: "extend", deadline: 5 },
];

Deno.test("every transition of the table leads where it says, and every other one throws", () => {
  for (const state of STATES) {
    for (const input of INPUTS) {
      const target = TRANSITIONS[state.type][input.type];
      if (target === undefined) {
        assert.throws(() => transition(state, input), {
          message:
            `Cannot change a worker's state: "${input.type}" is impossible while ${state.type}`,
        });
      } else {
        assert.equal(transition(state, input).type, target);
      }
    }
  }
});

Deno.test("a worker is never given work again once it drains", () => {
  const reachable = new Set<string>(["draining"]);
  for (const name of reachable) {
    const targets = TRANSITIONS[name as WorkerState["type"]];
    for (const target of Object.values(targets)) reachable.add(target);
  }
  assert.deepEqual([...reachable], ["draining", "terminating", "exited"]);
});

Deno.test("every state can end, and nothing follows the end", () => {
  for (const { type } of STATES) {
    const expected = type === "exited" ? undefined : "exited";
    assert.equal(TRANSITIONS[type].exit, expected);
  }
  assert.deepEqual(TRANSITIONS.exited, {});
});

Deno.test("a state carries what its input brought", () => {
  assert.deepEqual(
    INPUTS.slice(0, 4).map((input, i) =>
      transition(STATES[[0, 1, 1, 3][i]!]!, input)
    ),
    [
      { type: "ready", since: 1 },
      { type: "unhealthy", since: 2 },
      { type: "draining", reason: "scale-down", deadline: 3 },
      { type: "terminating", cause: "drain-timeout", killAt: 4 },
    ],
  );
});

Deno.test("a worker is killed once", () => {
  const killed = transition(STATES[4]!, { type: "kill", cause: "drained" });
  assert.deepEqual(killed, {
    type: "terminating",
    cause: "drained",
    killAt: Infinity,
  });
  assert.equal(deadlineOf(killed), Infinity);
});

Deno.test("only states that end by themselves have a deadline", () => {
  assert.deepEqual(STATES.map(deadlineOf), [
    10,
    Infinity,
    Infinity,
    40,
    50,
    Infinity,
  ]);
});

Deno.test("ARCHITECTURE.md draws the table as it is", () => {
  const lines = Object.entries(TRANSITIONS).flatMap(([from, inputs]) => {
    const byTarget = Map.groupBy(Object.entries(inputs), ([, to]) => to);
    return [...byTarget].map(([to, arrows]) =>
      `  ${from} --> ${to}: ${arrows.map(([input]) => input).join(", ")}`
    );
  });
  const drawing = [
    "```mermaid",
    "stateDiagram-v2",
    "  [*] --> starting",
    ...lines,
    "  exited --> [*]",
    "```",
  ].join("\n");
  const path = new URL("../../ARCHITECTURE.md", import.meta.url);
  const section = Deno.readTextFileSync(path).split(/^## /m)
    .find((part) => part.startsWith("A worker's life"));
  const drawn = /```mermaid\nstateDiagram-v2[^]*?```/.exec(section!)?.[0];
  assert.equal(drawn, drawing);
});
