/**
 * What keeps people from using a page, as axe-core finds it.
 *
 * @module
 */

import axe from "axe-core";
import type { Page } from "playwright-core";

/** One kind of finding. */
interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly {
    readonly html: string;
    readonly failureSummary?: string;
  }[];
}

/** Looks at the page as it is, and returns a text for each finding. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  // Not a script of the page, whose policy would not let it in.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(
    "axe.run().then(({ violations }) => violations)",
  ) as readonly Violation[];
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = "" }) =>
      `${id}: ${help}: ${html}: ${failureSummary}`
    )
  );
}
