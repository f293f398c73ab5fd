import assert from "node:assert/strict";
import { test } from "node:test";
import { OriginCheck } from "./origins.js";
import { headEnd, RequestError, readRequestHead } from "./request-head.js";
import { acceptOf, agree, refusal, type UpgradeRules } from "./upgrade.js";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const RULES: UpgradeRules = { origins: new OriginCheck(false, undefined), compression: true, headers: { "X-A": "b" } };

const REQUEST = {
  "": "GET / HTTP/1.1",
  Host: "h",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
};

/** A request with some lines changed; undefined leaves one out. */
function request(changes: Record<string, string | undefined> = {}): string {
  const lines = Object.entries({ ...REQUEST, ...changes }).filter(([, value]) => value !== undefined);
  return `${lines.map(([name, value]) => (name === "" ? value : `${name}: ${value}`)).join("\r\n")}\r\n\r\n`;
}

function agreed(changes: Record<string, string | undefined> = {}, rules = RULES, isSecure = false) {
  return agree(readRequestHead(Buffer.from(request(changes), "latin1")), rules, isSecure);
}

function refused(changes: Record<string, string | undefined>, rules = RULES, isSecure = false): string {
  try {
    agreed(changes, rules, isSecure);
  } catch (error) {
    assert.ok(error instanceof RequestError);
    return `${error.status} ${error.message}`;
  }
  return "agreed";
}

test("the answer to an upgrade", () => {
  const { answer, compression, noMasking } = agreed();
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "X-A: b",
    "\r\n",
  ];
  assert.deepEqual([answer, compression, noMasking], [lines.join("\r\n"), false, false]);
  assert.equal(acceptOf(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("compression and frames without masks, where both sides want them", () => {
  const offer = { "Sec-WebSocket-Extensions": "x-other, permessage-deflate; client_max_window_bits" };
  assert.equal(agreed(offer).compression, true);
  const extension = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  assert.match(agreed(offer).answer, new RegExp(`\r\nSec-WebSocket-Extensions: ${extension}\r\n`));
  assert.equal(agreed(offer, { ...RULES, compression: false }).compression, false);
  assert.equal(agreed({ "Sec-WebSocket-Extensions": "x-permessage-deflate" }).compression, false);
  assert.match(agreed({ "Nats-No-Masking": "true" }).answer, /\r\nNats-No-Masking: true\r\n/);
  assert.equal(agreed({ "Nats-No-Masking": "TRUE" }).noMasking, false);
});

test("tokens in any letter case and in lists", () => {
  const lists = { Connection: "keep-alive, UPGRADE", Upgrade: "h2c, WebSocket", "Sec-WebSocket-Version": "13, 8" };
  assert.equal(refused(lists), "agreed");
  assert.equal(refused({ "": "GET /a/b?c=d HTTP/1.0", Host: "h" }), "agreed");
});

test("why a request is refused", () => {
  assert.equal(refused({ "": "POST / HTTP/1.1" }), "405 request method must be GET");
  assert.equal(refused({ Host: "" }), "400 'Host' missing in request");
  assert.equal(refused({ Upgrade: "h2c" }), "400 invalid value for header 'Upgrade'");
  assert.equal(refused({ Connection: undefined }), "400 invalid value for header 'Connection'");
  assert.equal(refused({ "Sec-WebSocket-Key": "c2hvcnQ=" }), "400 key missing");
  assert.equal(refused({ "Sec-WebSocket-Key": undefined }), "400 key missing");
  assert.equal(refused({ "Sec-WebSocket-Version": "8" }), "400 invalid version");
});

test("origins: the same, those of a list, and none", () => {
  const same = { ...RULES, origins: new OriginCheck(true, undefined) };
  const at = (Host: string, Origin: string | undefined) => ({ Host, Origin });
  const notSame = "403 origin not allowed: not same origin";
  assert.equal(refused(at("a.test", "http://A.test:80"), same), "agreed");
  assert.equal(refused(at("a.test:8080", "http://a.test:8080"), same), "agreed");
  assert.equal(refused(at("a.test", undefined), same), "agreed");
  assert.equal(refused(at("a.test", "https://a.test"), same), notSame);
  assert.equal(refused(at("a.test", "https://a.test"), same, true), "agreed");
  assert.equal(refused(at("a.test", "http://b.test"), same), notSame);
  assert.equal(refused({ Host: "a.test", "Sec-WebSocket-Origin": "http://b.test" }, same), notSame);
  assert.match(refused(at("a.test", "null"), same), /^403 origin not allowed: parse "null"/);

  const listed = { ...RULES, origins: new OriginCheck(false, ["http://good.test", "https://other.test:8443"]) };
  assert.equal(refused(at("x", "HTTP://GOOD.test:80"), listed), "agreed");
  assert.equal(refused(at("x", "https://other.test:8443"), listed), "agreed");
  assert.equal(refused(at("x", "https://good.test"), listed), "403 origin not allowed: not in the allowed list");
  assert.equal(refused(at("x", undefined), listed), "agreed");
  const both = { ...RULES, origins: new OriginCheck(true, ["http://good.test"]) };
  assert.equal(refused(at("good.test", "http://good.test"), both), "agreed");
  assert.equal(refused(at("x", "http://good.test"), both), notSame);
});

test("refusals: a request that makes sense learns the version", () => {
  assert.match(
    refusal(403, true),
    /^HTTP\/1\.1 403 Forbidden\r\n.*Sec-Websocket-Version: 13\r\n.*\r\n\r\nForbidden\n$/s,
  );
  assert.match(refusal(431, false), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n.*Connection: close\r\n\r\n/s);
});

test("heads: where they end, what they hold, and what is none", () => {
  const whole = Buffer.from(request(), "latin1");
  assert.equal(headEnd(whole, 0), whole.length);
  assert.equal(headEnd(whole.subarray(0, -1), 0), 0);
  assert.equal(headEnd(Buffer.from("a\n\nb"), 0), 3);
  const { headers, target } = readRequestHead(
    Buffer.from("GET /x?y HTTP/1.1\nHost:h\nCookie: a=1\ncookie: b=2\nX: 1\n 2\nx:3\n\n"),
  );
  assert.deepEqual([target, headers.get("cookie"), headers.get("x")], ["/x?y", "a=1; b=2", "1 2, 3"]);
  const wrong = (text: string): number => {
    try {
      readRequestHead(Buffer.from(text, "latin1"));
    } catch (error) {
      assert.ok(error instanceof RequestError);
      return error.status;
    }
    return 0;
  };
  assert.equal(wrong("PING\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  assert.equal(wrong("GET / HTTP/1.1\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/1.1\r\nHost: h\r\na b: i\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/1.1\r\nHost: h\r\n: i\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"), 400);
  assert.equal(wrong("GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n"), 400);
});
