import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_ROUTE_PORT } from "./limits.js";
import { parseRouteUrl } from "./route-url.js";

test("host, port and login", () => {
  const { host, port, user, password } = parseRouteUrl("nats-route://us%40er:p%3Aw@10.0.0.1:6333") ?? {};
  assert.deepEqual({ host, port, user, password }, { host: "10.0.0.1", port: 6333, user: "us@er", password: "p:w" });
  assert.equal(parseRouteUrl("nats://[::1]:6222")?.host, "::1");
  assert.equal(parseRouteUrl("host.test")?.port, DEFAULT_ROUTE_PORT);
  assert.equal(parseRouteUrl("nats-route://"), undefined);
});
