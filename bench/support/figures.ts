/**
 * From figures to the text of a table. Pure.
 *
 * @module
 */

/** Median, the mean of the middle two for an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) +
    (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** The value below which the share `ratio` of the values lies, by the nearest rank; NaN of nothing. */
export function quantile(values: readonly number[], ratio: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? NaN;
}

/** A number as text; what could not be had is a dash. */
export function figure(value: number, digits: number, unit = ""): string {
  return Number.isFinite(value) ? value.toFixed(digits) + unit : "-";
}

/** The first column to the left, the others to the right; a long last cell hangs over. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from(
    { length: columns },
    (_, column) =>
      Math.max(
        ...rows.map((cells) =>
          cells.length < columns ? 0 : cells[column]!.length
        ),
      ),
  );
  return rows.map((cells) =>
    cells.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[0]!)
        : cell.padStart(cells.length < columns ? 0 : widths[column] ?? 0)
    ).join("  ")
  );
}
