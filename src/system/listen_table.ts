/**
 * Which sockets listen on this machine, read from the text of `/proc/net/tcp`
 * and `/proc/net/tcp6`, and which of them receive a connection.
 *
 * Pure: reads no file.
 *
 * @module
 */

/** State of a listening socket in the tables. */
const LISTENING = "0A";

/** A socket that listens. */
export interface ListenSocket {
  /** Where, as a literal IP address; `0.0.0.0` and `::` are all addresses. */
  readonly address: string;
  readonly port: number;
  /** Number of the socket, by which it is found among a process' descriptors. */
  readonly inode: string;
  /** User who opened it. */
  readonly uid: number;
}

/** Returns the listening sockets in the text of one or both tables. Lines of other sockets are passed over. */
export function parseListenTable(text: string): readonly ListenSocket[] {
  const sockets: ListenSocket[] = [];
  for (const line of text.split("\n")) {
    // sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode
    const fields = line.trim().split(/\s+/);
    const [hexAddress = "", hexPort = ""] = fields[1]?.split(":") ?? [];
    const inode = fields[9];
    if (fields[3] !== LISTENING || inode === undefined) continue;
    sockets.push({
      address: parseAddress(hexAddress),
      port: Number.parseInt(hexPort, 16),
      inode,
      uid: Number(fields[7]),
    });
  }
  return sockets;
}

/** Returns the inodes of the sockets that listen on `port`, wherever. */
export function inodesListeningOn(
  text: string,
  port: number,
): ReadonlySet<string> {
  return new Set(
    parseListenTable(text).filter((socket) => socket.port === port)
      .map(({ inode }) => inode),
  );
}

/** Whether a line of a table is about a socket that does not listen: those that do come first. */
export function isPastListeners(line: string): boolean {
  const state = line.trim().split(/\s+/)[3];
  return state !== undefined && /^[0-9A-F]{2}$/.test(state) &&
    state !== LISTENING;
}

/**
 * Returns the sockets among which the kernel chooses for a connection to
 * `address`: those bound to the very address before those bound to all of
 * them, and IPv4 before IPv6. More than one share the port (SO_REUSEPORT), and
 * each gets a part of the connections.
 */
export function receiversOf(
  sockets: readonly ListenSocket[],
  { address, port }: { readonly address: string; readonly port: number },
): readonly ListenSocket[] {
  for (const bound of [address, ...wildcardsFor(address)]) {
    const found = sockets.filter((socket) =>
      socket.port === port && socket.address === bound
    );
    if (found.length > 0) return found;
  }
  return [];
}

/** Whether a socket is one that may receive a connection to `address`, when there is no other. */
export function receives(
  socket: Pick<ListenSocket, "address" | "port">,
  target: { readonly address: string; readonly port: number },
): boolean {
  return socket.port === target.port &&
    [target.address, ...wildcardsFor(target.address)].includes(socket.address);
}

/** An IPv6 socket for all addresses takes connections over IPv4 too, unless it was told not to. */
function wildcardsFor(address: string): readonly string[] {
  return address.includes(":") ? ["::"] : ["0.0.0.0", "::"];
}

/** Both tables write addresses as 32-bit words in the byte order of the machine, which is little-endian wherever Deno runs. */
function parseAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = word + 6; at >= word; at -= 2) {
      bytes.push(Number.parseInt(hex.slice(at, at + 2), 16));
    }
  }
  if (bytes.length === 4) return bytes.join(".");
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join(".");
  const groups = bytes.flatMap((byte, index) =>
    index % 2 === 0 ? [(byte << 8 | bytes[index + 1]!).toString(16)] : []
  );
  return compress(groups);
}

/** Writes `::` for the longest run of zeros (RFC 5952 §4.2). */
function compress(groups: readonly string[]): string {
  let [start, length] = [0, 0];
  for (let at = 0; at < groups.length; at++) {
    let end = at;
    while (groups[end] === "0") end++;
    if (end - at > length) [start, length] = [at, end - at];
  }
  if (length < 2) return groups.join(":");
  return groups.slice(0, start).join(":") + "::" +
    groups.slice(start + length).join(":");
}
