/**
 * `top` while somebody looks: a look each second, a new picture whenever
 * something has changed, and the commands that are given.
 *
 * @module
 */

import type { MetricsSnapshot } from "../../metrics/metrics_snapshot.ts";
import { Alarm } from "../../shared/alarm.ts";
import type { AdminClient } from "../admin_client.ts";
import { printable } from "../printable.ts";
import { reloadText } from "../reload.ts";
import { scaleText } from "../scale.ts";
import { CliError } from "../subcommand.ts";
import { TopHistory } from "./history.ts";
import type { TopAction } from "./keys.ts";
import { drawScreen, extentOf, type ScreenFormat } from "./screen.ts";
import type { Style, StyledLine } from "./styled_line.ts";
import { Terminal } from "./terminal.ts";
import { FIRST_VIEW, moved } from "./view.ts";

/** Between two looks, in milliseconds. */
const REFRESH_MS = 1000;

/** What a session works with. */
export interface SessionOptions {
  readonly client: AdminClient;
  readonly url: string;
  readonly colours: boolean;
  readonly ascii: boolean;
}

/** One who looks. */
export class TopSession {
  readonly #options: SessionOptions;
  readonly #alarm = new Alarm();
  readonly #history = new TopHistory();
  /** Ends what is under way when somebody leaves. */
  readonly #left = new AbortController();
  /** What is under way: a look, and commands. */
  #look: Promise<void> | null = null;
  readonly #commands = new Set<Promise<void>>();
  #reloading = false;
  #view = FIRST_VIEW;
  #metrics: MetricsSnapshot | null = null;
  #problem: StyledLine = [];
  #message: StyledLine = [];
  #terminal: Terminal | null = null;
  /** What should not have happened: it ends the session. */
  #failure: unknown = null;

  /** Nothing is shown before {@linkcode run}. */
  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Shows the pool until somebody leaves. */
  async run(): Promise<void> {
    const terminal = this.#terminal = await Terminal.open({
      onAction: (action) => this.#act(action),
      onResize: () => this.#alarm.wake(),
    });
    const { signal } = this.#left;
    try {
      let nextLookAt = 0;
      while (!signal.aborted) {
        const now = performance.now();
        if (now >= nextLookAt && this.#look === null) {
          nextLookAt = now + REFRESH_MS;
          this.#look = this.#takeLook();
        }
        await terminal.draw(this.#picture());
        // A look that is under way wakes us when it has ended.
        await this.#alarm.sleep(
          this.#look === null ? nextLookAt - performance.now() : Infinity,
        );
      }
    } finally {
      this.#left.abort();
      await terminal.close();
      await Promise.all([this.#look, ...this.#commands]);
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #picture(): readonly string[] {
    const { url } = this.#options;
    return drawScreen({
      url,
      metrics: this.#metrics,
      history: this.#history,
      view: this.#view,
      message: this.#problem.length > 0 ? this.#problem : this.#message,
    }, this.#format);
  }

  get #format(): ScreenFormat {
    const { colours, ascii } = this.#options;
    return { ...this.#terminal!.size, colours, ascii };
  }

  /** The figures, or why there are none: the pool may come back. */
  async #takeLook(): Promise<void> {
    try {
      const metrics = await this.#options.client.metrics({
        signal: this.#left.signal,
      });
      this.#history.add(metrics, performance.now());
      this.#metrics = metrics;
      this.#problem = [];
    } catch (error) {
      this.#problem = this.#messageOf(error);
    } finally {
      this.#look = null;
      this.#alarm.wake();
    }
  }

  #act(action: TopAction): void {
    const { client } = this.#options;
    const { signal } = this.#left;
    switch (action) {
      case "leave":
        this.#left.abort();
        break;
      case "reload":
        // What is reloaded while it is would be reloaded twice.
        if (!this.#reloading) this.#give("Reloading ...", () => this.#reload());
        break;
      case "scale-up":
      case "scale-down": {
        const amount = action === "scale-up" ? "+1" : "-1";
        this.#give(
          "Scaling ...",
          async () =>
            messageLine(scaleText(await client.scale(amount, signal)), "green"),
        );
        break;
      }
      default: {
        const extent = extentOf(this.#metrics, this.#format);
        this.#view = moved(this.#view, action, extent);
      }
    }
    this.#alarm.wake();
  }

  #messageOf(error: unknown): StyledLine {
    if (error instanceof CliError) return messageLine(error.message, "red");
    // What is cut short by leaving fails in many ways.
    if (!this.#left.signal.aborted) {
      this.#failure = error;
      this.#left.abort();
    }
    return [];
  }

  async #reload(): Promise<StyledLine> {
    this.#reloading = true;
    try {
      const report = await this.#options.client.reload(this.#left.signal);
      const [verdict = ""] = reloadText(report).split("\n").slice(-1);
      return messageLine(verdict, report.ok ? "green" : "red");
    } finally {
      this.#reloading = false;
    }
  }

  /** Gives a command, and shows what comes of it. */
  #give(text: string, command: () => Promise<StyledLine>): void {
    this.#message = messageLine(text, "yellow");
    const given = command().then(
      (message) => this.#message = message,
      (error) => this.#message = this.#messageOf(error),
    ).then(() => {
      this.#commands.delete(given);
      this.#alarm.wake();
    });
    this.#commands.add(given);
  }
}

/** The first line of a text, harmless. */
function messageLine(text: string, style: Style): StyledLine {
  const [first = ""] = text.split("\n");
  return [{ text: printable(first), style }];
}
