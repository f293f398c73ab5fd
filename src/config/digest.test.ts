import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digestOf } from "./digest.js";
import { parseConfig } from "./parser.js";
import { decodeConfigText } from "./text.js";

const world = {
  env: () => undefined,
  readFile(): string {
    throw new Error("no files here");
  },
};
const digest = (text: string) => digestOf(parseConfig({ file: "server.conf", text }, world));
const digestOfJson = (json: string) => `sha256:${createHash("sha256").update(`${json}\n`).digest("hex")}`;

/** Compares through the JSON that the digest is of. */
function assertJson(config: string, json: string): void {
  assert.equal(digest(config), digestOfJson(json), `${config} as ${json}`);
}

test("digests agree with those the reference prints", () => {
  assert.equal(digest("port: 4222"), "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e");
  assert.equal(digest("server_name: größe"), "sha256:597bfd81a12d5781c891fb756f0ac9ae9f92e2710696b0ddd4c798c6393e8f84");
  assert.equal(
    digest("authorization { permissions { publish: > } }"),
    "sha256:66302c7a0df881e53f298da42a00323191861ed48d1e23d7f9433daa7d066c2d",
  );
  assert.equal(
    digest("authorization { timeout: -0.5 }"),
    "sha256:08237e4936f102f1572a87c3d05d413194ff23c49b5bc8e012da4752d2ed38cf",
  );
});

test("keys are sorted by their UTF-8 bytes", () => {
  assertJson("b: 1\na: 2\nB: 3\n10: 4\n2: 5", '{"10":4,"2":5,"B":3,"a":2,"b":1}');
  assertJson("\u{1f600}: 1\n\uffee: 2\né: 3", '{"é":3,"\uffee":2,"\u{1f600}":1}');
});

test("strings are escaped for HTML, and invalid bytes are replacement characters", () => {
  assertJson(
    `a: "<&>\\t\\n\\r\\"\\\\\\x08\\x0c\\x00\\x1f\\x7f"`,
    '{"a":"\\u003c\\u0026\\u003e\\t\\n\\r\\"\\\\\\b\\f\\u0000\\u001f\x7f"}',
  );
  assertJson("a: '\u2028\u2029\u{1f600}'", '{"a":"\\u2028\\u2029\u{1f600}"}');
  assertJson(`a: "\\xe2\\x82\\xac\\xff\\xe2\\x82"`, '{"a":"€\ufffd\ufffd\ufffd"}');
  const bytes = Buffer.from("a: '\xff\xe2\x82'", "latin1");
  assertJson(decodeConfigText(bytes), '{"a":"\ufffd\ufffd\ufffd"}');
});

test("numbers are exact integers or the shortest floats", () => {
  assertJson("a: 9223372036854775807", '{"a":9223372036854775807}');
  assertJson("a: 1.0; b: 0.5; c: -0.0; d: 0.0000001; e: 0.000001", '{"a":1,"b":0.5,"c":-0,"d":1e-7,"e":0.000001}');
  assertJson("a: 1000000000000000000000.0; b: 100000000000000000000.0", '{"a":1e+21,"b":100000000000000000000}');
});

test("dates, booleans, lists and maps", () => {
  assertJson(
    "a: 2024-05-06T07:08:09Z, b: [yes, [], {}, { c: off }]",
    '{"a":"2024-05-06T07:08:09Z","b":[true,[],{},{"c":false}]}',
  );
});

test("variables count as their values and stay as keys", () => {
  assertJson("n: 4333\nport: $n", '{"n":4333,"port":4333}');
});

test("text beyond one write of the hash is digested in full", () => {
  const value = "é".repeat(50_000);
  assertJson(`a: ${value}\nb: ${value}`, `{"a":"${value}","b":"${value}"}`);
});
