/** When nothing can be opened, that is nobody's fault and passes. */

import assert from "node:assert/strict";
import { get, ok } from "../support/message_text.ts";
import { answering } from "../support/origin_script.ts";
import { OutOfDescriptors, OutOfPorts } from "../support/shortage.ts";
import { startProxy } from "../support/proxy_server.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingOrigin } from "../support/recording_origin.ts";
import { ON_EPOLL } from "../support/any_proxy.ts";

// On epoll it takes a real shortage, in a process of its own:
// test/transport/epoll/descriptors_test.ts.
for (
  const [Shortage, note] of [
    [OutOfDescriptors, "EMFILE"],
    [OutOfPorts, "AddrNotAvailable"],
  ] as const
) {
  (ON_EPOLL ? () => {} : Deno.test)(
    `a request that no worker connection can be opened for (${note}) is a 503 with Retry-After, and no worker is blamed`,
    async () => {
      await using origin = await RecordingOrigin.start([answering(ok("ok"))]);
      await using proxy = startProxy({ origins: [origin.port] });
      await using client = await RawClient.connect(proxy);
      {
        using shortage = new Shortage("connect");
        const response = await client.ask(get("/"));
        assert.equal(response.status, 503);
        assert.equal(response.headers.get("retry-after"), "1");
        assert.equal(shortage.calls, 1);
        const failed = await proxy.waitForEvent("exchange-failed");
        assert.equal(failed.note, note);
      }
      assert.equal((await client.ask(get("/"))).text, "ok");
      assert.equal(proxy.upstreams[0]?.failures, 0);
      assert.ok(proxy.upstreams[0]?.accepting);
    },
  );
}
