/**
 * The parsers and writers of HTTP/1.1, tried with what nobody sends by
 * mistake, and compared with Node's.
 *
 * `FUZZ_SEED` and `FUZZ_ITERATIONS` choose what is tried; `FUZZ_REPORT=1`
 * prints how much that was. An input that fails is printed, and kept in
 * `corpus/`, with which every run begins.
 */

import assert from "node:assert/strict";
import { textOf } from "../conformance/byte_notation.ts";
import { ignoreWithout } from "../support/programs.ts";
import { notationOf } from "./corpus.ts";
import {
  assertNothingFound,
  type Examination,
  fuzz,
  fuzzOptions,
  mutant,
  type Subject,
} from "./fuzz.ts";
import { NodeOracle } from "./node_oracle.ts";
import { REQUESTS } from "./request_subject.ts";
import { RESPONSES, RESPONSES_TO_HEAD } from "./response_subject.ts";
import { REQUEST_SEEDS } from "./seeds.ts";

/** Mutants tried of each kind when the environment does not say: a few seconds in all. */
const SUBJECTS: readonly (readonly [Subject, number])[] = [
  [REQUESTS, 24_000],
  [RESPONSES, 10_000],
  [RESPONSES_TO_HEAD, 4_000],
];

for (const [subject, iterations] of SUBJECTS) {
  Deno.test({
    name:
      `mutated ${subject.name} are read no laxer than by Node, and passed on as exactly what was read (needs node)`,
    ignore: ignoreWithout("node"),
    async fn(): Promise<void> {
      await using oracle = new NodeOracle();
      const finding = await fuzz(subject, oracle, fuzzOptions(iterations));
      assertNothingFound(subject, finding);
    },
  });
}

Deno.test({
  name:
    "every valid stream is read by Node and by us as the same messages (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    await using oracle = new NodeOracle();
    for (const { examine, seeds } of [REQUESTS, RESPONSES]) {
      for (const seed of seeds) {
        const { questions, judge } = examine(seed);
        const answers = await oracle.ask(questions);
        assert.equal(judge(answers), null);
        assert.ok(answers[1]!.messages.length > 0, notationOf(seed));
      }
    }
  },
});

Deno.test({
  name:
    "a parser that takes a bare LF for a line end is found out, by a short input (needs node)",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    const lax: Subject = {
      ...REQUESTS,
      examine(input): Examination {
        const { questions, judge } = REQUESTS.examine(
          input.replace(/\r?\n/g, "\r\n"),
        );
        return {
          questions: [{ kind: "requests", bytes: input }, questions[1]!],
          judge,
        };
      },
    };
    await using oracle = new NodeOracle();
    const found = await fuzz(lax, oracle, { seed: 1, iterations: 2000 });
    assert.match(found?.failure ?? "nothing found", /^Laxer/);
    assert.match(found!.shortened, /[^\r]\n/);
    assert.ok(found!.shortened.length <= found!.input.length);
  },
});

Deno.test({
  name: "a parser that throws something else than HttpError is found out",
  ignore: ignoreWithout("node"),
  async fn(): Promise<void> {
    const crashing: Subject = {
      ...REQUESTS,
      examine(input): Examination {
        if (input.includes("\0")) throw new RangeError("NUL");
        return { questions: [], judge: () => null };
      },
    };
    await using oracle = new NodeOracle();
    const found = await fuzz(crashing, oracle, { seed: 1, iterations: 2000 });
    assert.equal(found?.failure, "Crash: RangeError: NUL");
    assert.equal(found.shortened, "\0");
  },
});

Deno.test("mutants are the same for the same seed, and others for another", () => {
  const mutants = (seed: number) =>
    Array.from({ length: 100 }, (_, i) => mutant(REQUEST_SEEDS, seed, i));
  assert.deepEqual(mutants(1), mutants(1));
  assert.notDeepEqual(mutants(1), mutants(2));
  const changed = mutants(1).filter((text) => !REQUEST_SEEDS.includes(text));
  assert.ok(changed.length > 90, `${changed.length} of 100 are changed`);
});

Deno.test("any input can be written to the corpus and read again", () => {
  const all = String.fromCharCode(...Array(256).keys());
  for (const input of [all, "\r\n\r\n", "\\n\\(a*3)", ""]) {
    assert.equal(textOf(notationOf(input)), input);
  }
});
