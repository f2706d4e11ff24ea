/**
 * `prefork-pool simulate`: what scaling would have made of a load.
 *
 * @module
 */

import { drawChart } from "../simulate/chart.ts";
import { parseTrace } from "../simulate/parse_trace.ts";
import { OWN_RULE, RULES } from "../simulate/rules.ts";
import { WORKLOADS } from "../simulate/workloads.ts";
import { SHAPES, shapeTrace, similarShape } from "../simulate/shapes.ts";
import { simulate as simulateRun } from "../simulate/simulate.ts";
import { drawSvg } from "../simulate/svg.ts";
import {
  decisionLines,
  duration,
  figuresTable,
  type NamedSimulation,
} from "../simulate/table.ts";
import { type Trace, TraceError } from "../simulate/trace.ts";
import { EXIT_CODES_HELP, optionsHelp } from "./cli_option.ts";
import {
  parseSimulateArguments,
  SIMULATE_OPTIONS,
  type SimulateRequest,
} from "./simulate_arguments.ts";
import { dispatchReport } from "./simulate_dispatch.ts";
import {
  CliError,
  type Subcommand,
  type SubcommandContext,
} from "./subcommand.ts";

/** The width where no terminal has another. */
const DEFAULT_COLUMNS = 80;

/** Lines of decisions printed. */
const SHOWN_DECISIONS = 12;

/**
 * Capacity of a worker beside SCALE_UP_RATE, where none is given: at that rate
 * it is four fifths busy, which is where Watt grows too.
 */
const CAPACITY_RATIO = 1.25;

const RIVALS = Object.keys(RULES).filter((name) => name !== OWN_RULE);

const HELP = `\
Usage: prefork-pool simulate LOAD [options] [settings]

Lets the scaling of a pool decide over a load, and shows workers over time,
requests that would have waited, and what the workers would have cost. Settings
are those of the pool, from the environment or as flags: --pool-size=1.

LOAD is one of
${
  Object.entries(SHAPES).map(([name, { help }]) =>
    `  ${name.padEnd(14)}${help}`
  ).join("\n")
}
with low..high rate, begin or period, and duration, as in step:90..720@30s/4m,
or a file (- is the standard input; needs --allow-read):
  CSV           seconds,requests per second
  access log    of a pool with LOG_FORMAT=json ACCESS_LOG=on
  /_metrics     polled, one JSON response a line

With --dispatch, LOAD is one of
${kindsOfLoad()}
or a file: CSV of seconds,cpu ms,wait ms,upload ms, a request a line, or an
access log as above.

Options:
${optionsHelp(SIMULATE_OPTIONS)}
${EXIT_CODES_HELP}`;

/** Those that need no quotes, a line for a few. */
function kindsOfLoad(): string {
  const names = Object.keys(WORKLOADS).filter((name) => /^[a-z]+$/.test(name));
  const middle = Math.ceil(names.length / 2);
  return [names.slice(0, middle), names.slice(middle)]
    .map((some) => `${"".padStart(2)}${some.join(", ")}`).join("\n");
}

/** `prefork-pool simulate`. */
export const simulate: Subcommand = {
  help: HELP,
  options: SIMULATE_OPTIONS,
  words: Object.keys(SHAPES),
  takesSettings: true,
  run,
};

async function run(context: SubcommandContext): Promise<number> {
  const request = parseSimulateArguments(context.args, context.env);
  if (request.dispatch !== null) {
    context.print(await dispatchReport(request, readText));
    return 0;
  }
  const trace = await readTrace(request.trace);
  // The workers are the same, whatever settings they are compared under.
  const workers = {
    capacity: capacityOf(request),
    startupMs: request.startupMs,
  };
  const runs = request.runs.map(({ name, rule, config }) => ({
    name,
    simulation: simulateRun(trace, RULES[rule]!.create(config), {
      ...config,
      ...workers,
    }),
  }));
  if (request.json) context.print(JSON.stringify({ trace, ...workers, runs }));
  else if (request.svg !== "-") {
    context.print(reportOf(trace, runs, workers));
  }
  if (request.svg !== null) {
    const { name, durationS } = trace;
    const svg = drawSvg(runs, { title: `Scaling: ${name}`, durationS });
    if (request.svg === "-") context.print(svg.trimEnd());
    else await writeSvg(request.svg, svg);
  }
  return 0;
}

function capacityOf({ capacity, runs }: SimulateRequest): number {
  const { scaleUpRate } = runs[0]!.config;
  if (capacity !== null) return capacity;
  if (scaleUpRate > 0) return scaleUpRate * CAPACITY_RATIO;
  throw new CliError("Cannot simulate: SCALE_UP_RATE is 0; give --capacity", {
    usage: true,
  });
}

function reportOf(
  trace: Trace,
  runs: readonly NamedSimulation[],
  workers: { readonly capacity: number; readonly startupMs: number },
): string {
  const { durationS } = trace;
  const { simulation } = runs[0]!;
  const columns = Deno.stdout.isTerminal()
    ? Deno.consoleSize().columns
    : DEFAULT_COLUMNS;
  const requests = Math.round(simulation.requests).toLocaleString("en");
  const parts = [
    `${trace.name}: ${requests} requests in ${duration(durationS)}; a worker ` +
    `serves ${workers.capacity} a second, ${workers.startupMs} ms after its start`,
    drawChart(runs, { columns, durationS }),
    figuresTable(runs),
  ];
  const rivals = RIVALS.filter((rule) =>
    runs.some(({ name }) => name === rule)
  );
  if (rivals.length > 0) {
    parts.push(
      rivals.map((name) => `${name}: ${RULES[name]!.help}`).join("\n"),
    );
  }
  if (simulation.decisions.length > 0) {
    const lines = decisionLines(simulation, SHOWN_DECISIONS);
    parts.push(`${OWN_RULE} decided:\n${lines}`);
  }
  return parts.join("\n\n");
}

async function readTrace(text: string): Promise<Trace> {
  try {
    return shapeTrace(text) ?? parseTrace(text, await readText(text));
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new CliError(error.message, { usage: true, cause: error });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return path === "-"
      ? await new Response(Deno.stdin.readable).text()
      : await Deno.readTextFile(path);
  } catch (cause) {
    const meant = similarShape(path);
    const what = cause instanceof Deno.errors.NotFound &&
        Object.hasOwn(WORKLOADS, path)
      ? "there is no such file; as a load it needs --dispatch"
      : cause instanceof Deno.errors.NotFound
      ? "there is no such file, and no load of that name" +
        (meant === null ? "" : `; did you mean ${meant}?`)
      : cause instanceof Deno.errors.NotCapable
      ? "Deno does not permit it. Run with --allow-read, or use the standard " +
        "input: simulate - < FILE"
      : systemReason(cause);
    throw new CliError(`Cannot read ${path}: ${what}`, { usage: true, cause });
  }
}

async function writeSvg(path: string, svg: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, svg);
  } catch (cause) {
    const what = cause instanceof Deno.errors.NotCapable
      ? "Deno does not permit it. Run with --allow-write, or use the standard " +
        "output: --svg -"
      : systemReason(cause);
    throw new CliError(`Cannot write ${path}: ${what}`, { cause });
  }
}

/** What the system says, without the name of the error, its number and the call. */
function systemReason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/ \(os error \d+\).*$/, "");
}
