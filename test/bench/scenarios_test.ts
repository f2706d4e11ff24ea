import assert from "node:assert/strict";
import { scenarioGroups, SCENARIOS } from "../../bench/scenarios.ts";

function groupNames(...chosen: string[]): string[][] {
  const scenarios = SCENARIOS.filter(({ name }) => chosen.includes(name));
  return scenarioGroups(scenarios)
    .map((group) => group.map(({ name }) => name));
}

Deno.test("scenarios without variants are measured by themselves", () => {
  assert.deepEqual(groupNames("small", "10k"), [["small"], ["10k"]]);
});

Deno.test("a variant brings along what it is compared with", () => {
  assert.deepEqual(groupNames("clients"), [["saturation", "clients"]]);
});

Deno.test("every scenario is measured, and none twice", () => {
  const names = SCENARIOS.map(({ name }) => name);
  assert.deepEqual(groupNames(...names).flat(), names);
});
