/**
 * Whose the sockets are that a worker is reached at.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Proc, TableName } from "../../src/system/proc.ts";
import {
  type SocketOwner,
  WorkerSockets,
} from "../../src/system/worker_sockets.ts";

const PORT = 8081;
const WORKER: SocketOwner = {
  pid: 10,
  mark: "POOL=7",
  hostname: "127.0.0.1",
  port: PORT,
};

/** A machine that is described, and counts how often it is looked at. */
class Machine implements Proc {
  /** Listening sockets: address in hexadecimal, inode. */
  listeners: readonly (readonly [string, string])[] = [];
  /** Name, parent and group by process id. */
  processes: Readonly<Record<number, readonly [string, number, number]>> = {
    10: ["node", 1, 10],
  };
  /** Sockets by process id; `null` may not be seen. */
  open: Readonly<Record<number, readonly string[] | null>> = {};
  marks: readonly number[] = [10];
  reads = 0;

  table(name: TableName): Promise<string> {
    this.reads++;
    const long = name === "tcp6" ? 32 : 8;
    const lines = this.listeners
      .filter(([address]) => address.length === long)
      .map(([address, inode]) =>
        `0: ${address}:1F91 ${
          "0".repeat(long)
        }:0000 0A 0:0 0:0 0 1000 0 ${inode}`
      );
    return Promise.resolve(lines.join("\n"));
  }
  stats(): Promise<string> {
    return Promise.resolve(
      Object.entries(this.processes).map(([pid, [name, parent, group]]) =>
        `${pid} (${name}) S ${parent} ${group} ${group} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 900`
      ).join("\n"),
    );
  }
  sockets(
    pids: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlySet<string> | null>> {
    return Promise.resolve(
      new Map(
        pids.filter((pid) => pid in this.processes).map((pid) => {
          const inodes = this.open[pid];
          return [pid, inodes === null ? null : new Set(inodes)];
        }),
      ),
    );
  }
  marked(): Promise<readonly number[]> {
    return Promise.resolve(this.marks);
  }
  readsPort(): Promise<boolean> {
    return Promise.resolve(false);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const LOOPBACK = "0100007F";
const ALL = "00000000";
const ALL_6 = "0".repeat(32);
const OWN = { type: "own", listener: 10 };
const UNKNOWN = { type: "unknown" };

/** What is said of the worker on a machine that is like this. */
async function ownership(machine: Partial<Machine>): Promise<unknown> {
  const sockets = new WorkerSockets(
    Promise.resolve(Object.assign(new Machine(), machine)),
  );
  return await sockets.ownership(WORKER, true);
}

Deno.test("a worker owns what it listens on itself, on whatever address", async () => {
  for (const address of [LOOPBACK, ALL, ALL_6]) {
    const open = { 10: ["1"] };
    assert.deepEqual(
      await ownership({ listeners: [[address, "1"]], open }),
      OWN,
    );
  }
});

Deno.test("what its children listen on is a worker's own, in whatever group, and what carries the pool's mark", async () => {
  const listeners = [[LOOPBACK, "1"]] as const;
  const open = { 11: ["1"] };
  const child = { 10: ["sh", 1, 10], 11: ["node", 10, 11] } as const;
  const own = { type: "own", listener: 11 };
  assert.deepEqual(await ownership({ listeners, open, processes: child }), own);
  const daemon = { 10: ["sh", 1, 10], 11: ["node", 1, 11] } as const;
  assert.deepEqual(
    await ownership({ listeners, open, processes: daemon, marks: [10, 11] }),
    own,
  );
  assert.deepEqual(
    await ownership({ listeners, open, processes: daemon }),
    { type: "foreign", holder: "node (pid 11)" },
  );
});

Deno.test("of several that listen behind a wrapper none is the one, and the first process is where it does itself", async () => {
  const processes = {
    10: ["npm start", 1, 10],
    11: ["gunicorn", 10, 10],
    12: ["gunicorn", 11, 10],
  } as const;
  const listeners = [[LOOPBACK, "1"], [LOOPBACK, "2"]] as const;
  const several = { type: "own", listener: null };
  for (
    const open of [{ 11: ["1", "2"], 12: ["1"] }, { 11: ["1"], 12: ["2"] }]
  ) {
    assert.deepEqual(
      await ownership({ listeners, open, processes }),
      several,
    );
  }
  const open = { 10: ["1", "2"], 11: ["1", "2"] };
  assert.deepEqual(await ownership({ listeners, open, processes }), OWN);
});

Deno.test("another worker of the pool is a stranger at this one's port", async () => {
  const processes = {
    10: ["node", Deno.pid, 10],
    11: ["node", Deno.pid, 11],
  } as const;
  assert.deepEqual(
    await ownership({
      listeners: [[LOOPBACK, "1"]],
      open: { 11: ["1"] },
      processes,
      marks: [10, 11],
    }),
    { type: "foreign", holder: "node (pid 11)" },
  );
});

Deno.test("one stranger among those that share a port is enough, and a more exact address", async () => {
  const processes = { 10: ["node", 1, 10], 99: ["nginx", 1, 99] } as const;
  const open = { 10: ["1"], 99: ["2"] };
  const foreign = { type: "foreign", holder: "nginx (pid 99)" };
  for (
    const listeners of [
      [[LOOPBACK, "1"], [LOOPBACK, "2"]],
      [[ALL, "1"], [LOOPBACK, "2"]],
    ] as const
  ) {
    assert.deepEqual(await ownership({ listeners, open, processes }), foreign);
  }
  // A less exact one receives nothing.
  assert.deepEqual(
    await ownership({
      listeners: [[LOOPBACK, "1"], [ALL_6, "2"]],
      open,
      processes,
    }),
    OWN,
  );
});

Deno.test("a stranger who cannot be seen is named by the user", async () => {
  assert.deepEqual(await ownership({ listeners: [[LOOPBACK, "2"]] }), {
    type: "foreign",
    holder: "a program of user 1000",
  });
});

Deno.test("what cannot be told is never held against a worker", async () => {
  const listeners = [[LOOPBACK, "2"]] as const;
  // Its own descriptors may not be seen: it runs as another user.
  assert.deepEqual(await ownership({ listeners, open: { 10: null } }), UNKNOWN);
  // Its port is published by a service that is no child of it.
  const docker = { 10: ["docker", 1, 10] } as const;
  assert.deepEqual(await ownership({ listeners, processes: docker }), UNKNOWN);
  // Nobody listens there by the tables: redirected by the kernel.
  assert.deepEqual(await ownership({}), UNKNOWN);
  const blind = new WorkerSockets(Promise.resolve(null));
  assert.deepEqual(await blind.ownership(WORKER, true), UNKNOWN);
  const broken = Object.assign(new Machine(), {
    table: () => Promise.reject(new Error("gone")),
  });
  assert.deepEqual(
    await new WorkerSockets(Promise.resolve(broken)).ownership(WORKER, true),
    UNKNOWN,
  );
});

Deno.test("workers that serve share what is read, for two seconds; one that starts is looked at anew", async () => {
  const machine = Object.assign(new Machine(), {
    listeners: [[LOOPBACK, "1"]],
    open: { 10: ["1"] },
  });
  let now = 0;
  const sockets = new WorkerSockets(Promise.resolve(machine), () => now);
  const look = async (fresh: boolean): Promise<number> => {
    await sockets.ownership(WORKER, fresh);
    return machine.reads;
  };
  assert.equal(await look(true), 1);
  now = 1_999;
  assert.equal(await look(false), 1);
  assert.equal(await look(true), 2);
  now += 2_000;
  assert.equal(await look(false), 3);
});

Deno.test("a view has all sockets of a worker's processes", async () => {
  const machine = Object.assign(new Machine(), {
    listeners: [[LOOPBACK, "1"], [ALL_6, "2"], [ALL, "3"]],
    processes: { 10: ["sh", 1, 10], 11: ["node", 10, 10] },
    open: { 11: ["1", "2"] },
  });
  const view = await new WorkerSockets(Promise.resolve(machine)).view(WORKER);
  assert.deepEqual(
    view?.sockets.map(({ address, process }) => [address, process.name]),
    [["127.0.0.1", "node"], ["::", "node"]],
  );
  assert.equal(view?.processes.length, 2);
});
