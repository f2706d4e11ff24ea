/**
 * What `top` has on its screen: the figures as lines. Pure.
 *
 * @module
 */

import type { MetricsSnapshot } from "../../metrics/metrics_snapshot.ts";
import { summaryLines } from "../status_text.ts";
import {
  stateStyle,
  TOP_COLUMNS,
  type TopColumn,
  type TopRow,
} from "./columns.ts";
import type { Series, TopHistory } from "./history.ts";
import { KEYS_HELP } from "./keys.ts";
import { sparkline } from "./sparkline.ts";
import {
  plainLine,
  renderLine,
  type Style,
  type StyledLine,
} from "./styled_line.ts";
import { type Extent, sortedRows, type TopView, withinBounds } from "./view.ts";

/** What a screen shows. */
export interface ScreenContent {
  readonly url: string;
  /** The last figures; `null` before the first. */
  readonly metrics: MetricsSnapshot | null;
  readonly history: TopHistory;
  readonly view: TopView;
  /** What came of the last command, or why there are no figures. */
  readonly message: StyledLine;
}

/** What a terminal can show. */
export interface ScreenFormat {
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
  /** Whether it has ASCII alone. */
  readonly ascii: boolean;
}

/** Lines above the workers: five of figures, the message, and the headings. */
const HEAD_LINES = 7;
/** In a lower screen there are the first one, the message and the headings. */
const LEAST_ROWS = 14;
const SHORT_HEAD_LINES = 3;
/** Lines below them. */
const FOOT_LINES = 1;
/** Columns between two cells. */
const GAP = 2;
/** The widest chart, and the narrowest one that says anything. */
const CHART_WIDTH = { most: 40, least: 8 };
/** Where a chart in the head begins: behind what stands in most lines. */
const CHART_COLUMN = 60;

const SERVING_STYLES: Readonly<Record<MetricsSnapshot["state"], Style>> = {
  starting: "cyan",
  serving: "green",
  draining: "yellow",
  stopped: "red",
};

/** How many workers there are, and how many fit. */
export function extentOf(
  metrics: MetricsSnapshot | null,
  { rows }: Pick<ScreenFormat, "rows">,
): Extent {
  return {
    workers: metrics?.workers.length ?? 0,
    rows: Math.max(
      rows - FOOT_LINES -
        (rows < LEAST_ROWS ? SHORT_HEAD_LINES : HEAD_LINES),
      1,
    ),
  };
}

/** Draws the screen: as many lines as it has, or fewer. */
export function drawScreen(
  content: ScreenContent,
  format: ScreenFormat,
): readonly string[] {
  const { metrics, message, url } = content;
  const lines = metrics === null
    ? [plainLine(url), message]
    : [...headLines(content, metrics, format), message];
  const table = metrics === null ? [] : tableLines(content, metrics, format);
  const foot = footLine(content, format);
  return [...lines, ...table].slice(0, format.rows - FOOT_LINES).concat([foot])
    .map((line) => renderLine(line, format));
}

function headLines(
  { url, history }: ScreenContent,
  metrics: MetricsSnapshot,
  format: ScreenFormat,
): readonly StyledLine[] {
  const [title = "", workers = "", requests = "", latency = "", ...rest] =
    summaryLines(metrics, url);
  const [before, after] = title.split(`: ${metrics.state}`);
  const first: StyledLine = [
    { text: `${before}: ` },
    { text: metrics.state, style: SERVING_STYLES[metrics.state] },
    { text: after ?? "" },
  ];
  if (format.rows < LEAST_ROWS) return [first];
  return [
    first,
    [{ text: workers, style: metrics.pool.panic ? "red" : "plain" }],
    charted(requests, history.rates, format),
    charted(latency, history.latencies, format),
    ...rest.map(plainLine),
  ];
}

/** A line with the chart of what it tells, as far as there is room. */
function charted(
  text: string,
  series: Series,
  { columns, ascii }: ScreenFormat,
): StyledLine {
  const start = text.padEnd(CHART_COLUMN - GAP) + " ".repeat(GAP);
  const width = Math.min(columns - start.length, CHART_WIDTH.most);
  if (width < CHART_WIDTH.least) return plainLine(text);
  return [
    { text: start },
    { text: sparkline(series, { width, ascii }), style: "cyan" },
  ];
}

function tableLines(
  { history, view }: ScreenContent,
  metrics: MetricsSnapshot,
  format: ScreenFormat,
): readonly StyledLine[] {
  const rows = metrics.workers
    .map((worker): TopRow => ({ worker, history: history.of(worker) }));
  const layout = layOut(rows, view, format);
  const extent = extentOf(metrics, format);
  const { offset } = withinBounds(view, extent);
  const shown = sortedRows(rows, view).slice(offset, offset + extent.rows);
  // One scale for all: who has most to do is seen at once.
  const max = Math.max(
    0,
    ...rows.flatMap((row) => row.history.rates.map((rate) => rate ?? 0)),
  );
  const { chartWidth: width } = layout;
  return [
    headingLine(layout, view, format),
    ...shown.map((row): StyledLine => [
      ...layout.columns.map(({ column, width }) => ({
        text: aligned(column, column.cell(row), width),
        style: column.heading === "STATE" ? stateStyle(row.worker) : "plain",
      } as const)),
      {
        text: sparkline(row.history.rates, { width, max, ascii: format.ascii }),
        style: "cyan",
      },
    ]),
  ];
}

interface Layout {
  readonly columns: readonly {
    readonly column: TopColumn;
    readonly width: number;
  }[];
  readonly chartWidth: number;
}

/** Which columns fit, and how much is left for the chart. That by which is sorted stays. */
function layOut(
  rows: readonly TopRow[],
  view: TopView,
  format: ScreenFormat,
): Layout {
  let columns = TOP_COLUMNS.map((column) => ({
    column,
    width: Math.max(
      // With the mark of the order.
      column.heading.length + 1,
      ...rows.map((row) => column.cell(row).length),
    ),
  }));
  const left = (): number =>
    format.columns -
    columns.reduce((sum, { width }) => sum + width + GAP, 0);
  const sortedBy = TOP_COLUMNS[view.column];
  const least = (): number =>
    Math.max(
      ...columns.filter(({ column }) => column !== sortedBy)
        .map(({ column }) => column.rank),
    );
  while (left() < CHART_WIDTH.least && least() > 0) {
    const rank = least();
    const at = columns.findLastIndex(({ column }) =>
      column.rank === rank && column !== sortedBy
    );
    columns = columns.toSpliced(at, 1);
  }
  return {
    columns,
    chartWidth: Math.max(Math.min(left(), CHART_WIDTH.most), 0),
  };
}

function headingLine(
  { columns }: Layout,
  { column: sortedBy, reversed }: TopView,
  { ascii }: ScreenFormat,
): StyledLine {
  return [
    ...columns.map(({ column, width }) => {
      if (column !== TOP_COLUMNS[sortedBy]) {
        const text = aligned(column, column.heading, width);
        return { text, style: "bold" } as const;
      }
      const down = column.descending !== reversed;
      const mark = ascii ? (down ? "v" : "^") : (down ? "▼" : "▲");
      const text = aligned(column, column.heading + mark, width);
      return { text, style: "inverse" } as const;
    }),
    { text: "REQUESTS", style: "bold" },
  ];
}

/** Words begin on the left, figures end on the right. */
function aligned({ heading }: TopColumn, text: string, width: number): string {
  return (heading === "STATE" ? text.padEnd(width) : text.padStart(width)) +
    " ".repeat(GAP);
}

function footLine(
  { metrics, view }: ScreenContent,
  format: ScreenFormat,
): StyledLine {
  const extent = extentOf(metrics, format);
  const { offset } = withinBounds(view, extent);
  const last = Math.min(offset + extent.rows, extent.workers);
  const shown = last - offset === extent.workers
    ? ""
    : `${offset + 1}-${last} of ${extent.workers}  `;
  return [{ text: shown, style: "bold" }, { text: KEYS_HELP, style: "dim" }];
}
