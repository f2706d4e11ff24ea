/** Who holds a port. */

import assert from "node:assert/strict";
import { DirectProc } from "../../src/system/direct_proc.ts";
import { findPortHolder } from "../../src/system/port_holder.ts";

const ignore = Deno.build.os !== "linux";

/** The tables of sockets of a kernel whose IPv6 is off, copied. */
async function tablesWithoutIpv6(): Promise<string> {
  const directory = await Deno.makeTempDir();
  const table = await Deno.readTextFile("/proc/net/tcp");
  await Deno.writeTextFile(`${directory}/tcp`, table);
  return directory;
}

Deno.test({
  name: "the holder of a port is named, with IPv6 and where that is off",
  ignore,
  async fn(): Promise<void> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const us = new RegExp(`^.+ \\(pid ${Deno.pid}\\)$`);
    assert.match(await findPortHolder(port) ?? "", us);
    const directory = await tablesWithoutIpv6();
    try {
      const proc = new DirectProc(directory);
      assert.match(await findPortHolder(port, proc) ?? "", us);
      assert.equal(await proc.table("tcp6"), "");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    // Not even the other table: nothing is known.
    assert.equal(await findPortHolder(port, new DirectProc(directory)), null);
    await assert.rejects(new DirectProc(directory).table("tcp"));
  },
});
