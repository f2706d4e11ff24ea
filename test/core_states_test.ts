/**
 * Holds the table and the drawing of states in ARCHITECTURE.md to the unions
 * in the source.
 *
 * @module
 */

import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);

/** The machines of the core: where the union of each is, and its name. */
const MACHINES: readonly (readonly [
  machine: string,
  file: string,
  union: string,
])[] = [
  ["Handshake", "handshake.ts", "HandshakeState"],
  ["ClientSession", "client_session.ts", "ClientSessionState"],
  ["RequestEnding", "request_ending.ts", "RequestEndingState"],
  ["Exchange", "exchange.ts", "ExchangeState"],
  ["Attempt", "attempt.ts", "AttemptState"],
  ["RequestBody", "request_body.ts", "RequestBodyState"],
  ["ResponseRelay", "response_relay.ts", "ResponseRelayState"],
  ["BodyPump", "body_pump.ts", "PumpState"],
  ["Tunnel", "tunnel.ts", "TunnelState"],
  ["UpstreamConnection", "upstream_connection.ts", "UpstreamConnectionState"],
  ["AdminExchange", "admin_exchange.ts", "AdminExchangeState"],
];

for (const [machine, file, union] of MACHINES) {
  Deno.test(`ARCHITECTURE.md names the states of ${machine} as they are`, () => {
    const states = statesOf(read(`src/proxy/core/${file}`), union);
    assert.deepEqual(tabled(machine, file), states);
  });
}

Deno.test("ARCHITECTURE.md draws every state of an exchange, and no other", () => {
  const states = statesOf(read("src/proxy/core/exchange.ts"), "ExchangeState");
  assert.deepEqual([...drawn()].sort(), [...states].sort());
});

Deno.test("every union of states in the core is one of a machine that is told of", () => {
  const unions = [...Deno.readDirSync(new URL("src/proxy/core/", ROOT))]
    .flatMap(({ name }) =>
      [
        ...read(`src/proxy/core/${name}`).matchAll(
          /^export type (\w+State) =/gm,
        ),
      ]
        .map(([, union]) => union!)
    );
  assert.deepEqual(unions.sort(), MACHINES.map(([, , union]) => union).sort());
});

Deno.test("the states of a union are found however its members are written", () => {
  const source = `
export type WorkState =
  /** Nothing: { type: "no-state" }. */
  | { readonly type: "idle" }
  | {
    readonly type: "busy";
    readonly next: "part" | "end";
  }
  | Resting
  | "over";

interface Resting {
  readonly type: "resting";
}
`;
  assert.deepEqual(statesOf(source, "WorkState"), [
    "idle",
    "busy",
    "resting",
    "over",
  ]);
});

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The members of a union in the order in which they are written. */
function statesOf(source: string, union: string): readonly string[] {
  const bare = source.replaceAll(/\/\*[^]*?\*\//g, "");
  const start = bare.indexOf(`export type ${union} =`);
  assert.ok(start >= 0, `there is no ${union}`);
  const body = bare.slice(bare.indexOf("=", start) + 1);
  return membersOf(body).map((member) => {
    const literal = /^"([^"]+)"$/.exec(member)?.[1] ?? typeOf(member);
    if (literal !== undefined) return literal;
    const named = new RegExp(`interface ${member} \\{[^]*?^\\}`, "m");
    const state = typeOf(named.exec(bare)?.[0] ?? "");
    assert.ok(state, `${union} has a member without a name: ${member}`);
    return state;
  });
}

/** The parts of a union type that are not within braces, up to its end. */
function membersOf(type: string): readonly string[] {
  const members: string[] = [];
  let depth = 0;
  let member = "";
  for (const character of type) {
    if (character === "{") depth++;
    if (character === "}") depth--;
    const ends = depth === 0 && (character === "|" || character === ";");
    if (!ends) member += character;
    else {
      if (member.trim() !== "") members.push(member.trim());
      member = "";
      if (character === ";") break;
    }
  }
  return members;
}

function typeOf(member: string): string | undefined {
  return /readonly type: "([^"]+)"/.exec(member)?.[1];
}

/** The states in the row of a machine. */
function tabled(machine: string, file: string): readonly string[] {
  const row = read("ARCHITECTURE.md").split("\n")
    .filter((line) => line.startsWith(`| \`${machine}\``));
  assert.equal(row.length, 1, `rows of ${machine}`);
  const [, , place = "", states = ""] = row[0]!.split("|");
  assert.equal(place.trim(), `\`${file}\``);
  return [...states.matchAll(/`([^`]+)`/g)].map(([, state]) => state!);
}

/** The states in the drawing of an exchange. */
function drawn(): ReadonlySet<string> {
  const section = read("ARCHITECTURE.md").split(/^## /m)
    .find((part) => part.startsWith("The states of the core"));
  const drawing = /```mermaid\nstateDiagram-v2\n([^]*?)```/.exec(section ?? "");
  assert.ok(drawing, "there is no drawing of an exchange");
  const names = drawing[1]!.split("\n").flatMap((line) =>
    /^ {2}(\S+) --> ([^:\s]+)/.exec(line)?.slice(1) ?? []
  );
  return new Set(names.filter((name) => name !== "[*]"));
}
