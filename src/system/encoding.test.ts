import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { encodeFor } from "./encoding.js";

const PAYLOAD = Buffer.from("{}");
const asking = (encoding: string): Buffer => Buffer.from(`NATS/1.0\r\naccept-Encoding: ${encoding}\r\n\r\n`);
const said = (encoding: string): string => `NATS/1.0\r\nContent-Encoding: ${encoding}\r\n\r\n`;

test("nobody gets compression unasked", () => {
  const { headers, payload } = encodeFor(Buffer.from("NATS/1.0\r\nX: y\r\n\r\n"), PAYLOAD);
  assert.equal(headers.length, 0);
  assert.equal(payload, PAYLOAD);
});

test("the encoding that was asked for is used and named", () => {
  const gzip = encodeFor(asking("gzip, deflate"), PAYLOAD);
  assert.equal(gzip.headers.toString(), said("gzip"));
  assert.deepEqual(gunzipSync(gzip.payload), PAYLOAD);
  const snappy = encodeFor(asking("s2, gzip"), PAYLOAD);
  assert.equal(snappy.headers.toString(), said("snappy"));
  assert.match(Buffer.from(snappy.payload).toString("latin1"), /^\xff\x06\x00\x00sNaPpY/);
  const unknown = encodeFor(asking("br"), PAYLOAD);
  assert.equal(unknown.headers.toString(), said("identity"));
  assert.equal(unknown.payload, PAYLOAD);
});
