/**
 * Runs the conformance cases on the core alone, in memory: whole, octet by
 * octet, and split in every place; with reads and writes that complete at
 * once, late, in parts, or never.
 *
 * @module
 */

import { type ConformanceCase, readCases } from "./conformance_case.ts";
import {
  type Manner,
  runInMemory,
  runIntoSilence,
  type Silence,
} from "./core_run.ts";

/** Splits tried of what one side sends at most; of longer streams every so many octets. */
const MAX_SPLITS = 150;

/** Longest stream that is also sent octet by octet: beyond, it is nothing new. */
const MAX_SINGLE_BYTES = 1000;

/** How links may behave; each split is tried with the next one. */
const LINKS = [
  { links: { writesAtOnce: true }, readsLate: false },
  { links: { writesAtOnce: false, readsAhead: true }, readsLate: true },
  { links: { writesAtOnce: false, partBytes: 7 }, readsLate: false },
  { links: { writesAtOnce: false, readsAhead: true }, readsLate: false },
  { links: { writesAtOnce: false, partBytes: 50 }, readsLate: true },
  { links: { writesAtOnce: true, readsAhead: true }, readsLate: true },
] as const;

/** Who falls silent, and after which share of what they would do. */
const SILENCES: readonly (readonly [Silence["of"], number])[] = [
  ["client sends", 0.3],
  ["client sends", 0.8],
  ["worker sends", 0.2],
  ["worker sends", 0.9],
  ["client takes", 0],
  ["client takes", 0.7],
  ["worker takes", 0],
  ["worker takes", 0.6],
];

const whole = (bytes: Uint8Array): readonly Uint8Array[] => [bytes];

const single = (bytes: Uint8Array): readonly Uint8Array[] =>
  bytes.length > MAX_SINGLE_BYTES
    ? [bytes]
    : Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

function splitAt(at: number): Manner["clientPieces"] {
  return (bytes) =>
    at >= bytes.length ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
}

function* mannersFor(
  { sendings, answers }: ConformanceCase,
): Generator<readonly [string, Manner]> {
  let turn = 0;
  const next = (): typeof LINKS[number] => LINKS[turn++ % LINKS.length]!;
  for (const links of LINKS) {
    yield ["whole", { ...links, clientPieces: whole, workerPieces: whole }];
    yield ["octet by octet", {
      ...links,
      clientPieces: single,
      workerPieces: single,
    }];
  }
  for (const at of places(longest(sendings))) {
    const clientPieces = splitAt(at);
    yield [`the client's split at ${at}`, {
      ...next(),
      clientPieces,
      workerPieces: whole,
    }];
  }
  for (const at of places(longest(answers))) {
    const workerPieces = splitAt(at);
    yield [`the worker's split at ${at}`, {
      ...next(),
      clientPieces: whole,
      workerPieces,
    }];
  }
}

function longest(all: readonly { readonly bytes: Uint8Array }[]): number {
  return Math.max(0, ...all.map(({ bytes }) => bytes.length));
}

/** Where a stream of `length` octets is split. */
function* places(length: number): Generator<number> {
  const stride = Math.ceil(length / MAX_SPLITS);
  for (let at = stride; at < length; at += stride) yield at;
}

function attempt(how: string, run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw new Error(`Played ${how}: ${(cause as Error).message}`, { cause });
  }
}

for (const subject of readCases()) {
  Deno.test(subject.name, () => {
    for (const [how, manner] of mannersFor(subject)) {
      const { links, readsLate } = manner;
      const described = `${how}, ${JSON.stringify({ ...links, readsLate })}`;
      attempt(described, () => runInMemory(subject, manner));
    }
    for (const [index, [of, share]] of SILENCES.entries()) {
      const sent = longest(
        of.startsWith("client") ? subject.sendings : subject.answers,
      );
      const afterBytes = Math.floor(Math.max(sent, 60) * share);
      const links = LINKS[index % LINKS.length]!;
      const manner = { ...links, clientPieces: whole, workerPieces: whole };
      attempt(
        `with silence: ${of} ${afterBytes}`,
        () => runIntoSilence(subject, manner, { of, afterBytes }),
      );
    }
  });
}
