// Measured services over real sockets: what the account of a service learns of each request (ADR-3).
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAccountClaims } from "../src/auth/jwt/account-claims.js";
import type { ServerOptions } from "../src/options/options.js";
import { accountJwt, pairOf } from "./support/jwt-world.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import type { Scope } from "./support/temporary-folder.js";

type Measurement = Record<string, unknown> & { status: number };

const users = (user: string) => [{ user, password: "x" }];

async function world(scope: Scope, options: ServerOptions = {}) {
  const { port } = await startLocalServer(scope, {
    serverName: "wire",
    accounts: {
      A: { users: users("a"), exports: [{ service: "svc", latency: { subject: "latency.svc" } }] },
      B: { users: users("b"), imports: [{ service: { account: "A", subject: "svc" } }] },
    },
    ...options,
  });
  const responder = await connectClient(scope, port, { user: "a", pass: "x", name: "responder" });
  const watcher = await connectClient(scope, port, { user: "a", pass: "x" });
  const requester = await connectClient(scope, port, { user: "b", pass: "x", name: "requester" });
  responder.send("SUB svc 1\r\n");
  await responder.sync();
  watcher.send("SUB latency.> 1\r\n");
  await watcher.sync();
  requester.send("SUB inbox 1\r\n");
  return { responder, watcher, requester };
}

async function measured(watcher: RawClient): Promise<Measurement> {
  const { payload } = await watcher.expect(/^MSG latency\.svc 1 \d+$/);
  return JSON.parse(payload) as Measurement;
}

async function replyOf(responder: RawClient): Promise<string> {
  return (await responder.expect(/^HMSG svc 1 /)).line.split(" ")[3];
}

test("an answered request is measured, and says who answered", async (t) => {
  const { responder, watcher, requester } = await world(t);
  requester.send("PUB svc inbox 1\r\nq\r\n");
  const reply = await replyOf(responder);
  assert.match(reply, /^_R_\.\w{6}\.\w{6}\.Vg58WAsO\.T$/);
  responder.send(`PUB ${reply} 2\r\nok\r\n`);
  await requester.expect("MSG inbox 1 2");
  const measurement = await measured(watcher);
  const { type, id, timestamp, status, requestor, responder: who, start, service, system, total } = measurement;
  const expectedKeys = "type id timestamp status requestor responder start service system total";
  assert.deepEqual(Object.keys(measurement), expectedKeys.split(" "));
  assert.deepEqual([type, status], ["io.nats.server.metric.v1.service_latency", 200]);
  assert.match(String(id), /^[0-9A-Za-z]{22}$/);
  assert.ok(String(start) <= String(timestamp), `${start} to ${timestamp}`);
  assert.deepEqual(Object.keys(requestor as object), ["acc", "rtt"]);
  const { acc, name, user, kind, server } = who as Record<string, unknown>;
  assert.deepEqual([acc, name, user, kind, server], ["A", "responder", "a", "Client", "wire"]);
  for (const ns of [service, system, total]) assert.ok(Number.isInteger(ns) && Number(ns) >= 0, String(ns));
  assert.ok(Number(total) > Number(service));
});

test("a requester that leaves is reported", async (t) => {
  const { responder, watcher, requester } = await world(t);
  requester.send("PUB svc inbox 1\r\nq\r\n");
  await replyOf(responder);
  requester.close();
  const { status, description, requestor } = await measured(watcher);
  assert.deepEqual([status, description], [408, "Request Timeout"]);
  assert.equal((requestor as Record<string, unknown>)["acc"], "B");
});

test("a service that nobody offers is reported, and its requester told", async (t) => {
  const { responder, watcher, requester } = await world(t);
  responder.send("UNSUB 1\r\n");
  await responder.sync();
  requester.send("PUB svc inbox 1\r\nq\r\n");
  await requester.expect(/^HMSG inbox 1 /);
  assert.equal((await measured(watcher)).status, 503);
});

test("a request that only traces is not measured", async (t) => {
  const { responder, watcher, requester } = await world(t);
  const block = "NATS/1.0\r\nNats-Trace-Dest: t\r\nNats-Trace-Only: 1\r\n\r\n";
  requester.send(`HPUB svc inbox ${block.length} ${block.length}\r\n${block}\r\n`);
  await requester.sync();
  assert.deepEqual(await responder.sync(), []);
  assert.deepEqual(await watcher.sync(), []);
});

test("an account JWT says how its services are measured", () => {
  const claimed = (service_latency: object | undefined): unknown => {
    const exports = [{ name: "s", subject: "svc", type: "service", service_latency }];
    return decodeAccountClaims(accountJwt(pairOf("operator"), pairOf("account"), { exports })).exports[0].latency;
  };
  assert.equal(claimed(undefined), undefined);
  assert.deepEqual(claimed({ sampling: 50, results: "lat" }), { subject: "lat", sampling: 50 });
  assert.deepEqual(claimed({ sampling: "headers", results: "lat" }), { subject: "lat", sampling: 0 });
});
