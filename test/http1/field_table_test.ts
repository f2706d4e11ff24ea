import assert from "node:assert/strict";
import { Field, fieldKind } from "../../src/http1/field_names.ts";
import {
  FieldTable,
  forEachMember,
  hasMember,
  INCOMPLETE,
  MAX_FIELDS,
  parseFieldLines,
} from "../../src/http1/field_table.ts";
import { toBytes, toText } from "../support/raw_socket.ts";

function parse(text: string): [string, string][] {
  const bytes = toBytes(text);
  const fields = new FieldTable();
  const next = parseFieldLines(bytes, 0, bytes.length, fields);
  assert.equal(next, text.length);
  return fields.entries(bytes);
}

function membersOf(text: string): string[] {
  const bytes = toBytes(text);
  const members: string[] = [];
  forEachMember(bytes, 0, bytes.length, (start, end) => {
    members.push(toText(bytes.subarray(start, end)));
  });
  return members;
}

Deno.test("RFC 9112 §5.1: white space around a value does not belong to it", () => {
  assert.deepEqual(
    parse("A:b\r\nC: \t d \t e \t\r\nF:\r\nG: \t \r\n\r\n"),
    [["A", "b"], ["C", "d \t e"], ["F", ""], ["G", ""]],
  );
});

Deno.test("RFC 9110 §5.5: obs-text and tabs may stand in a value", () => {
  assert.deepEqual(parse("A: \x80\t\xff\r\n\r\n"), [["A", "\x80\t\xff"]]);
});

Deno.test("RFC 9110 §5.6.2: a name is a token and nothing else", () => {
  const allowed = "!#$%&'*+-.^_`|~";
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    const isToken = /[A-Za-z0-9]/.test(character) ||
      allowed.includes(character);
    const text = `X${character}X: y\r\n\r\n`;
    if (isToken) assert.equal(parse(text)[0]?.[0], `X${character}X`);
    // A colon ends the name, and the rest is its value.
    else if (character === ":") assert.equal(parse(text)[0]?.[1], "X: y");
    else assert.throws(() => parse(text), { status: 400 }, `${octet}`);
  }
});

Deno.test("RFC 9110 §5.5: a value has no controls but tabs", () => {
  for (let octet = 0; octet < 256; octet++) {
    const text = `A: x${String.fromCharCode(octet)}y\r\n\r\n`;
    const allowed = octet === 9 || (octet >= 32 && octet !== 127);
    if (allowed) assert.equal(parse(text).length, 1);
    else assert.throws(() => parse(text), { status: 400 }, `${octet}`);
  }
});

Deno.test("RFC 6585 §5: as many fields as fit, and not one more", () => {
  const most = "A: b\r\n".repeat(MAX_FIELDS);
  assert.equal(parse(most + "\r\n").length, MAX_FIELDS);
  assert.throws(() => parse(most + "C: d\r\n\r\n"), { status: 431 });
});

Deno.test("a field section that is not whole is incomplete", () => {
  const text = "A: b\r\nC: d\r\n\r\n";
  for (let end = 0; end < text.length; end++) {
    const bytes = toBytes(text.slice(0, end));
    const next = parseFieldLines(bytes, 0, bytes.length, new FieldTable());
    assert.equal(next, INCOMPLETE);
  }
});

Deno.test("RFC 9110 §5.6.1: empty members of a list do not count", () => {
  assert.deepEqual(membersOf("a, b,c ,\t d"), ["a", "b", "c", "d"]);
  assert.deepEqual(membersOf(" , ,,a,"), ["a"]);
  assert.deepEqual(membersOf(""), []);
  const bytes = toBytes("x, CLOSE ,closed");
  const has = (lower: string): boolean =>
    hasMember(bytes, 0, bytes.length, toBytes(lower));
  assert.deepEqual(["close", "closed", "clos"].map(has), [true, true, false]);
});

Deno.test("known names are recognised in any case, and their doubles with underscores as aliases", () => {
  const names = Object.keys(Field).filter((name) =>
    name !== "OTHER" && name !== "ALIAS"
  ) as (keyof typeof Field)[];
  const kindOf = (name: string): number =>
    fieldKind(toBytes(name), 0, name.length);
  for (const key of names) {
    const name = key === "HTTP2_SETTINGS"
      ? "HTTP2-Settings"
      : key.replaceAll("_", "-");
    assert.equal(kindOf(name), Field[key], name);
    assert.equal(kindOf(name.toLowerCase()), Field[key], name);
    assert.equal(kindOf(`${name}x`), Field.OTHER, name);
    assert.equal(kindOf(`x${name}`), Field.OTHER, name);
    if (name.includes("-")) {
      assert.equal(kindOf(name.replace("-", "_")), Field.ALIAS, name);
      assert.equal(kindOf(name.replaceAll("-", "_")), Field.ALIAS, name);
    }
  }
  for (const name of ["A", "X-Other", "Accept", "X_Other"]) {
    assert.equal(kindOf(name), Field.OTHER, name);
  }
});
