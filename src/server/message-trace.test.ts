import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../accounts/message.js";
import { mayBeTraced } from "./message-trace.js";

const NONE = Buffer.alloc(0);

test("headers that may lead to a trace are found, in their places only", () => {
  const may = (headers: string, payload = ""): boolean =>
    mayBeTraced(Message.of("a", "", Buffer.from(headers), Buffer.from(payload)));
  assert.ok(may("NATS/1.0\r\nNats-Trace-Dest: t\r\n\r\n"));
  assert.ok(may("NATS/1.0\r\nA: b\r\nNats-Trace-Dest:t\r\n\r\n"));
  for (const name of ["traceparent", "Traceparent", "TRACEPARENT"])
    assert.ok(may(`NATS/1.0\r\n${name}: 1\r\n\r\n`), name);
  for (const name of ["nats-trace-dest", "Nats-Trace-Only", "Nats-Trace-Des", "Trace-Parent", "XNats-Trace-Dest"]) {
    assert.ok(!may(`NATS/1.0\r\n${name}: 1\r\n\r\n`), name);
  }
  assert.ok(!may("NATS/1.0\r\nA: Nats-Trace-Dest: t\r\n\r\n"));
  assert.ok(!may("NATS/1.0\r\nA: b\r\n\r\n", "\nNats-Trace-Dest: t"));
  assert.ok(!mayBeTraced(Message.of("a", "", NONE, Buffer.from("\nNats-Trace-Dest: t"))));
});
