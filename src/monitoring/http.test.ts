import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connectClient } from "../../test/support/raw-client.js";
import { createServer } from "../natsnode.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { NATSNODE_VERSION } from "../protocol/version.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { Server } from "../server/server.js";

interface Started {
  readonly server: Server;
  readonly port: number;
  get(path: string, method?: string): Promise<Response>;
  json(path: string): Promise<Json>;
}

// biome-ignore lint/suspicious/noExplicitAny: what a page shows is looked at member by member
type Json = any;

const ACCOUNTS = {
  $SYS: { users: [{ user: "sys", password: "p" }] },
  A: { users: [{ user: "a", password: "p" }] },
  B: { users: [{ user: "b", password: "p" }] },
};

async function started(t: TestContext, options: ServerOptions = {}): Promise<Started> {
  const local = { host: "127.0.0.1", port: -1, httpHost: "127.0.0.1", httpPort: -1 };
  const server = createServer(resolveOptions({ ...local, ...options }), { runtime: nodeRuntime() });
  await server.start();
  t.after(() => server.close());
  const { client, monitoring } = server.addresses;
  const get = (path: string, method = "GET"): Promise<Response> =>
    fetch(`http://127.0.0.1:${monitoring.port}${path}`, { method });
  return { server, port: client.port, get, json: async (path) => (await get(path)).json() };
}

test("pages are indented JSON for every method, and answer HEAD without a body", async (t) => {
  const { get } = await started(t, { serverName: "north" });
  for (const method of ["GET", "PUT", "POST", "PATCH"]) {
    const response = await get("/varz", method);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.match(
      await response.text(),
      /^\{\n {2}"server_id": "N[A-Z0-9]{55}",\n {2}"server_name": "north"[\s\S]*\n\}$/,
    );
  }
  const head = await get("/varz", "HEAD");
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
});

test("the front page links the others, and what is no page is not found", async (t) => {
  const { get } = await started(t);
  const front = await get("/");
  assert.equal(front.headers.get("content-type"), "text/html; charset=utf-8");
  const html = await front.text();
  for (const page of ["varz", "connz", "subsz", "jsz", "healthz"]) assert.match(html, new RegExp(`href="/${page}"`));
  for (const path of ["/VARZ", "/varz/", "/nothing", "/debug", "/%zz"]) {
    const response = await get(path);
    assert.equal(response.status, 404, path);
    assert.equal(await response.text(), "404 page not found\n");
  }
});

test("a base path stands before all pages", async (t) => {
  const { get, json } = await started(t, { httpBasePath: "a/b/" });
  assert.deepEqual(await json("/a/b/healthz"), { status: "ok" });
  assert.match(await (await get("/a/b")).text(), /href="\/a\/b\/varz"/);
  assert.equal((await get("/varz")).status, 404);
  assert.equal((await json("/a/b/varz")).http_base_path, "a/b/");
});

test("/varz shows the options and counts traffic", async (t) => {
  const { port, json } = await started(t, {
    serverTags: ["b", "a"],
    serverMetadata: { z: "1", region: "eu" },
    maxSubscriptions: 7,
    pingIntervalMs: 90_000,
    featureFlags: { js_snapshot_sources: true },
  });
  const [a, b] = [await connectClient(t, port), await connectClient(t, port)];
  a.send("SUB t.> 1\r\n");
  await a.sync();
  b.send("PUB t.1 5\r\n12345\r\nPUB none 3\r\n123\r\n");
  await b.sync();
  assert.equal((await json("/varz?natsnode_version=1")).natsnode_version, NATSNODE_VERSION);
  const varz = await json("/varz");
  assert.equal(varz.git_commit, NATSNODE_VERSION);
  assert.equal(varz.natsnode_version, undefined);
  assert.deepEqual(varz.tags, ["b", "a"]);
  assert.deepEqual(Object.entries(varz.metadata), [
    ["region", "eu"],
    ["z", "1"],
  ]);
  assert.equal(varz.max_subscriptions, 7);
  assert.equal(varz.ping_interval, 90_000_000_000);
  assert.equal(varz.feature_flags.js_snapshot_sources, true);
  const { in_msgs, in_bytes, out_msgs, out_bytes, connections, total_connections } = varz;
  const traffic = { in_msgs, in_bytes, out_msgs, out_bytes, connections, total_connections };
  assert.deepEqual(traffic, {
    in_msgs: 2,
    in_bytes: 8,
    out_msgs: 1,
    out_bytes: 5,
    connections: 2,
    total_connections: 2,
  });
  assert.deepEqual((await json("/varz")).http_req_stats, { "/varz": 3 });
});

test("/connz sorts, pages and shows subscriptions as asked", async (t) => {
  const { port, json, get } = await started(t);
  const one = await connectClient(t, port, { name: "one" });
  const two = await connectClient(t, port, { name: "two", lang: "kit", version: "9" });
  two.send("SUB x.* 1\r\nSUB y q 2\r\nUNSUB 2 5\r\n");
  await two.sync();
  one.send("PUB x.1 1\r\n1\r\n");
  await one.sync();
  const names = async (query: string): Promise<string[]> =>
    (await json(`/connz?${query}`)).connections.map(({ name }: { name: string }) => name);
  assert.deepEqual(await names(""), ["one", "two"]);
  assert.deepEqual(await names("sort=subs"), ["two", "one"]);
  assert.deepEqual(await names("sort=msgs_from"), ["one", "two"]);
  assert.deepEqual(await names("sort=uptime"), ["two", "one"]);
  assert.deepEqual(await names("limit=1&offset=1"), ["two"]);
  assert.deepEqual(await names("cid=1"), ["one"]);
  assert.deepEqual(await names("cid=99"), []);
  const [listed] = (await json("/connz?subs=1&sort=subs")).connections;
  assert.deepEqual(listed.subscriptions_list.sort(), ["x.*", "y"]);
  const [detailed] = (await json("/connz?subs=detail&sort=subs")).connections;
  assert.deepEqual(detailed.subscriptions_list_detail, [
    { subject: "x.*", sid: "1", msgs: 1, cid: 2 },
    { subject: "y", qgroup: "q", sid: "2", msgs: 0, max: 5, cid: 2 },
  ]);
  const wrong = await get("/connz?sort=beauty");
  assert.equal(wrong.status, 400);
  assert.equal(wrong.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(await wrong.text(), "invalid sorting option: beauty");
  assert.equal(await (await get("/connz?sort=stop")).text(), "sort by stop only valid on closed connections");
});

test("/connz remembers closed connections with their subscriptions and why they went", async (t) => {
  const { port, json } = await started(t, { maxPayloadBytes: 10, maxClosedClients: 2 });
  for (const name of ["one", "two", "three"]) {
    const client = await connectClient(t, port, { name });
    client.send(`SUB ${name} 1\r\nPUB x 11\r\n`);
    await client.closed();
  }
  const { connections, total, num_connections } = await json("/connz?state=closed&subs=1&sort=stop");
  assert.deepEqual([total, num_connections], [2, 2]);
  const [last] = connections;
  assert.deepEqual(last.subscriptions_list, ["three"]);
  assert.equal(last.subscriptions, 1);
  assert.equal(last.reason, "Maximum Message Payload Exceeded");
  assert.ok(Date.parse(last.stop) >= Date.parse(last.start));
  assert.equal((await json(`/connz?state=closed&cid=${last.cid}`)).connections[0].name, "three");
  assert.equal((await json("/connz?state=all")).total, 2);
  assert.equal((await json("/connz")).total, 0);
});

test("/connz shows and filters who the connections are", async (t) => {
  const { port, json } = await started(t, { accounts: ACCOUNTS });
  await connectClient(t, port, { user: "a", pass: "p" });
  await connectClient(t, port, { user: "b", pass: "p" });
  const { connections } = await json("/connz?auth=1");
  const shown = connections.map(({ authorized_user, account, name_tag }: Json) => [authorized_user, account, name_tag]);
  assert.deepEqual(shown, [
    ["a", "A", "A"],
    ["b", "B", "B"],
  ]);
  assert.equal((await json("/connz")).connections[0].account, undefined);
  assert.equal((await json("/connz?user=b")).num_connections, 1);
  const ofA = await json("/connz?acc=A");
  assert.deepEqual([ofA.total, ofA.connections.length], [1, 1]);
  const ofNobody = await json("/connz?acc=NOPE");
  assert.deepEqual([ofNobody.server_id, ofNobody.connections], ["", null]);
});

test("/subsz adds all accounts up and tests a subject", async (t) => {
  const { port, json, get } = await started(t, { accounts: ACCOUNTS });
  const client = await connectClient(t, port, { user: "a", pass: "p" });
  client.send("SUB x.* 7\r\nSUB y 8\r\n");
  await client.sync();
  const tested = await json("/subsz?subs=1&acc=A&test=x.1");
  assert.equal(tested.total, 1);
  const { cid } = tested.subscriptions_list[0];
  assert.deepEqual(tested.subscriptions_list, [
    { account: "A", account_tag: "A", subject: "x.*", sid: "7", msgs: 0, cid },
  ]);
  assert.equal((await json("/subsz?subs=1&test=none")).subscriptions_list, undefined);
  const ofA = (await json("/subsz?acc=A")).num_subscriptions;
  assert.ok((await json("/subsz")).num_subscriptions > ofA);
  assert.equal((await json("/subsz?subs=1&limit=1&acc=A")).subscriptions_list.length, 1);
  const wrong = await get("/subsz?test=x.*");
  assert.equal(wrong.status, 400);
});

test("/accountz lists accounts and shows what one offers and takes", async (t) => {
  const { json, get } = await started(t, {
    accounts: {
      A: {
        exports: [{ stream: "s.>" }, { service: "q", responseType: "Stream" }, { stream: "p", accounts: ["B"] }],
        mappings: { m: [{ destination: "n", weight: 30 }] },
      },
      B: {
        imports: [
          { stream: { account: "A", subject: "s.>" }, prefix: "pre" },
          { service: { account: "A", subject: "q" }, to: "ask" },
        ],
      },
    },
  });
  const list = await json("/accountz");
  assert.deepEqual(list.accounts.sort(), ["$G", "$SYS", "A", "B"]);
  assert.equal(list.system_account, "$SYS");
  const a = (await json("/accountz?acc=A")).account_detail;
  assert.deepEqual(a.exports, [
    { subject: "q", type: "service", response_type: "Streamed" },
    { subject: "s.>", type: "stream" },
    { subject: "p", type: "stream", approved_accounts: ["B"] },
  ]);
  assert.deepEqual(a.mappings, {
    m: [
      { subject: "n", weight: 30 },
      { subject: "m", weight: 100 },
    ],
  });
  const flags = { invalid: false, share: false, tracking: false };
  const b = (await json("/accountz?acc=B")).account_detail;
  assert.deepEqual(b.imports.slice(0, 2), [
    { subject: "s.>", account: "A", local_subject: "pre.s.>", type: "stream", ...flags },
    { subject: "q", account: "A", to: "ask", local_subject: "ask", type: "service", ...flags },
  ]);
  assert.equal((await json("/accountz?acc=$SYS")).account_detail.is_system, true);
  const nobody = await get("/accountz?acc=NO");
  assert.deepEqual([nobody.status, await nobody.text()], [400, "Account NO does not exist"]);
});

test("/accstatz counts the traffic of living and gone clients", async (t) => {
  const { server, port, json } = await started(t, { accounts: ACCOUNTS });
  const gone = await connectClient(t, port, { user: "a", pass: "p" });
  gone.send("SUB x 1\r\nPUB x 3\r\n123\r\n");
  await gone.sync();
  const left = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  gone.close();
  await left;
  const client = await connectClient(t, port, { user: "a", pass: "p" });
  client.send("PUB y 2\r\n12\r\n");
  await client.sync();
  const { account_statz } = await json("/accstatz");
  assert.equal(account_statz.length, 1);
  const [{ acc, conns, sent, received }] = account_statz;
  assert.deepEqual([acc, conns, sent.msgs, sent.bytes, received.msgs, received.bytes], ["A", 1, 1, 3, 2, 5]);
  assert.equal((await json("/accstatz?unused=1")).account_statz.length, 4);
});

test("/healthz says what is wrong", async (t) => {
  const { server, port, get } = await started(t, { lameDuckGracePeriodMs: 20_000 });
  const healthy = await get("/healthz");
  assert.deepEqual([healthy.status, await healthy.text()], [200, '{"status":"ok"}']);
  const wrong = await get("/healthz?stream=S&details=1");
  const error = '"account" must not be empty when checking stream health';
  assert.deepEqual(await wrong.json(), { status: "error", errors: [{ type: "BAD_REQUEST", error }] });
  assert.equal(wrong.status, 400);
  await connectClient(t, port);
  void server.lameDuck();
  const leaving = await get("/healthz");
  assert.equal(leaving.status, 500);
  assert.match(((await leaving.json()) as Json).error, /^failed to be ready for connections/);
});

test("the pages of what is not there are empty", async (t) => {
  const { server, json, get } = await started(t);
  const server_id = server.id;
  const { now: _, ...routez } = await json("/routez");
  assert.deepEqual(routez, { server_id, server_name: server.name, num_routes: 0, routes: [] });
  const { now: __, ...leafz } = await json("/leafz");
  assert.deepEqual(leafz, { server_id, leafnodes: 0, leafs: [] });
  const { now: ___, ...gatewayz } = await json("/gatewayz");
  assert.deepEqual(gatewayz, { server_id, outbound_gateways: {}, inbound_gateways: {} });
  assert.equal((await json("/jsz")).disabled, true);
  assert.deepEqual(await json("/ipqueuesz?all=1"), {});
  assert.deepEqual(Object.keys(await json("/debug/vars")), ["cmdline", "memstats"]);
  const raftz = await get("/raftz");
  assert.deepEqual([raftz.status, await raftz.text()], [404, "No Raft nodes registered"]);
  assert.equal((await get("/ipqueuesz?all=perhaps")).status, 400);
  assert.equal((await get("/jsz?leader-only=1")).status, 400);
  assert.match(await (await get("/stacksz")).text(), /http/);
});

test("a port in use and two ports at once stop the start", async (t) => {
  const { server } = await started(t);
  const taken = server.addresses["monitoring"].port;
  const create = (options: ServerOptions): Server =>
    createServer(resolveOptions({ host: "127.0.0.1", port: -1, ...options }), { runtime: nodeRuntime() });
  await assert.rejects(create({ httpHost: "127.0.0.1", httpPort: taken }).start(), { code: "EADDRINUSE", port: taken });
  await assert.rejects(create({ httpPort: 1, httpsPort: 2 }).start(), {
    code: "NATS_MONITORING_START",
    message: "Can't start monitoring: can't specify both HTTP (1) and HTTPs (2) ports",
  });
});

test("the start is logged, and the end closes the port", async () => {
  const lines: string[] = [];
  const nothing = (): void => {};
  const logger = {
    ...{ debugOn: false, traceOn: false, warn: nothing, error: nothing, fatal: nothing, debug: nothing },
    ...{ trace: nothing, info: (line: string) => void lines.push(line) },
  };
  const options = { host: "127.0.0.1", port: -1, httpHost: "127.0.0.1", httpPort: -1 };
  const server = createServer(resolveOptions(options), { runtime: nodeRuntime(), logger });
  await server.start();
  const { port } = server.addresses["monitoring"];
  assert.ok(lines.includes(`Starting http monitor on 127.0.0.1:${port}`));
  await server.close();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
});
