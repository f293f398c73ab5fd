import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerVerb, peerArgumentsStart, peerVerbOf } from "./peer-verbs.js";

const verbOf = (text: string, whole = true): PeerVerb => peerVerbOf(Buffer.from(text, "latin1"), 0, text.length, whole);

test("every operation is known, in capitals and not", () => {
  const lines: [string, PeerVerb][] = [
    ["RMSG $G a 5", PeerVerb.rmsg],
    ["hmsg $G a 5 5", PeerVerb.hmsg],
    ["LMSG l $G a 0 5", PeerVerb.lmsg],
    ["RS+ $G a", PeerVerb.subscribe],
    ["rs- $G a", PeerVerb.unsubscribe],
    ["LS+ l $G a", PeerVerb.leafSubscribe],
    ["LS- a", PeerVerb.leafUnsubscribe],
    ["A+ a", PeerVerb.accountSubscribe],
    ["a- a", PeerVerb.accountUnsubscribe],
    ["PING", PeerVerb.ping],
    ["pong", PeerVerb.pong],
    ["CONNECT {}", PeerVerb.connect],
    ["INFO\t{}", PeerVerb.info],
    ["+OK", PeerVerb.ok],
    ["-ERR 'x'", PeerVerb.err],
  ];
  for (const [line, verb] of lines) assert.equal(verbOf(line), verb, line);
});

test("what is none is told apart from what may still become one", () => {
  for (const text of ["R", "rs", "RMS", "RMSG", "-er", "PIN"])
    assert.equal(verbOf(text, false), PeerVerb.incomplete, text);
  for (const text of ["SUB a 1", "RS* a", "RMSGx", "RS+a", "\0"]) {
    assert.equal(verbOf(text, false), PeerVerb.unknown, text);
    assert.equal(verbOf(text), PeerVerb.unknown, text);
  }
  assert.equal(verbOf("RMSG"), PeerVerb.unknown);
});

test("arguments begin behind the blanks and tabs after the verb", () => {
  const line = Buffer.from("RS+ \t $G a");
  assert.equal(peerArgumentsStart(PeerVerb.subscribe, line, 0, line.length), 6);
  assert.equal(peerArgumentsStart(PeerVerb.ping, Buffer.from("PING"), 0, 4), 4);
});
