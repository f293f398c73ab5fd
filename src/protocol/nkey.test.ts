import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeNkey, NkeyPrefix } from "./nkey.js";

// A public account key that another implementation made (prefix 0 for accounts).
const ACCOUNT = "AA22IQN4MGFCK2TR2L2LRO7V47ER32JFIXZP52ZMCEF53MU62K2NZID4";

function decode(text: string): Buffer {
  let bits = "";
  for (const char of text) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0");
  return Buffer.from((bits.match(/.{8}/g) as string[]).map((byte) => Number.parseInt(byte, 2)));
}

test("the text of a key, checksum included, is what others write", () => {
  assert.equal(encodeNkey(0, decode(ACCOUNT).subarray(1, 33)), ACCOUNT);
});

test("the first letter tells what a key is for", () => {
  assert.match(encodeNkey(NkeyPrefix.server, new Uint8Array(32)), /^N[A-Z2-7]{55}$/);
  assert.match(encodeNkey(NkeyPrefix.curve, new Uint8Array(32).fill(7)), /^X[A-Z2-7]{55}$/);
});
