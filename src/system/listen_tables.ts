/**
 * The listening sockets of the machine, read as seldom as will do for all who
 * ask.
 *
 * @module
 */

import { type ListenSocket, parseListenTable } from "./listen_table.ts";
import type { Proc, TableName } from "./proc.ts";

/** How old a table may be that need not be fresh, in milliseconds. */
const MAX_AGE_MS = 2_000;

/**
 * So many times as long as reading it took a table is kept at least: walking
 * the kernel's hash of connections takes milliseconds, more on large machines,
 * and shall take no more than 2 parts in 1000 of a CPU.
 */
const COST_RATIO = 500;

interface Table {
  readonly sockets: readonly ListenSocket[];
  readonly readAt: number;
  readonly tookMs: number;
}

/** Reads the tables; all who ask at once share what is read. */
export class ListenTables {
  readonly #proc: Proc;
  readonly #now: () => number;
  readonly #known = new Map<TableName, Table>();
  readonly #reading = new Map<TableName, Promise<Table>>();
  readonly #waiting = new Map<TableName, Promise<Table>>();

  /** Creates tables that have read nothing yet; `now` is monotonic, in milliseconds. */
  constructor(proc: Proc, now: () => number) {
    this.#proc = proc;
    this.#now = now;
  }

  /**
   * Returns the listening sockets of a table.
   *
   * @param fresh Whether it must be read after this call.
   */
  async get(
    name: TableName,
    fresh: boolean,
  ): Promise<readonly ListenSocket[]> {
    const known = this.#known.get(name);
    if (!fresh && known !== undefined) {
      const keepMs = Math.max(MAX_AGE_MS, known.tookMs * COST_RATIO);
      if (this.#now() - known.readAt < keepMs) return known.sockets;
    }
    const reading = this.#reading.get(name);
    if (reading === undefined) return (await this.#read(name)).sockets;
    if (!fresh) return (await reading).sockets;
    return (await this.#readAfter(name, reading)).sockets;
  }

  /** The one that is being read may have passed the place in question already. */
  #readAfter(name: TableName, reading: Promise<Table>): Promise<Table> {
    const waiting = this.#waiting.get(name) ??
      reading.catch(() => {}).then(() => {
        this.#waiting.delete(name);
        return this.#read(name);
      });
    this.#waiting.set(name, waiting);
    return waiting;
  }

  #read(name: TableName): Promise<Table> {
    const startedAt = this.#now();
    const reading = this.#proc.table(name)
      .then((text) => {
        const readAt = this.#now();
        const sockets = parseListenTable(text);
        const table = { sockets, readAt, tookMs: readAt - startedAt };
        this.#known.set(name, table);
        return table;
      })
      .finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
    return reading;
  }
}
