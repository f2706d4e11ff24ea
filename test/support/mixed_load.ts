/**
 * Clients that ask one request after the other, GET and POST in turn, each on
 * a connection of its own, until they are told to end.
 *
 * @module
 */

import { get, post } from "./message_text.ts";
import { RawClient } from "./raw_client.ts";

/** What came of it. */
export interface MixedLoadOutcome {
  /** Requests answered with 200. */
  readonly answered: number;
  /** What each other one came to, with its method: `"POST 502"`. */
  readonly failures: readonly string[];
}

/** A load that goes on. */
export interface MixedLoad {
  /** Requests answered with 200 so far. */
  readonly answered: number;
  /** Ends it when each client has its last answer. Calling it again returns the same. */
  stop(): Promise<MixedLoadOutcome>;
}

/** Starts `clients` clients. */
export function startMixedLoad(port: number, clients = 6): MixedLoad {
  const failures: string[] = [];
  let answered = 0;
  let stopping = false;

  async function run(index: number): Promise<void> {
    let client: RawClient | null = null;
    for (let round = index; !stopping; round++) {
      const [method, text] = round % 2 === 0
        ? ["GET", get("/")]
        : ["POST", post("/", `round ${round}`)];
      try {
        client ??= await RawClient.connect({ port });
        const { status, headers } = await client.ask(text);
        if (status === 200) answered++;
        else failures.push(`${method} ${status}`);
        if (headers.get("connection") !== "close") continue;
      } catch (error) {
        failures.push(`${method} ${error}`);
      }
      await client?.close();
      client = null;
    }
    await client?.close();
  }

  const running = Promise.all(
    Array.from({ length: clients }, (_, index) => run(index)),
  );
  return {
    get answered(): number {
      return answered;
    },
    async stop(): Promise<MixedLoadOutcome> {
      stopping = true;
      await running;
      return { answered, failures };
    },
  };
}
