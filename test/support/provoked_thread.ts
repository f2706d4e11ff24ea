/**
 * The thread of the data plane, which whoever asks for `/_hang` or `/_die`
 * brings down. What is asked in the same write as these is lost.
 *
 * @module
 */

import { RemotePages } from "../../src/plane/remote_pages.ts";
import type { AdminPage } from "../../src/proxy/core/admin_port.ts";
import { EventLoop } from "../../src/transport/epoll/event_loop.ts";
import "../../src/plane/data_plane_thread.ts";

let broken = false;

const take = RemotePages.prototype.take;
RemotePages.prototype.take = function (request): AdminPage | null {
  while (request.target === "/_hang");
  if (request.target === "/_die") broken = true;
  return take.call(this, request);
};

const turn = EventLoop.prototype.turn;
EventLoop.prototype.turn = function (maxWaitMs): void {
  if (broken) throw new Error("the loop is broken");
  turn.call(this, maxWaitMs);
};
