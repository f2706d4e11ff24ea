import assert from "node:assert/strict";
import { visitCookies } from "../../src/http1/cookies.ts";
import { get } from "../support/message_text.ts";
import { toText } from "../support/raw_socket.ts";
import { parseRequest } from "./parsing.ts";

/** The cookies in these field lines, up to the one that is `last`. */
function cookies(lines: readonly string[], last?: string): readonly string[] {
  const { head, bytes } = parseRequest(get("/", ...lines));
  const seen: string[] = [];
  visitCookies(bytes, head.fields, (start, end) => {
    seen.push(toText(bytes.subarray(start, end)));
    return seen.at(-1) !== last;
  });
  return seen;
}

Deno.test("RFC 6265 §4.2.1: cookies are separated by a semicolon and a space", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["a=1", ["a=1"]],
    ["a=1; b=2; c=3", ["a=1", "b=2", "c=3"]],
    ["a=1;b=2;  c=3;", ["a=1", "b=2", "c=3"]],
    ['a="x y"; b=a=b; c', ['a="x y"', "b=a=b", "c"]],
    ["", []],
    ["; a=1", ["", "a=1"]],
  ];
  for (const [value, expected] of cases) {
    assert.deepEqual(cookies([`Cookie: ${value}`]), expected, value);
  }
});

Deno.test("every Cookie field counts, however it is written, and no other field", () => {
  assert.deepEqual(
    cookies(["cookie: a=1", "Cookies: x=1", "X-Cookie: x=1", "COOKIE: b=2"]),
    ["a=1", "b=2"],
  );
});

Deno.test("who has found the cookie it wanted is shown no others", () => {
  assert.deepEqual(
    cookies(["Cookie: a=1; b=2; c=3", "Cookie: d=4"], "b=2"),
    ["a=1", "b=2"],
  );
});
