import assert from "node:assert/strict";
import { test } from "node:test";
import { starred, withoutUrlUsers } from "./redact.js";

test("users and passwords of URLs are left out, whatever they hold", () => {
  for (const [text, shown] of [
    ["nats://host:4222", "nats://host:4222"],
    ["nats://user:hush@host:4222", "nats://[REDACTED]@host:4222"],
    ["nats://user:hu@sh/hush@host", "nats://[REDACTED]@host"],
    ["nats://token@host", "nats://[REDACTED]@host"],
    ["nats://a:hush@one,nats://b:hush@two,nats://three", "nats://[REDACTED]@one,nats://[REDACTED]@two,nats://three"],
  ] as const) {
    assert.equal(withoutUrlUsers(text), shown);
  }
});

test("a line of a file keeps its columns and loses its secrets", () => {
  for (const line of [
    'authorization { user: ada, password: "hush", tmeout: 3 }',
    "authorization { user: ada, pass = 'hush' }",
    "authorization { token hush hush }",
    'authorization { token: "hush \\" hush',
    'users = [ { user: ada, "password": [ "hush" ] } ]',
    "ADMIN_PASSWORD: hush",
    "my-secret = hush; other: 1",
    'routes: [ "nats://u:hush@a:1", nats://t:hush/hush@b:2 ]',
    `nkey: SU${"HUSH".repeat(14)}`,
    "jetstream { key: hush, encryption_key: hush }",
    "monitoring_authorization { user: p, password: hush, token: hush }",
    `operator: eyJhbGciOiJub25lIn0.hush-hush.hush`,
  ]) {
    const shown = starred(line);
    assert.equal(shown.length, line.length);
    assert.doesNotMatch(shown, /hush/i, line);
    assert.match(shown, /\*\*\*\*/);
  }
});

test("what is no secret stays to be read", () => {
  const line = 'authorization { user: ada, password: "x", tmeout: 3 } # a comment';
  assert.equal(starred(line), "authorization { user: ada, password: ***, tmeout: 3 } # a comment");
  const plain = 'listen: "127.0.0.1:4222", key_file: "./server-key.pem", http_port: 8222';
  assert.equal(starred(plain), plain);
});
