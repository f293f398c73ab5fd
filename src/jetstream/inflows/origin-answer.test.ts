import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../accounts/message.js";
import { readOriginInfo } from "./origin-answer.js";

const CREATED = "2026-01-01T00:00:00Z";

function letsGo(retention: string, level: string | undefined): boolean {
  const metadata = level === undefined ? undefined : { "_nats.level": level };
  const info = { created: CREATED, state: { last_seq: 7 }, config: { retention, metadata } };
  const body = Buffer.from(JSON.stringify(info));
  const read = readOriginInfo(Message.of("", "", Buffer.alloc(0), body));
  assert.deepEqual([read.created, read.lastSequence, read.refusal], [CREATED, 7, undefined]);
  return read.letsGo;
}

test("an origin keeps the consumer of a mirror when it lets go of messages and its server knows how", () => {
  assert.equal(letsGo("workqueue", "5"), true);
  assert.equal(letsGo("interest", "6"), true);
  assert.equal(letsGo("limits", "5"), false);
  assert.equal(letsGo("workqueue", "4"), false);
  assert.equal(letsGo("interest", undefined), false);
});
