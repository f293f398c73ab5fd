import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../accounts/message.js";
import { type ResolvedOptions, resolveOptions, type ServerOptions } from "../options/options.js";
import { silentLogger } from "../runtime/logger.js";
import { traceConnect, traceIn, traceOut, tracePayload } from "./trace.js";

function traced(options: ServerOptions = {}, traceOn = true) {
  const lines: string[] = [];
  const logger = { ...silentLogger, traceOn, trace: (line: string) => void lines.push(line) };
  return { lines, to: { label: "c", hub: { logger, options: resolveOptions(options) as ResolvedOptions } } };
}

test("a CONNECT is shown without its secrets, escapes in them or not", () => {
  const json =
    '{"user":"u","pass":"p\\"q","auth_token" : "t","JWT":"j","sig":"s","nkey":"UA","name":"pass","password":"x"}';
  assert.equal(
    traceConnect(json),
    '{"user":"u","pass":"[REDACTED]","auth_token":"[REDACTED]","JWT":"[REDACTED]","sig":"[REDACTED]","nkey":"[REDACTED]","name":"pass","password":"x"}',
  );
  assert.equal(traceConnect('{"p\\u0061ss":"hidden"}'), '{"pass":"[REDACTED]"}');
  assert.equal(traceConnect('{"pass":"hidden'), "[malformed]");
  assert.equal(traceConnect('"hidden"'), "[malformed]");
});

test("operations with and without arguments, and nothing while tracing is off", () => {
  const { lines, to } = traced();
  traceIn(to, "SUB", "a 1");
  traceOut(to, "PONG", "");
  assert.deepEqual(lines, ["c - <<- [SUB a 1]", "c - ->> [PONG]"]);
  const off = traced({}, false);
  traceIn(off.to, "SUB", "a 1");
  traceOut(off.to, "PONG", "");
  assert.deepEqual(off.lines, []);
});

test("payloads are cut to max_traced_msg_len; trace_headers shows headers alone", () => {
  const message = Message.of("a", "", Buffer.from("NATS/1.0\r\nA: b\r\n\r\n"), Buffer.from("payload"));
  const whole = traced();
  tracePayload(whole.to, "<<-", message);
  assert.deepEqual(whole.lines, ['c - <<- MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b\\r\\n\\r\\npayload"]']);
  const cut = traced({ maxTracedMsgBytes: 4 });
  tracePayload(cut.to, "->>", message);
  assert.deepEqual(cut.lines, ['c - ->> MSG_PAYLOAD: ["NATS..."]']);
  const headers = traced({ traceHeaders: true });
  tracePayload(headers.to, "->>", message);
  tracePayload(headers.to, "->>", Message.of("a", "", Buffer.alloc(0), Buffer.from("payload")));
  assert.deepEqual(headers.lines, ['c - ->> MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b"]']);
});
