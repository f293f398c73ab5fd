import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "../options/options.js";
import { stringifyExact } from "../protocol/json.js";
import { clusterVarz, gatewayVarz, hostOf, leafnodesVarz, mqttVarz, websocketVarz } from "./varz-peers.js";

const shown = (value: object): unknown => JSON.parse(stringifyExact(value));

test("nothing is shown of what is not configured", () => {
  const options = resolveOptions({});
  for (const page of [gatewayVarz, leafnodesVarz, mqttVarz, websocketVarz])
    assert.deepEqual(shown(page(options, {})), {});
  assert.deepEqual(shown(clusterVarz(options, undefined, {})), {});
});

test("defaults appear where something listens", () => {
  const host = "127.0.0.1";
  const options = resolveOptions({
    cluster: { name: "c", host, port: 6222, routes: ["nats://u:p@a.test:6222"] },
    mqtt: { host, port: 1883, maxAckPending: 50 },
    leafnodes: { port: 7422 },
  });
  const timeouts = { auth_timeout: 2, tls_timeout: 2 };
  const cluster = { name: "c", addr: host, cluster_port: 6222, urls: ["a.test:6222"], pool_size: 3, ...timeouts };
  assert.deepEqual(shown(clusterVarz(options, "c", {})), cluster);
  assert.deepEqual(shown(mqttVarz(options)), { host, port: 1883, tls_timeout: 2, max_ack_pending: 50 });
  assert.deepEqual(shown(leafnodesVarz(options, {})), { host: "0.0.0.0", port: 7422, ...timeouts });
  const named = resolveOptions({ cluster: { name: "c" } });
  assert.deepEqual(shown(clusterVarz(named, "c", {})), { name: "c" });
});

test("of any free port the one is shown that was found", () => {
  const options = resolveOptions({
    cluster: { name: "c", port: -1 },
    gateway: { name: "c", port: -1 },
    leafnodes: { port: -1 },
    websocket: { port: -1, noTls: true },
  });
  const listening = { cluster: { port: 1 }, gateway: { port: 2 }, leafnode: { port: 3 }, websocket: { port: 4 } };
  const port = (page: object): unknown => Reflect.get(page, "port");
  assert.equal(Reflect.get(clusterVarz(options, "c", listening), "cluster_port"), 1);
  assert.deepEqual(
    [gatewayVarz, leafnodesVarz, websocketVarz].map((page) => port(page(options, listening))),
    [2, 3, 4],
  );
  assert.equal(port(leafnodesVarz(resolveOptions({}), listening)), undefined);
});

test("remotes are shown by host and port", () => {
  const options = resolveOptions({
    leafnodes: { remotes: [{ urls: ["tls://u:p@b.test"], account: "A", denyImports: ["x.>"], denyExports: ["y"] }] },
    gateway: { name: "g", gateways: [{ name: "h", url: "nats://h.test:7222" }] },
  });
  assert.deepEqual(shown(leafnodesVarz(options, {})), {
    remotes: [{ local_account: "A", urls: ["b.test:7422"], deny: { exports: ["y"], imports: ["x.>"] } }],
  });
  assert.deepEqual(shown(gatewayVarz(options, {})), { name: "g", gateways: [{ name: "h", urls: ["h.test:7222"] }] });
  assert.equal(hostOf("nats://[::1]:4222/path?x"), "[::1]:4222");
});

test("durations are nanoseconds", () => {
  const options = resolveOptions({
    websocket: { port: 8080, noTls: true, handshakeTimeoutMs: 3_000, allowedOrigins: ["http://a.test"] },
  });
  assert.deepEqual(shown(websocketVarz(options, {})), {
    host: "0.0.0.0",
    port: 8080,
    handshake_timeout: 3_000_000_000,
    no_tls: true,
    allowed_origins: ["http://a.test"],
  });
});
