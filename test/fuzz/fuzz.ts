/**
 * Mutates valid messages and has each result judged: first what has failed
 * before, then as many new ones as asked for. Knows nothing of HTTP.
 *
 * @module
 */

import { keepInput, notationOf, readCorpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { NodeOracle, Question } from "./node_oracle.ts";
import { Random } from "./random.ts";
import type { View } from "./view.ts";

/** What is fuzzed. */
export interface Subject {
  readonly name: string;
  /** Which part of the corpus is its own. */
  readonly corpus: string;
  /** Valid streams, one character a byte. */
  readonly seeds: readonly string[];
  /** Does our part with an input. Whatever it throws is a failure. */
  examine(input: string): Examination;
}

/** An input that has been read by us, and now goes to Node. */
export interface Examination {
  readonly questions: readonly Question[];
  /** Compares: what is wrong, or `null`. Two sentences are the same failure if they begin with the same words up to a colon. */
  judge(answers: readonly View[]): string | null;
}

/** How much is tried. */
export interface FuzzOptions {
  readonly seed: number;
  readonly iterations: number;
}

/** An input that failed. */
export interface Finding {
  readonly failure: string;
  /** Which input it was. */
  readonly origin: string;
  readonly input: string;
  /** The same failure with as little of the input as it needs. */
  readonly shortened: string;
}

/** Streams examined before Node is asked: as many as make its turn worth it. */
const BATCH = 500;

/** Streams tried to make a failing one shorter. */
const MAX_SHORTENINGS = 2000;

/** Any number: fixed, so that a failure of the test suite happens again. */
const DEFAULT_SEED = 9112;

/** The settings of the environment: `FUZZ_SEED`, `FUZZ_ITERATIONS`. */
export function fuzzOptions(defaultIterations: number): FuzzOptions {
  return {
    seed: Number(Deno.env.get("FUZZ_SEED") ?? DEFAULT_SEED),
    iterations: Number(Deno.env.get("FUZZ_ITERATIONS") ?? defaultIterations),
  };
}

/**
 * Judges the corpus and then mutants, until one fails. Prints how many and how
 * fast when `FUZZ_REPORT` is 1.
 */
export async function fuzz(
  subject: Subject,
  oracle: NodeOracle,
  options: FuzzOptions,
): Promise<Finding | null> {
  const began = performance.now();
  const corpus = readCorpus(subject.corpus);
  const finding = await findIn(subject, oracle, {
    inputs: corpus.map(({ input }) => input),
    origin: (index) => `corpus/${corpus[index]!.name}`,
  });
  if (finding !== null) return finding;
  const { seed, iterations } = options;
  for (let from = 0; from < iterations; from += BATCH) {
    const count = Math.min(BATCH, iterations - from);
    const finding = await findIn(subject, oracle, {
      inputs: Array.from(
        { length: count },
        (_, i) => mutant(subject.seeds, seed, from + i),
      ),
      origin: (index) => `FUZZ_SEED=${seed}, iteration ${from + index}`,
    });
    if (finding !== null) return finding;
  }
  if (Deno.env.get("FUZZ_REPORT") === "1") {
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `${subject.name}: ${corpus.length} of the corpus, ${iterations} new of ` +
        `seed ${seed}, in ${seconds.toFixed(1)} s: ` +
        `${Math.round(iterations / seconds)}/s`,
    );
  }
  return null;
}

/**
 * Keeps a failing input in the corpus.
 *
 * @throws {Error} That says what failed, if anything did.
 */
export function assertNothingFound(
  subject: Subject,
  finding: Finding | null,
): void {
  if (finding === null) return;
  const { failure, origin, input, shortened } = finding;
  const name = keepInput(subject.corpus, shortened);
  throw new Error(
    `${failure}\n${origin}; shortened and kept as corpus/${name}:\n` +
      `${notationOf(shortened)}\nwhole:\n${notationOf(input)}`,
  );
}

/** The input of an iteration. */
export function mutant(
  seeds: readonly string[],
  seed: number,
  iteration: number,
): string {
  const random = new Random(seed, iteration);
  // What goes before decides where a message begins.
  const before = random.below(4) === 0 ? random.pick(seeds) : "";
  return mutate(before + random.pick(seeds), random);
}

async function findIn(
  subject: Subject,
  oracle: NodeOracle,
  batch: {
    readonly inputs: readonly string[];
    readonly origin: (index: number) => string;
  },
): Promise<Finding | null> {
  const { inputs, origin } = batch;
  const failures = await judgeBatch(subject, oracle, inputs);
  const index = failures.findIndex((failure) => failure !== null);
  if (index < 0) return null;
  const input = inputs[index]!;
  const failure = failures[index]!;
  return {
    failure,
    origin: origin(index),
    input,
    shortened: await shorten(subject, oracle, input, failure),
  };
}

/** The failure of each input, or `null`. */
async function judgeBatch(
  subject: Subject,
  oracle: NodeOracle,
  inputs: readonly string[],
): Promise<(string | null)[]> {
  const examinations = inputs.map((input) => examine(subject, input));
  const answers = await oracle.ask(examinations.flatMap((e) => e.questions));
  let at = 0;
  return examinations.map(({ questions, judge }) => {
    const from = at;
    at += questions.length;
    return judge(answers.slice(from, at));
  });
}

function examine(subject: Subject, input: string): Examination {
  try {
    return subject.examine(input);
  } catch (error) {
    const failure = `Crash: ${error}`;
    return { questions: [], judge: () => failure };
  }
}

/** Takes out what the failure does not need, in ever smaller pieces. */
async function shorten(
  subject: Subject,
  oracle: NodeOracle,
  input: string,
  failure: string,
): Promise<string> {
  const kind = kindOf(failure);
  let best = input;
  let tried = 0;
  let size = input.length >> 1;
  while (size >= 1 && tried < MAX_SHORTENINGS) {
    const shorter = Array.from(
      { length: Math.ceil(best.length / size) },
      (_, i) => best.slice(0, i * size) + best.slice((i + 1) * size),
    );
    tried += shorter.length;
    const failures = await judgeBatch(subject, oracle, shorter);
    const found = failures.findIndex((other) =>
      other !== null && kindOf(other) === kind
    );
    if (found >= 0) best = shorter[found]!;
    else size >>= 1;
  }
  return best;
}

function kindOf(failure: string): string {
  return failure.slice(0, failure.indexOf(":"));
}
