/**
 * The development loop: reloads the pool when files change. What comes of it
 * is an event, as with every reload.
 *
 * @module
 */

import { relative, resolve } from "node:path";
import type { EventEmitter } from "../../events/mod.ts";
import type { ReloadReport } from "../../events/reload_report.ts";
import { Alarm } from "../../shared/alarm.ts";
import { StartError } from "../start_error.ts";
import { ChangeBatch } from "./change_batch.ts";
import {
  MAX_DIRECTORIES,
  TooManyDirectories,
  WatchedTree,
} from "./watched_tree.ts";

/** Reloads in a row, each with changes while it went on, after which somebody should know. */
const SUSPICIOUS_RELOADS = 5;

/** What is to be watched. */
export interface WatchedPlaces {
  /** Files and directories. */
  readonly paths: readonly string[];
  /** What they are relative to. */
  readonly directory: string;
}

/** What a watch works with. */
export interface WatchOptions extends WatchedPlaces {
  readonly events: EventEmitter;
  /** Reloads, and never rejects; `null` where that comes to nothing any more. */
  readonly reload: () => Promise<ReloadReport | null>;
}

/** Watches from {@linkcode start} to {@linkcode stop}. */
export class WatchService {
  readonly #options: WatchOptions;
  readonly #alarm = new Alarm();
  readonly #batch = new ChangeBatch();
  readonly #readers = new Set<Promise<void>>();
  #watcher: Deno.FsWatcher | null = null;
  #tree: WatchedTree | null = null;
  #loop: Promise<void> | null = null;
  #stopped = false;
  /** Reloads that have been asked for and are not over. */
  #reloads = 0;
  /** Whether something has changed since the last one was over, or began. */
  #changed = false;
  /** The generation of the last one that is over: several may have asked for it. */
  #generation = 0;
  /** Reloads in a row that changes came in the middle of. */
  #disturbed = 0;

  /** Nothing is watched before {@linkcode start}. */
  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Begins to watch. @throws {StartError} When that cannot be done. */
  async start(): Promise<void> {
    await this.#open();
    this.#loop = this.#run();
  }

  /** Watches no more. A reload that is under way goes on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    this.#alarm.wake();
    await Promise.all([this.#loop, ...this.#readers]);
  }

  /** Watches what is there now: there may be other directories than before. */
  async #open(): Promise<void> {
    this.#tree = await findWatched(this.#options);
    try {
      const watcher = Deno.watchFs([...this.#tree.directories], {
        recursive: false,
      });
      this.#watcher?.close();
      this.#watcher = watcher;
      const reader = this.#read(watcher)
        .then(() => void this.#readers.delete(reader));
      this.#readers.add(reader);
    } catch (error) {
      throw watchError(this.#options.paths, error);
    }
  }

  async #read(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind, paths } of watcher) {
      if (kind === "access") continue;
      for (const path of paths) {
        if (this.#tree?.includes(path)) {
          this.#batch.add(path, performance.now());
        }
      }
      this.#alarm.wake();
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const dueInMs = this.#batch.dueAt - performance.now();
      if (dueInMs > 0) await this.#alarm.sleep(dueInMs);
      else await this.#takeBatch();
    }
  }

  async #takeBatch(): Promise<void> {
    const changed = this.#batch.take();
    try {
      await this.#open();
    } catch (error) {
      // What was watched before still is.
      this.#say("warning", (error as StartError).message);
    }
    if (this.#stopped) return;
    this.#say("info", `${this.#named(changed)}: reloading.`);
    // While one goes on, the pool sees to it that it is the next.
    this.#changed = this.#reloads++ > 0;
    // Its owner is who reloads: at the end nobody waits for it here.
    void this.#options.reload().then((report) => this.#reloaded(report));
  }

  #reloaded(report: ReloadReport | null): void {
    this.#reloads--;
    if (report === null || report.generation === this.#generation) return;
    this.#generation = report.generation;
    const changed = this.#changed || this.#batch.dueAt < Infinity;
    this.#disturbed = changed ? this.#disturbed + 1 : 0;
    this.#changed = false;
    if (this.#disturbed !== SUSPICIOUS_RELOADS) return;
    this.#say(
      "warning",
      `Files have changed during each of the last ${SUSPICIOUS_RELOADS} ` +
        "reloads. If the workers write them, name what else is to be watched, " +
        "as in WATCH=src.",
    );
  }

  /** The first file that has changed, and how many others. */
  #named(changed: readonly string[]): string {
    const [first = "", ...others] = changed;
    const { directory } = this.#options;
    const path = relative(directory, first);
    const name = path.startsWith("..") ? first : path;
    return others.length === 0
      ? `${name} has changed`
      : `${name} and ${others.length} more have changed`;
  }

  #say(level: "info" | "warning", message: string): void {
    this.#options.events.emit({ type: "notice", level, message });
  }
}

/** Finds what there is to watch. @throws {StartError} When that cannot be watched. */
export async function findWatched(
  { paths, directory }: WatchedPlaces,
): Promise<WatchedTree> {
  try {
    return await WatchedTree.read(
      paths.map((path) => resolve(directory, path)),
    );
  } catch (error) {
    throw watchError(paths, error);
  }
}

function watchError(paths: readonly string[], cause: unknown): StartError {
  const cannot = `Cannot watch ${paths.join(", ")}:`;
  return new StartError("cannot-watch", `${cannot} ${reasonOf(cause)}`, cause);
}

function reasonOf(error: unknown): string {
  if (error instanceof TooManyDirectories) {
    return `there are more than ${MAX_DIRECTORIES} directories. Name those ` +
      "that matter, as in WATCH=src.";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno does not permit it. Run with --allow-read, or without WATCH.";
  }
  if (error instanceof Deno.errors.NotFound) {
    return `${error.message}. Change WATCH to what there is.`;
  }
  return `${error instanceof Error ? error.message : error}. ` +
    "Name less, as in WATCH=src; Linux has a limit, fs.inotify.max_user_watches.";
}
