import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../accounts/message.js";
import { SimulatedRandom } from "../../runtime/simulated/random.js";
import type { SourceConfig } from "../streams/stream-config.js";
import { OriginCopy, type OriginMessage } from "./origin-copy.js";

const SEQUENCE = 4_294_967_297;

function origin(subject: string, header: string, payload: string): OriginMessage {
  const { body, start, end, headerBytes, subjectBytes } = Message.of(
    subject,
    "",
    Buffer.from(header, "latin1"),
    Buffer.from(payload),
  );
  return { subject, subjectBytes, body, start, end, headerBytes, sequence: SEQUENCE, seconds: 1, nanoseconds: 2 };
}

function copyOf(config: Partial<SourceConfig> = {}): OriginCopy {
  const whole = { name: "S", filter_subject: "", opt_start_seq: 0, ...config } as SourceConfig;
  return new OriginCopy(new SimulatedRandom("1"), whole);
}

const textOf = ({ body, start, end }: Message): string => body.toString("latin1", start, end + 2);

test("what is sourced says where it comes from, behind the headers that stay", () => {
  const place = `Nats-Stream-Source: S ${SEQUENCE} > > s.1 abcdefgh\r\n`;
  const copy = copyOf();
  for (const [theirs, kept] of [
    ["", ""],
    ["NATS/1.0\r\nA: 1\r\nNats-Msg-Id: x\r\n\r\n", "A: 1\r\nNats-Msg-Id: x\r\n"],
    ["NATS/1.0\r\nNats-Stream-Source: T 1 > > t -\r\nNats-Expected-Stream: S\r\n\r\n", ""],
  ]) {
    for (const payload of ["", "payload", "long".repeat(10_000)]) {
      const headers = copy.sourced(origin("s.1", theirs, payload), "abcdefgh");
      assert.equal(textOf(copy.message), `NATS/1.0\r\n${kept}${place}\r\n${payload}\r\n`);
      assert.equal(copy.message.payloadBytes, payload.length);
      assert.deepEqual([...headers.names()], kept === "" ? [] : ["A", "Nats-Msg-Id"]);
    }
  }
});

test("filters, transforms and another API stand in the header", () => {
  const transforms = [{ src: "s.*", dest: "t.{{wildcard(1)}}" }];
  const external = { api: "$JS.leaf.API", deliver: "" };
  const copy = copyOf({ subject_transforms: transforms, external });
  copy.sourced(origin("s.é", "", "x"), "-");
  assert.equal(copy.message.subject, "t.é");
  assert.equal(Buffer.from(copy.message.subjectBytes).toString("latin1"), "t.é");
  const [, place] = /^NATS\/1.0\r\nNats-Stream-Source: (.*)\r\n\r\nx\r\n$/.exec(textOf(copy.message)) ?? [];
  assert.match(place, new RegExp(`^S:\\S{8} ${SEQUENCE} s\\.\\* t\\.\\{\\{wildcard\\(1\\)\\}\\} s\\.é -$`));
});

test("what is mirrored is as it was", () => {
  const copy = copyOf();
  const original = origin("s.1", "NATS/1.0\r\nA: 1\r\n\r\n", "payload");
  assert.equal(copy.mirrored(original).get("A"), "1");
  assert.equal(copy.message.body, original.body);
  assert.equal(copy.message.subjectBytes, original.subjectBytes);
  assert.equal(textOf(copy.message), "NATS/1.0\r\nA: 1\r\n\r\npayload\r\n");
});
