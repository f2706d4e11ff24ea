/** The program's pages are taken out of the process's tables, and nothing else is. */

import assert from "node:assert/strict";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import {
  programMappings,
  unmapProgram,
} from "../../../src/transport/epoll/program_pages.ts";

/** Pages of 4 KiB that a mapping of 32 MiB has, as the kernel says it. */
const lines = (
  { flags = "r-xp", inode = "1449986", size = 0x200_0000, anonymous = 0 },
): string =>
  `7f0000000000-${
    (0x7f00_0000_0000 + size).toString(16)
  } ${flags} 01b8e000 fe:00 ${inode}                    /opt/deno
Rss:               24036 kB
Anonymous:      ${String(anonymous).padStart(8)} kB
VmFlags: rd ex mr mw me
`;

Deno.test("what is large, of a file, read only and unchanged is found", () => {
  const mapping = { address: 0x7f00_0000_0000n, length: 0x200_0000n };
  assert.deepEqual(programMappings(lines({})), [mapping]);
  assert.deepEqual(programMappings(lines({ flags: "r--p" })), [mapping]);
});

for (
  const [what, mapping] of [
    ["has been changed", { anonymous: 4 }],
    ["may be written to", { flags: "rw-p" }],
    ["is shared", { flags: "r--s" }],
    ["is of no file", { inode: "0" }],
    ["is small", { size: 0x20_0000 }],
  ] as const
) {
  Deno.test(`a mapping that ${what} is left alone`, () => {
    assert.deepEqual(programMappings(lines(mapping)), []);
  });
}

Deno.test({
  name: "the program's pages are unmapped, and are there when they are needed",
  ignore: Deno.build.os !== "linux",
  fn(): void {
    const libc = openLibc();
    try {
      const before = residentKiB();
      unmapProgram(libc);
      const after = residentKiB();
      assert(after < before, `${after} KiB of ${before}`);
      // Code that has not run here before.
      assert.equal(new Intl.NumberFormat("de").format(1234.5), "1.234,5");
    } finally {
      libc.close();
    }
  },
});

/** What of the pages of files is mapped. */
function residentKiB(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(status)![1]);
}
