/** What the documents link to is there. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { documents } from "../support/documents.ts";
import { ROOT } from "../support/example.ts";

/** A heading as it is linked to: lower case, without punctuation, with hyphens. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^\w\s-]/g, "").trim()
    .replaceAll(/\s/g, "-");
}

function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1]!)),
  );
}

Deno.test("every link within the project leads to a file, and to a heading in it", () => {
  const broken: string[] = [];
  for (const document of [...documents(), "ARCHITECTURE.md", "CHANGELOG.md"]) {
    const text = Deno.readTextFileSync(ROOT + document);
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", heading] = target.split("#");
      const file = path === "" ? document : join(dirname(document), path);
      try {
        if (heading === undefined) Deno.statSync(ROOT + file);
        else if (!anchorsOf(Deno.readTextFileSync(ROOT + file)).has(heading)) {
          broken.push(`${document}: ${target}`);
        }
      } catch {
        broken.push(`${document}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});
