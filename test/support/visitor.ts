/**
 * A client with a browser's memory: it sends back the cookies it is given, and
 * asks one thing after the other over one connection.
 *
 * @module
 */

import { get } from "./message_text.ts";
import { RawClient } from "./raw_client.ts";

/** An answer as the visitor sees it. */
export interface VisitorAnswer {
  readonly status: number;
  /** The generation that answered, by its own account; `null` when it does not say. */
  readonly generation: number | null;
}

/** A visitor of a pool whose workers answer with their generation. */
export class Visitor implements AsyncDisposable {
  /** What it was answered, in order. */
  readonly answers: VisitorAnswer[] = [];
  /** The cookie it has, as it is sent back; `null` for none. */
  cookie: string | null = null;
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  /** Comes to a pool for the first time. */
  static async come(port: number): Promise<Visitor> {
    return new Visitor(await RawClient.connect({ port }));
  }

  /** Asks once. */
  async ask(): Promise<VisitorAnswer> {
    const fields = this.cookie === null ? [] : [`Cookie: ${this.cookie}`];
    const response = await this.#client.ask(get("/", ...fields));
    const set = response.headers.get("set-cookie");
    if (set !== undefined) this.cookie = set.split(";", 1)[0]!;
    const { status } = response;
    const generation = status === 200
      ? JSON.parse(response.text).generation
      : null;
    const answer = { status, generation };
    this.answers.push(answer);
    return answer;
  }

  /** Asks until an answer is what `isLast` wants, and returns that. */
  async askUntil(
    isLast: (answer: VisitorAnswer) => boolean,
  ): Promise<VisitorAnswer> {
    for (;;) {
      const answer = await this.ask();
      if (isLast(answer)) return answer;
    }
  }

  /** The generations that have answered, each once for as long as it did; `null` for any other answer than 200. */
  get story(): readonly (number | null)[] {
    return this.answers.map(({ generation }) => generation)
      .filter((generation, i, all) => i === 0 || generation !== all[i - 1]);
  }

  /** Goes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}
