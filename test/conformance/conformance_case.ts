/**
 * Conformance cases, read from Markdown. README.md says how they are written.
 *
 * @module
 */

import { bytesOf, textOf } from "./byte_notation.ts";

/** What a message must be like; what is not named may be anything. */
export interface ExpectedMessage {
  /** Request line, or status code and words. */
  readonly startLine: string;
  /** By lower-case name: the value, `"*"` for any, or `null` for a field that must not be there. */
  readonly fields: ReadonlyMap<string, string | null>;
  /** Lines of the trailers, all of them. */
  readonly trailers: readonly string[];
  /** `null` when it is not named. */
  readonly body: string | null;
}

/** A response the client must get. */
export interface ExpectedResponse extends ExpectedMessage {
  readonly status: number;
  /** It answers HEAD, and so has no body. */
  readonly toHead: boolean;
  /** It ends before it is complete. */
  readonly cut: boolean;
}

/** Something the client sends. */
export interface Sending {
  readonly bytes: Uint8Array;
  /** How many responses the client reads before it sends this. */
  readonly afterResponses: number;
  /** Whether all of it must come at once. */
  readonly together: boolean;
}

/** An answer of the worker. */
export interface WorkerAnswer {
  readonly bytes: Uint8Array;
  /** What the worker reads first: a request, its head alone, or so many bytes. */
  readonly after: "request" | "head" | number;
  /** What the worker does afterwards; `"last"`: it stays, but must not be given another request. */
  readonly then: "keep" | "close" | "reset" | "last";
  /** Whether all of it must come at once. */
  readonly together: boolean;
}

/** What becomes of the client's connection; `null` when the case does not say. */
export type ConnectionFate = "kept" | "closed" | null;

/** How the proxy is set up for a case. */
export type Setup =
  | "default"
  | "trusted"
  | "limited"
  | "impatient"
  | "workerless";

/** One case. */
export interface ConformanceCase {
  /** For example `"RFC 9112 §5.1"`. */
  readonly section: string;
  /** The headings it stands under, section and all. */
  readonly name: string;
  readonly setup: Setup;
  readonly sendings: readonly Sending[];
  /** The client says that nothing more will come. */
  readonly endsWriting: boolean;
  readonly answers: readonly WorkerAnswer[];
  /** Whole requests the worker must see, all of them; `null` when the case does not say. */
  readonly worker: readonly ExpectedMessage[] | null;
  /** A part of a request may reach the worker. */
  readonly mayBeginRequest: boolean;
  /** Responses the client must get, all of them. */
  readonly client: readonly ExpectedResponse[];
  readonly fate: ConnectionFate;
}

interface Block {
  readonly words: readonly string[];
  readonly text: string;
}

const SETUPS: readonly string[] = [
  "trusted",
  "limited",
  "impatient",
  "workerless",
];

/** All cases of all documents in this folder. @throws {SyntaxError} naming the case that cannot be read. */
export function readCases(): ConformanceCase[] {
  const folder = new URL(".", import.meta.url);
  return [...Deno.readDirSync(folder)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .sort()
    .flatMap((name) =>
      parseCases(Deno.readTextFileSync(new URL(name, folder)))
    );
}

/** All cases of a document. @throws {SyntaxError} naming the case that cannot be read. */
export function parseCases(markdown: string): ConformanceCase[] {
  const cases: ConformanceCase[] = [];
  let heading = "";
  for (const part of markdown.split(/^(?=#{2,3} )/m)) {
    const [, marks, title] = /^(#{2,3}) (.*)$/m.exec(part) ?? [];
    if (marks === "##") heading = title!;
    if (marks !== "###") continue;
    const name = `${heading}: ${title}`;
    try {
      cases.push(parseCase(name, blocksOf(part)));
    } catch (cause) {
      throw new SyntaxError(`Cannot read "${name}": ${cause}`, { cause });
    }
  }
  return cases;
}

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(.+)\n([^]*?)^```$/gm)].map((match) => ({
    words: match[1]!.split(" "),
    text: match[2]!,
  }));
}

function parseCase(name: string, blocks: readonly Block[]): ConformanceCase {
  const section = /^RFC \d+ §[\d.]*\d/.exec(name)?.[0];
  if (section === undefined) throw new SyntaxError("it has no section");
  const named = (name: string): readonly Block[] =>
    blocks.filter(({ words }) => words[0] === name);
  const requests = named("request");
  const answers = named("response");
  const [client, ...moreClients] = named("client");
  const [worker, ...moreWorkers] = named("worker");
  const known = requests.length + answers.length +
    (client ? 1 : 0) + (worker ? 1 : 0);
  if (!client || requests.length === 0 || moreClients.length > 0) {
    throw new SyntaxError("a case has requests and one client block");
  }
  if (moreWorkers.length > 0 || known !== blocks.length) {
    throw new SyntaxError("a block too many");
  }
  const words = requests.flatMap((block) => block.words);
  const workerText = worker?.text.trim();
  return {
    section,
    name,
    setup: (words.find((word) => SETUPS.includes(word)) ?? "default") as Setup,
    sendings: requests.map(parseSending),
    endsWriting: words.includes("end"),
    answers: answers.map(parseAnswer),
    worker: workerText === undefined ? null : parseWorker(workerText),
    mayBeginRequest: workerText === "nothing whole",
    client: messagesOf(client.text).map(parseResponse),
    fate: parseFate(client.words),
  };
}

function parseSending({ words, text }: Block): Sending {
  return {
    bytes: bytesOf(text),
    afterResponses: numberIn(words, "after") ?? 0,
    together: words.includes("together"),
  };
}

/** N of the word `name-N`. */
function numberIn(words: readonly string[], name: string): number | undefined {
  const word = words.find((one) => one.startsWith(`${name}-`));
  return word === undefined ? undefined : Number(word.slice(name.length + 1));
}

function parseAnswer({ words, text }: Block): WorkerAnswer {
  const thens = ["close", "reset", "last"] as const;
  return {
    bytes: bytesOf(text),
    after: words.includes("early")
      ? "head"
      : numberIn(words, "body") ?? "request",
    then: thens.find((then) => words.includes(then)) ?? "keep",
    together: words.includes("together"),
  };
}

function parseFate(words: readonly string[]): ConnectionFate {
  if (words.includes("kept")) return "kept";
  return words.includes("closed") ? "closed" : null;
}

function parseWorker(text: string): ExpectedMessage[] {
  if (text === "nothing" || text === "nothing whole") return [];
  // A request whose body is not named has none.
  return messagesOf(text).map(parseMessage).map((message) => ({
    ...message,
    body: message.body ?? "",
  }));
}

function messagesOf(text: string): string[] {
  return text.trim() === "nothing" ? [] : text.split(/^---\n/m);
}

function parseMessage(text: string): ExpectedMessage {
  const [head = "", ...body] = text.split("\n\n");
  const [startLine = "", ...lines] = head.trim().split("\n");
  const isTrailer = (line: string): boolean => line.startsWith("+");
  const fields = lines.filter((line) => !isTrailer(line)).map(
    (line): [string, string | null] => {
      if (line.startsWith("!")) return [line.slice(1).toLowerCase(), null];
      const colon = line.indexOf(":");
      if (colon < 0) throw new SyntaxError(`a field without colon: ${line}`);
      return [
        line.slice(0, colon).toLowerCase(),
        textOf(line.slice(colon + 1).trim()),
      ];
    },
  );
  return {
    startLine: textOf(startLine),
    fields: new Map(fields),
    trailers: lines.filter(isTrailer).map((line) => textOf(line.slice(1))),
    body: body.length === 0 ? null : textOf(body.join("\n")),
  };
}

function parseResponse(text: string): ExpectedResponse {
  const message = parseMessage(text);
  const words = message.startLine.split(" ");
  const status = Number(words[0]);
  if (!(status >= 100)) throw new SyntaxError(`no status: ${text}`);
  return {
    ...message,
    status,
    toHead: words.includes("to-head"),
    cut: words.includes("cut"),
  };
}
