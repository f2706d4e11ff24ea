/**
 * What the processes of a worker do, with real ones.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  activityBetween,
  type ProcessSample,
  sampleProcesses,
} from "../../src/health/process_sample.ts";
import { eventually } from "../support/deadline.ts";
import { isAlive } from "../support/processes.ts";

const OUTSIDE_LINUX = Deno.build.os !== "linux";

/** A group of processes of its own; disposing of it kills it. */
class Group implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(script: string) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", script],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
  }

  get id(): number {
    return this.#child.pid;
  }

  /** Looks until what is seen satisfies `predicate`. */
  lookUntil(
    predicate: (look: ProcessSample) => boolean,
  ): Promise<ProcessSample> {
    return eventually(async () => {
      const look = await sampleProcesses(this.id);
      if (look !== null && predicate(look)) return look;
      throw new Error(`Seen last: ${JSON.stringify(look)}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.kill(-this.id, "SIGKILL");
    await this.#child.status;
  }
}

Deno.test({
  name: "the CPU time of a shell's child counts for the shell (needs /proc)",
  ignore: OUTSIDE_LINUX,
  async fn(): Promise<void> {
    await using group = new Group("sh -c 'while :; do :; done'; true");
    // A shell that has not started its child yet runs, too.
    const before = await group.lookUntil(({ states }) =>
      states.length === 2 && states.includes("R")
    );
    const after = await group.lookUntil(({ cpuSeconds }) =>
      cpuSeconds > before.cpuSeconds
    );
    const { cpuRatio } = activityBetween(before, after);
    assert.ok(cpuRatio! > 0);
  },
});

Deno.test({
  name:
    "a process that sleeps, and one that was stopped, are seen as such (needs /proc)",
  ignore: OUTSIDE_LINUX,
  async fn(): Promise<void> {
    await using group = new Group("exec sleep 300");
    await group.lookUntil(({ states }) => states === "S");
    Deno.kill(-group.id, "SIGSTOP");
    const stopped = await group.lookUntil(({ states }) => states === "T");
    const later = await group.lookUntil(({ at }) => at > stopped.at);
    assert.deepEqual(activityBetween(stopped, later), {
      states: "T",
      cpuRatio: 0,
    });
  },
});

Deno.test("of a group that is gone nothing is seen", async () => {
  const group = new Group("exec sleep 300");
  await group[Symbol.asyncDispose]();
  assert.equal(await isAlive(group.id), false);
  assert.equal(await sampleProcesses(group.id), null);
});

Deno.test("after a single look the states are known, and CPU time that went with its process is no debt", () => {
  const look = { at: 3_000, states: "SS", cpuSeconds: 2 };
  assert.deepEqual(activityBetween(null, look), {
    states: "SS",
    cpuRatio: null,
  });
  const before = { at: 1_000, states: "SSS", cpuSeconds: 5 };
  assert.equal(activityBetween(before, look).cpuRatio, 0);
  const less = { ...before, cpuSeconds: 1 };
  assert.equal(activityBetween(less, look).cpuRatio, 0.5);
});
