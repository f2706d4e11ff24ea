/**
 * Which part of the workers `top` shows, and in what order. Pure.
 *
 * @module
 */

import { TOP_COLUMNS, type TopRow } from "./columns.ts";
import type { TopAction } from "./keys.ts";

/** What is looked at. */
export interface TopView {
  /** Index of the column that the workers are sorted by. */
  readonly column: number;
  /** Whether in the other order than the column's own. */
  readonly reversed: boolean;
  /** Workers above the first one that is shown. */
  readonly offset: number;
}

/** What is looked at first: all workers by their number. */
export const FIRST_VIEW: TopView = { column: 0, reversed: false, offset: 0 };

/** How much there is, and how much of it fits. */
export interface Extent {
  readonly workers: number;
  readonly rows: number;
}

/** Returns what is looked at after `action`. */
export function moved(
  view: TopView,
  action: TopAction,
  { workers, rows }: Extent,
): TopView {
  const page = Math.max(rows, 1);
  const scrolled = (offset: number): TopView =>
    withinBounds({ ...view, offset }, { workers, rows });
  const sorted = (by: number): TopView => ({
    column: (view.column + by + TOP_COLUMNS.length) % TOP_COLUMNS.length,
    reversed: false,
    offset: 0,
  });
  switch (action) {
    case "line-up":
      return scrolled(view.offset - 1);
    case "line-down":
      return scrolled(view.offset + 1);
    case "page-up":
      return scrolled(view.offset - page);
    case "page-down":
      return scrolled(view.offset + page);
    case "first":
      return scrolled(0);
    case "last":
      return scrolled(workers);
    case "previous-column":
      return sorted(-1);
    case "next-column":
      return sorted(1);
    case "reverse":
      return { ...view, reversed: !view.reversed };
    default:
      return view;
  }
}

/** Returns the view moved so far that no line of the screen is empty which need not be. */
export function withinBounds(
  view: TopView,
  { workers, rows }: Extent,
): TopView {
  const last = Math.max(workers - Math.max(rows, 1), 0);
  return { ...view, offset: Math.min(Math.max(view.offset, 0), last) };
}

/** Returns the rows in the order that is asked for; equal ones by their number. */
export function sortedRows(
  rows: readonly TopRow[],
  { column, reversed }: TopView,
): readonly TopRow[] {
  const { value, descending } = TOP_COLUMNS[column]!;
  const sign = descending === reversed ? 1 : -1;
  return rows.toSorted((a, b) =>
    sign * compare(value(a), value(b)) || a.worker.id - b.worker.id
  );
}

/** What is not known is the least. */
function compare(a: number | null, b: number | null): number {
  return (a ?? -Infinity) === (b ?? -Infinity)
    ? 0
    : (a ?? -Infinity) < (b ?? -Infinity)
    ? -1
    : 1;
}
