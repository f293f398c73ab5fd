import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLeafUrl } from "./leaf-url.js";

const seen = (text: string): string => {
  const url = parseLeafUrl(text);
  if (url === undefined) return "none";
  const login = [url.user, url.password].filter((part) => part !== undefined).join("/");
  const kind = `${url.tls ? "tls " : ""}${url.webSocket ? "ws " : ""}`;
  return `${kind}${url.host} ${url.port} ${url.path} ${login}`.trim();
};

test("a hub's URL names host, port, login and the way", () => {
  assert.equal(seen("nats-leaf://hub"), "hub 7422 /leafnode");
  assert.equal(seen("hub:99"), "hub 99 /leafnode");
  assert.equal(seen("nats-leaf://a%40b:p%3Aw@hub:1"), "hub 1 /leafnode a@b/p:w");
  assert.equal(seen("nats-leaf://token@[::1]:7"), "::1 7 /leafnode token");
  assert.equal(seen("tls://hub"), "tls hub 7422 /leafnode");
  assert.equal(seen("ws://hub"), "ws hub 80 /leafnode");
  assert.equal(seen("wss://hub/a/b/"), "tls ws hub 443 /a/b/leafnode");
  for (const text of ["", "nats-leaf://", "nats-leaf://h:99999", "::::"]) assert.equal(seen(text), "none", text);
});
