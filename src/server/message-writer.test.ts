import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { outboxText } from "../../test/support/outbox-text.js";
import { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { takeMemory } from "../runtime/copied-memory.js";
import { LARGE_CHUNK_BYTES, REFERENCED_PAYLOAD_BYTES } from "./limits.js";
import { writeMessage } from "./message-writer.js";
import { ChunkPool, Outbox } from "./outbox.js";

const readBuffers = Array.from({ length: 6 }, () => takeMemory(8 * 1024));
const nobody = {} as DeliveryTarget;

/** What is written for the messages, one after the other into one outbox, and the bytes that were counted. */
function written(messages: readonly Message[], sid: string, withHeaders: boolean): { text: string; bytes: number } {
  const outbox = new Outbox(new ChunkPool());
  let bytes = 0;
  for (const message of messages) {
    bytes += writeMessage(outbox, new Subscription(message.subject, undefined, sid, nobody), message, withHeaders);
  }
  return { text: outboxText(outbox), bytes };
}

function expected(
  subject: string,
  sid: string,
  reply: string,
  headers: string,
  payload: string,
  with_: boolean,
): string {
  const between = reply === "" ? "" : `${reply} `;
  if (with_ && headers !== "") {
    const total = headers.length + payload.length;
    return `HMSG ${subject} ${sid} ${between}${headers.length} ${total}\r\n${headers}${payload}\r\n`;
  }
  return `MSG ${subject} ${sid} ${between}${payload.length}\r\n${payload}\r\n`;
}

test("messages of all sizes, with and without reply and headers", () => {
  const size = fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.constantFrom(
      999,
      1000,
      2048,
      REFERENCED_PAYLOAD_BYTES,
      LARGE_CHUNK_BYTES - 50,
      LARGE_CHUNK_BYTES,
      LARGE_CHUNK_BYTES + 1,
    ),
  );
  const one = fc.record({
    subject: fc.constantFrom("a", "foo.bar", "\xff\xfe.x", "s".repeat(300)),
    reply: fc.constantFrom("", "r", "_INBOX.abc.1"),
    headers: fc.constantFrom("", "NATS/1.0\r\n\r\n", `NATS/1.0\r\nA: ${"v".repeat(2000)}\r\n\r\n`),
    size,
    shared: fc.boolean(),
    read: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 6 }),
      fc.constantFrom("1", "sid.77"),
      fc.boolean(),
      (all, sid, with_) => {
        let text = "";
        let bytes = 0;
        const messages = all.map(({ subject, reply, headers, size: length, shared, read }, i) => {
          const payload = "pq\r\n\0".repeat(Math.ceil(length / 5)).slice(0, length);
          text += expected(subject, sid, reply, headers, payload, with_);
          bytes += length + (with_ ? headers.length : 0);
          const message = Message.of(subject, reply, Buffer.from(headers), Buffer.from(payload, "latin1"));
          message.shared = shared;
          // As if it had just been read from a connection, somewhere inside its buffer.
          if (read && message.body.length + 7 <= readBuffers[i].length) {
            message.body.copy(readBuffers[i], 7);
            message.body = readBuffers[i];
            message.start += 7;
            message.end += 7;
            message.shared = false;
          }
          return message;
        });
        const got = written(messages, sid, with_);
        assert.ok(got.text === text, "other text than expected");
        assert.equal(got.bytes, bytes);
      },
    ),
    { numRuns: 60 },
  );
});

test("a line that no chunk can hold is written all the same", () => {
  const subject = "s".repeat(LARGE_CHUNK_BYTES);
  const headers = "NATS/1.0\r\n\r\n";
  const message = Message.of(subject, "r", Buffer.from(headers), Buffer.from("hi"));
  for (const withHeaders of [true, false]) {
    const { text, bytes } = written([message], "1", withHeaders);
    assert.ok(text === expected(subject, "1", "r", headers, "hi", withHeaders));
    assert.equal(bytes, withHeaders ? 14 : 2);
  }
});

test("the size is echoed as it was written, unless headers were left out of it", () => {
  const plain = Message.of("a", "", Buffer.alloc(0), Buffer.from("hi"));
  plain.line = Buffer.from("PUB a 0002");
  plain.sizeStart = 6;
  plain.sizeEnd = 10;
  assert.equal(written([plain], "1", true).text, "MSG a 1 0002\r\nhi\r\n");
});
