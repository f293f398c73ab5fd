import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientUrls, reachableAt } from "./client-urls.js";

test("the URLs of other servers come, change and go, and each change is told once", () => {
  let changes = 0;
  const urls = new ClientUrls(() => changes++);
  assert.equal(urls.hadOthers, false);
  urls.set("N1", ["10.0.0.1:4222"], []);
  urls.set("N2", ["10.0.0.2:4222"], ["10.0.0.2:8080"]);
  assert.deepEqual(urls.clients, ["10.0.0.1:4222", "10.0.0.2:4222"]);
  assert.deepEqual(urls.webSockets, ["10.0.0.2:8080"]);
  assert.equal(changes, 2);
  urls.set("N2", ["10.0.0.2:4222"], ["10.0.0.2:8080"]);
  urls.set("N3", [], []);
  assert.equal(changes, 2);
  urls.set("N2", ["10.0.0.2:4223"], []);
  assert.deepEqual([urls.clients, urls.webSockets], [["10.0.0.1:4222", "10.0.0.2:4223"], []]);
  urls.set("N1", [], []);
  urls.set("N2", [], []);
  assert.deepEqual([urls.clients, changes, urls.hadOthers], [[], 5, true]);
});

test("a URL that two servers tell of stands once", () => {
  const urls = new ClientUrls(() => {});
  urls.set("N1", ["nats.example:4222", "10.0.0.1:4222"], []);
  urls.set("N2", ["nats.example:4222", "10.0.0.2:4222"], []);
  assert.deepEqual(urls.clients, ["nats.example:4222", "10.0.0.1:4222", "10.0.0.2:4222"]);
});

test("a listener on all addresses is reached at each, another one where it listens", () => {
  const interfaces = () => ["10.0.0.7", "fd00::7"];
  assert.deepEqual(reachableAt({ host: "0.0.0.0", port: 4222 }, interfaces), ["10.0.0.7:4222", "[fd00::7]:4222"]);
  assert.deepEqual(
    reachableAt({ host: "::", port: 4222 }, () => []),
    ["127.0.0.1:4222"],
  );
  assert.deepEqual(reachableAt({ host: "nats.example", port: 1 }, interfaces), ["nats.example:1"]);
});
