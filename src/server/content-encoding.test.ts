import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { encodeContent } from "./content-encoding.js";

const TEXT = Buffer.from("text ".repeat(50));
const encode = (accepted: string) => {
  const { headers, payload } = encodeContent(accepted, TEXT);
  return { headers: headers.toString(), payload: Buffer.from(payload) };
};

test("nothing asked for, nothing done", () => {
  assert.deepEqual(encode(""), { headers: "", payload: TEXT });
});

test("gzip, among others and in any case", () => {
  for (const accepted of ["gzip", "br, GZip;q=1"]) {
    const { headers, payload } = encode(accepted);
    assert.equal(headers, "NATS/1.0\r\nContent-Encoding: gzip\r\n\r\n");
    assert.deepEqual(gunzipSync(payload), TEXT);
  }
});

test("snappy comes first, also under its successor's name", () => {
  for (const accepted of ["snappy", "gzip, S2"]) {
    const { headers, payload } = encode(accepted);
    assert.equal(headers, "NATS/1.0\r\nContent-Encoding: snappy\r\n\r\n");
    assert.equal(payload.toString("latin1", 4, 10), "sNaPpY");
  }
});

test("what is unknown is left out, and that is said", () => {
  assert.deepEqual(encode("br"), { headers: "NATS/1.0\r\nContent-Encoding: identity\r\n\r\n", payload: TEXT });
});
