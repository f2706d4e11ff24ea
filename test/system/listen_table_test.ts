/**
 * What the kernel's tables of sockets say.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  inodesListeningOn,
  isPastListeners,
  parseListenTable,
  receiversOf,
  receives,
} from "../../src/system/listen_table.ts";

const REST = "00000000:00000000 00:00000000 00000000";
const V4 = [
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
  `   0: 0100007F:1F91 00000000:0000 0A ${REST}  1000        0 4711 1 0000`,
  `   1: 00000000:0050 00000000:0000 0A ${REST}     0        0 4712 1 0000`,
  `   2: 0100007F:1F91 0100007F:9C40 01 ${REST}     0        0 4713 1 0000`,
  "",
].join("\n");
const NOBODY = "00000000000000000000000000000000";
const V6 = [
  "  sl  local_address remote_address st ...",
  `   0: ${NOBODY}:1F91 ${NOBODY}:0000 0A ${REST}     0        0 4721 1 0000`,
  `   1: 00000000000000000000000001000000:1F92 ${NOBODY}:0000 0A ${REST}     0        0 4722 1 0000`,
  `   2: 0000000000000000FFFF00000100007F:1F93 ${NOBODY}:0000 0A ${REST}     0        0 4723 1 0000`,
  `   3: B80D0120000000000000000001000000:1F94 ${NOBODY}:0000 0A ${REST}     0        0 4724 1 0000`,
].join("\n");

Deno.test("only sockets that listen are read, with their addresses as people write them", () => {
  assert.deepEqual(parseListenTable(V4), [
    { address: "127.0.0.1", port: 8081, inode: "4711", uid: 1000 },
    { address: "0.0.0.0", port: 80, inode: "4712", uid: 0 },
  ]);
  assert.deepEqual(
    parseListenTable(V6).map(({ address, port }) => `${address} ${port}`),
    [":: 8081", "::1 8082", "127.0.0.1 8083", "2001:db8::1 8084"],
  );
});

Deno.test("the sockets that listen end at the first one that does not", () => {
  const lines = V4.split("\n");
  assert.deepEqual(lines.map(isPastListeners), [
    false,
    false,
    false,
    true,
    false,
  ]);
});

Deno.test("an exact address receives before all addresses, and IPv4 before IPv6", () => {
  const at = (address: string, inode: string): {
    address: string;
    port: number;
    inode: string;
    uid: number;
  } => ({ address, port: 8081, inode, uid: 0 });
  const [exact, shared] = [at("127.0.0.1", "1"), at("127.0.0.1", "2")];
  const [all4, all6, lan] = [
    at("0.0.0.0", "3"),
    at("::", "4"),
    at("192.0.2.7", "5"),
  ];
  const target = { address: "127.0.0.1", port: 8081 };
  assert.deepEqual(receiversOf([lan, all6, all4, exact, shared], target), [
    exact,
    shared,
  ]);
  assert.deepEqual(receiversOf([lan, all6, all4], target), [all4]);
  assert.deepEqual(receiversOf([lan, all6], target), [all6]);
  assert.deepEqual(receiversOf([lan], target), []);
  assert.deepEqual(receiversOf([all4], { ...target, address: "::1" }), []);
  assert.deepEqual(
    [exact, all4, all6, lan].map((socket) => receives(socket, target)),
    [true, true, true, false],
  );
});

Deno.test("a holder is found by the inode of its listening socket", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1",
    "   1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1",
    "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1",
  ].join("\n");
  assert.deepEqual([...inodesListeningOn(table, 8_081)], ["4711"]);
  assert.deepEqual([...inodesListeningOn(table, 80)], ["4713"]);
  assert.deepEqual([...inodesListeningOn(table, 81)], []);
});
