import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { test } from "node:test";
import { ACCOUNTS, type Json, type Started, started } from "../../test/support/monitored-server.js";
import { connectClient } from "../../test/support/raw-client.js";
import { NATSNODE_VERSION } from "../protocol/version.js";

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

test("a path that is not clean leads to the clean one", async (t) => {
  const { server } = await started(t);
  const { host, port } = server.addresses["monitoring"];
  const ask = (
    path: string,
    method = "GET",
  ): Promise<{ status?: number; headers: IncomingHttpHeaders; body: string }> =>
    new Promise((resolve, reject) => {
      const asked = request({ host, port, path, method }, async (response) => {
        const { statusCode: status, headers } = response;
        resolve({ status, headers, body: Buffer.concat(await response.toArray()).toString() });
      });
      asked.on("error", reject).end();
    });
  const moved = await ask("//varz?a=1&b=%20");
  assert.deepEqual([moved.status, moved.headers.location], [307, "/varz?a=1&b=%20"]);
  assert.equal(moved.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(moved.body, '<a href="/varz?a=1&amp;b=%20">Temporary Redirect</a>.\n\n');
  const posted = await ask("/x/../varz", "POST");
  assert.deepEqual([posted.status, posted.headers["content-type"], posted.body], [307, undefined, ""]);
  assert.equal((await ask("//\\\\evil.example/varz")).headers.location, "/%5C%5Cevil.example/varz");
  assert.equal((await ask(`http://${host}/healthz`)).status, 200);
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

/** Samples by name and labels. */
async function scrape(get: Started["get"], path = "/metrics"): Promise<Map<string, number>> {
  const lines = (await (await get(path)).text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

test("/metrics shows the pages to Prometheus", async (t) => {
  const { server, port, get } = await started(t, { serverName: "north", accounts: ACCOUNTS });
  const client = await connectClient(t, port, { user: "a", pass: "p", name: 'o"ne' });
  client.send("SUB x 1\r\nPUB x 3\r\n123\r\n");
  await client.sync();
  const response = await get("/metrics");
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.match(
    await response.text(),
    /^# HELP gnatsd_varz_in_msgs in_msgs\n# TYPE gnatsd_varz_in_msgs gauge\ngnatsd_varz_in_msgs\{server_id="N[A-Z0-9]{55}"\} 1$/m,
  );
  const { id } = server;
  const samples = await scrape(get);
  const of = (name: string): number | undefined => samples.get(`${name}{server_id="${id}"}`);
  assert.equal(samples.get(`gnatsd_varz_server_name{server_id="${id}",value="north"}`), 1);
  assert.deepEqual([of("gnatsd_varz_connections"), of("gnatsd_varz_out_bytes")], [1, 3]);
  assert.deepEqual([of("gnatsd_connz_num_connections"), of("gnatsd_connz_in_bytes")], [1, 3]);
  assert.deepEqual([of("gnatsd_connz_subscriptions"), of("gnatsd_connz_pending_bytes")], [1, 0]);
  assert.ok((of("gnatsd_subsz_num_subscriptions") ?? 0) > 1);
  assert.deepEqual([of("gnatsd_routez_num_routes"), of("gnatsd_leafz_conn_nodes_total")], [0, 0]);
  assert.equal(of("gnatsd_healthz_status"), 0);
  const account = `{account="A",account_id="A",account_name="A",server_id="${id}"}`;
  assert.equal(samples.get(`gnatsd_accstatz_received_bytes${account}`), 3);
  assert.equal([...samples.keys()].filter((name) => name.startsWith("jetstream_server_jetstream_disabled")).length, 1);
  assert.equal(of("gnatsd_varz_http_req_stats_metrics"), 2);
  assert.equal([...samples.keys()].filter((name) => name.includes("cid=")).length, 0);
});

test("/metrics shows connections and accounts one by one as asked", async (t) => {
  const { server, port, get } = await started(t, { accounts: ACCOUNTS });
  for (const user of ["a", "b"]) {
    const client = await connectClient(t, port, { user, pass: "p", name: `"${user}"`, lang: "kit", version: "9" });
    client.send(`PUB x ${user === "a" ? 1 : 2}\r\n${user === "a" ? "1" : "22"}\r\n`);
    await client.sync();
  }
  const { connections } = (await (await get("/connz")).json()) as Json;
  const shown = async (query: string): Promise<[string, number][]> =>
    [...(await scrape(get, `/metrics?${query}`))].filter(([name]) => name.startsWith("gnatsd_connz_in_bytes{account"));
  const labels = ({ cid, ip, port }: Json, name: string, account: string): string =>
    `{account="${account}",account_id="${account}",cid="${cid}",ip="${ip}",kind="Client",lang="kit",name="\\"${name}\\"",` +
    `name_tag="${account}",port="${port}",server_id="${server.id}",tls_cipher_suite="",tls_version="",type="nats",version="9"}`;
  assert.deepEqual(await shown("connz=1"), [
    [`gnatsd_connz_in_bytes${labels(connections[0], "a", "A")}`, 1],
    [`gnatsd_connz_in_bytes${labels(connections[1], "b", "B")}`, 2],
  ]);
  assert.deepEqual(
    (await shown("connz=1&limit=1&offset=1")).map(([, value]) => value),
    [2],
  );
  assert.deepEqual(await shown("connz=0"), []);
  const text = await (await get("/metrics?connz=1")).text();
  assert.match(text, /^# TYPE gnatsd_connz_start untyped$/m);
  assert.equal(text.match(/^# TYPE gnatsd_connz_in_bytes counter$/gm)?.length, 1);
  const started_ = Number(/^gnatsd_connz_start\{.* (\d+)$/m.exec(text)?.[1]);
  assert.equal(started_, Date.parse(connections[0].start.replace(/(\.\d{3})\d*Z/, "$1Z")));
  assert.equal((await get("/metrics?connz=perhaps")).status, 400);
  const accounts = [...(await scrape(get, "/metrics?accountz=1"))].filter(([name]) =>
    /_accountz_client_conn/.test(name),
  );
  const label = (name: string): string =>
    `gnatsd_accountz_client_connections{account_id="${name}",account_name="${name}",server_id="${server.id}"}`;
  assert.deepEqual(new Map(accounts).get(label("A")), 1);
  assert.equal(accounts.length, ((await (await get("/accountz")).json()) as Json).accounts.length);
  assert.doesNotMatch(text, /gnatsd_accountz/);
});
