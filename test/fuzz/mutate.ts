/**
 * Small damage to valid messages, of the kinds that have led parsers apart
 * before. Messages are strings, one character a byte.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** Changes applied to one message at most. One is the rule: few survive many. */
const MAX_CHANGES = 4;

/** Octets that mean something to some parser, somewhere. */
const OCTETS = [
  ...'\r\n\0\t\v\f \x1c\x7f\x80\x85\xa0\xff:;,="\\/?#*+-_.x0159aAfFgG',
];

/** What is put into messages whole. */
const FRAGMENTS = [
  "\r\n",
  "\n",
  "\r",
  "\r\r\n",
  "\n\n",
  "\r\n\r\n",
  "\r\n ",
  "\r\n\t",
  " \r\n",
  "\0",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  ";a=b",
  ';a="b;\\"c"',
  "Content-Length: 0\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: +5\r\n",
  "Content-Length: 5, 5\r\n",
  "Content-Length:\r\n",
  "Content_Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding: chunked, identity\r\n",
  "Transfer-Encoding:\x0bchunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Connection: Content-Length, Transfer-Encoding, Host\r\n",
  "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Proxy-Connection: close\r\n",
  "Host: b\r\n",
  "Expect: 100-continue\r\n",
  "Trailer: x\r\n",
  "TE: trailers\r\n",
  ": x\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "HTTP/2.0",
  "chunked",
  "identity",
  "close",
] as const;

/** What is put before or behind the value of a field. */
const VALUE_PARTS = [
  ",",
  ", ",
  "identity",
  "chunked",
  "gzip",
  "close",
  "keep-alive",
  "upgrade",
  "0",
  "\t",
  "\v",
  "\f",
  "\xa0",
  ";q=1",
  '"',
] as const;

/** Numbers in place of lengths and sizes. */
const NUMBERS = [
  "0",
  "00",
  "1",
  "-1",
  "+5",
  "0x5",
  "5 5",
  "5,5",
  "1_0",
  "5.0",
  "1e1",
  "7fffffff",
  "ffffffff",
  "4294967296",
  "9007199254740993",
  "18446744073709551616",
  "fffffffffffffffff",
  "00000000000000000005",
  "",
] as const;

/** What is put in place of CR LF. */
const LINE_ENDS = [
  "\n",
  "\r",
  "\n\n",
  "\n\r",
  "\r\r\n",
  "\r\n\r\n",
  " \r\n",
  "",
] as const;

type Change = (text: string, random: Random) => string;

const CHANGES: readonly Change[] = [
  insertOctet,
  insertOctet,
  insertFragment,
  insertFragment,
  insertLine,
  insertLine,
  deleteSome,
  deleteLine,
  repeatSome,
  repeatLine,
  swapSome,
  swapLines,
  flipCase,
  replaceOctet,
  changeNumber,
  extendValue,
  extendValue,
  changeNumber,
  changeLineEnd,
  changeBlank,
  cut,
];

/** `text` with a few changes. */
export function mutate(text: string, random: Random): string {
  // Half of all messages get one change, a quarter two, and so on.
  let changed = text;
  let changes = 1;
  while (changes < MAX_CHANGES && random.below(2) === 0) changes++;
  for (let i = 0; i < changes; i++) {
    changed = random.pick(CHANGES)(changed, random);
  }
  return changed;
}

function splice(text: string, at: number, count: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + count);
}

function insertOctet(text: string, random: Random): string {
  return splice(text, random.below(text.length + 1), 0, random.pick(OCTETS));
}

function insertFragment(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return splice(text, at, 0, random.pick(FRAGMENTS));
}

/** A fragment where a line begins, which is where most of them mean something. */
function insertLine(text: string, random: Random): string {
  const { start } = someLine(text, random);
  return splice(text, start, 0, random.pick(FRAGMENTS));
}

function deleteSome(text: string, random: Random): string {
  return splice(text, random.below(text.length), 1 + random.below(8), "");
}

function deleteLine(text: string, random: Random): string {
  const { start, end } = someLine(text, random);
  return splice(text, start, end - start, "");
}

function repeatSome(text: string, random: Random): string {
  const at = random.below(text.length);
  return splice(text, at, 0, text.slice(at, at + 1 + random.below(8)));
}

function repeatLine(text: string, random: Random): string {
  const { start, end } = someLine(text, random);
  return splice(text, start, 0, text.slice(start, end));
}

function swapSome(text: string, random: Random): string {
  const at = random.below(text.length - 1);
  const pair = text.slice(at, at + 2);
  return splice(text, at, 2, [...pair].reverse().join(""));
}

function swapLines(text: string, random: Random): string {
  const { start, end } = someLine(text, random);
  const rest = text.slice(0, start) + text.slice(end);
  const to = someLine(rest, random);
  return splice(rest, to.start, 0, text.slice(start, end));
}

function flipCase(text: string, random: Random): string {
  const at = random.below(text.length);
  const part = text.slice(at, at + 1 + random.below(8));
  const upper = part.toUpperCase();
  // Nothing that would leave Latin-1, as the capital of U+00FF does.
  const flipped = upper === part ? part.toLowerCase() : upper;
  return /^[\0-\x7f]*$/.test(flipped)
    ? splice(text, at, part.length, flipped)
    : text;
}

function replaceOctet(text: string, random: Random): string {
  const at = random.below(text.length);
  const octet = random.below(2) === 0
    ? random.pick(OCTETS)
    : String.fromCharCode(random.below(256));
  return splice(text, at, 1, octet);
}

function changeNumber(text: string, random: Random): string {
  const numbers = [...text.matchAll(/\b[0-9a-f]+\b/g)];
  if (numbers.length === 0) return text;
  const { index, 0: old } = random.pick(numbers);
  const value = parseInt(old, 16);
  const near = [value + 1, value - 1, value * 16].map((n) => n.toString(16));
  const by = random.pick([...near, `0${old}`, ...NUMBERS]);
  return splice(text, index, old.length, by);
}

function extendValue(text: string, random: Random): string {
  const values = [...text.matchAll(/(?<=: ?).*(?=\r\n)/g)];
  if (values.length === 0) return text;
  const { index, 0: value } = random.pick(values);
  let part: string = random.pick(VALUE_PARTS);
  if (random.below(2) === 0) part = `, ${part}`;
  const at = random.below(2) === 0 ? index : index + value.length;
  return splice(text, at, 0, part);
}

function changeLineEnd(text: string, random: Random): string {
  const ends = [...text.matchAll(/\r\n/g)];
  if (ends.length === 0) return text;
  const by = random.pick(LINE_ENDS);
  return splice(text, random.pick(ends).index, 2, by);
}

function changeBlank(text: string, random: Random): string {
  const blanks = [...text.matchAll(/[ :;,]/g)];
  if (blanks.length === 0) return text;
  const { index, 0: old } = random.pick(blanks);
  const blank = random.pick([" ", "\t", "\v", "\f", "\r", "\xa0", "\r\n "]);
  const by = random.pick([blank, old + blank, blank + old, ""]);
  return splice(text, index, 1, by);
}

/** The beginning of a message alone. */
function cut(text: string, random: Random): string {
  return text.slice(0, random.below(text.length + 1));
}

/** Where a line starts and where the next one does. */
function someLine(
  text: string,
  random: Random,
): { readonly start: number; readonly end: number } {
  const at = random.below(text.length);
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at) + 1 || text.length;
  return { start, end };
}
