import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { constants, inflateRawSync } from "node:zlib";
import { deflateMessage, inflateMessage } from "./deflate.js";

function deflated(pieces: readonly Uint8Array[]): Buffer {
  let message = Buffer.alloc(0);
  deflateMessage(pieces, (output, bytes) => {
    message = Buffer.concat(output);
    assert.equal(message.length, bytes);
    return true;
  });
  return message;
}

function inflated(message: Uint8Array, maxBytes = 10_000_000): Buffer {
  const pieces: Buffer[] = [];
  inflateMessage(message, maxBytes, (piece) => pieces.push(Buffer.from(piece)) > 0);
  return Buffer.concat(pieces);
}

test("messages of all sizes and in any pieces come out as they went in, here and with zlib's own inflater", () => {
  for (const pieces of [
    [Buffer.from("hello")],
    [Buffer.alloc(0), Buffer.from("a"), Buffer.alloc(0)],
    [Buffer.from("x".repeat(1_000_000))],
    [randomBytes(70_000), randomBytes(1), Buffer.from("text ".repeat(20_000)), randomBytes(200_000)],
    [randomBytes(64 * 1024)],
  ]) {
    const message = deflated(pieces);
    const whole = Buffer.concat(pieces);
    assert.ok(inflated(message).equals(whole));
    const closed = Buffer.concat([message, Buffer.from([0, 0, 0xff, 0xff])]);
    assert.ok(inflateRawSync(closed, { finishFlush: constants.Z_SYNC_FLUSH }).equals(whole));
  }
});

test("memory that the writer keeps is not written into again", () => {
  const kept: Uint8Array[] = [];
  const text = randomBytes(100_000);
  deflateMessage([text], (output) => kept.push(...output) < 0);
  for (let i = 0; i < 5; i++) deflated([randomBytes(100_000)]);
  assert.ok(inflated(Buffer.concat(kept)).equals(text));
});

test("no message leans on the one before", () => {
  const text = [Buffer.from("the same text, the same text")];
  assert.ok(deflated(text).equals(deflated(text)));
});

test("an error, a limit or a listener that has heard enough leaves no trace in the next message", () => {
  const message = deflated([Buffer.from("y".repeat(300_000))]);
  assert.throws(() => inflated(Buffer.from([0xff, 0xff, 0xff])), { code: "WEBSOCKET_CORRUPT" });
  assert.equal(inflated(message).length, 300_000);
  assert.throws(() => inflated(message, 299_999), { code: "WEBSOCKET_TOO_BIG", closeCode: 1009 });
  assert.equal(inflated(message, 300_000).length, 300_000);
  let calls = 0;
  inflateMessage(message, 300_000, () => ++calls < 2);
  assert.equal(calls, 2);
  assert.throws(
    () =>
      inflateMessage(message, 300_000, () => {
        throw new Error("of the listener");
      }),
    /of the listener/,
  );
  assert.equal(inflated(message).length, 300_000);
});

test("a message that ends its stream is taken, and what follows is not looked at", () => {
  // "abc" in a final block, and bytes that mean nothing.
  assert.equal(inflated(Buffer.from("4b4c4a0600ffff", "hex")).toString(), "abc");
});
