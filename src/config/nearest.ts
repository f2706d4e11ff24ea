/**
 * Finds what somebody meant who mistyped a name.
 *
 * @module
 */

/** As a share of the longer name: more edits than that are another word. */
const MAX_EDIT_RATIO = 0.4;

/** Returns the one of `names` that is most like `typed`, or `null` when none is. */
export function nearest(
  typed: string,
  names: Iterable<string>,
): string | null {
  let best: string | null = null;
  let bestRatio = MAX_EDIT_RATIO;
  for (const name of names) {
    const ratio = editDistance(typed, name) /
      Math.max(typed.length, name.length);
    if (ratio < bestRatio) [best, bestRatio] = [name, ratio];
  }
  return best;
}

/** Levenshtein's distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(
        row[j - 1]! + 1,
        previous[j]! + 1,
        previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      ));
    }
    previous = row;
  }
  return previous[b.length]!;
}
