// Direct get goes the way of all messages, in spite of how quickly it is answered: permissions, mappings, imports, traces and
// other subscribers count for requests and answers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ServerOptions } from "../src/index.js";
import type { RawClient } from "./support/raw-client.js";
import { temporaryFolder } from "./support/temporary-folder.js";
import { hpub, pub, says, startTenants, type Tenants, tenants, tenantUsers } from "./support/tenants.js";

const GET = "$JS.API.DIRECT.GET.S";

async function start(t: TestContext, storage: "memory" | "file", limits: ServerOptions = {}): Promise<Tenants> {
  const options = tenants({
    DEPOT: {
      jetstream: {},
      users: [
        ...tenantUsers("depot"),
        { user: "mute", password: "p", permissions: { publish: { deny: [GET] } } },
        { user: "deaf", password: "p", permissions: { subscribe: { deny: ["in.secret"] } } },
      ],
      mappings: { "shelf.*": [{ destination: `${GET}.goods.$1` }] },
      exports: [{ service: `${GET}.>` }],
    },
    RED: { imports: [{ service: { account: "DEPOT", subject: `${GET}.goods.a` }, to: "buy" }] },
    BLUE: { imports: [] },
  });
  const server = await startTenants(t, {
    ...options,
    ...limits,
    jetstream: { storeDir: join(temporaryFolder(t), "js") },
  });
  const depot = await server.login("depot");
  const config = { name: "S", subjects: ["goods.*", "kept.>"], allow_direct: true, storage };
  depot.send(`SUB made 1\r\n${pub("$JS.API.STREAM.CREATE.S", JSON.stringify(config), "made")}`);
  await depot.next();
  await says(depot, pub("goods.a", "apple") + pub("goods.b", "bread"));
  return server;
}

/** What a client gets for what it sends, without what differs from run to run. The connection waits until all is there. */
async function gets(client: RawClient, count: number, text: string): Promise<string[]> {
  client.send(text);
  const items: string[] = [];
  while (items.length < count) {
    const { line, headers, payload } = await client.next();
    const known = headers.replace(/Nats-Time-Stamp: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z/, "T");
    items.push(
      [line.replace(/^(HMSG .*) \d+ \d+$/, "$1"), ...known.split("\r\n").filter((one) => one !== ""), payload].join(
        "|",
      ),
    );
  }
  assert.deepEqual(await says(client), []);
  return items.sort();
}

const message = (subject: string, sid: number, name: string, sequence: number, payload: string): string =>
  `HMSG ${subject} ${sid}|NATS/1.0|Nats-Stream: S|Nats-Subject: ${name}|Nats-Sequence: ${sequence}|T|${payload}`;

for (const storage of ["memory", "file"] as const) {
  test(`a message of a stream in ${storage}: by sequence, by subject, mapped and imported`, async (t) => {
    const server = await start(t, storage);
    const [depot, red] = [await server.login("depot"), await server.login("red")];
    for (const client of [depot, red]) await says(client, "SUB in.* 1\r\n");
    assert.deepEqual(await gets(depot, 1, pub(GET, '{"seq":2}', "in.1")), [message("in.1", 1, "goods.b", 2, "bread")]);
    const last = pub(GET, '{"last_by_subj":"goods.a"}', "in.2");
    assert.deepEqual(await gets(depot, 1, last), [message("in.2", 1, "goods.a", 1, "apple")]);
    assert.deepEqual(await gets(depot, 1, pub("shelf.a", "", "in.3")), [message("in.3", 1, "goods.a", 1, "apple")]);
    assert.deepEqual(await gets(red, 1, pub("buy", "", "in.4")), [message("in.4", 1, "goods.a", 1, "apple")]);
    const alone = pub(GET, '{"seq":2,"no_hdr":true}', "in.5");
    assert.deepEqual(await gets(depot, 1, alone), ["MSG in.5 1 5|bread"]);
    assert.deepEqual(await gets(depot, 1, pub(GET, '{"seq":3}', "in.6")), [
      "HMSG in.6 1|NATS/1.0 404 Message Not Found|",
    ]);
  });
}

test("without max_bytes no more is sent than may wait for a client, and one message", async (t) => {
  const server = await start(t, "file", { maxPayloadBytes: 50_000, maxPendingBytes: 100_000 });
  const depot = await server.login("depot");
  await says(depot, "SUB in.* 1\r\n");
  for (let at = 0; at < 8; at++) await says(depot, pub(`kept.${at}`, "x".repeat(20_000)));
  for (const asked of [{ seq: 3, batch: 100 }, { multi_last: ["kept.*"] }]) {
    const got = await gets(depot, 6, pub(GET, JSON.stringify(asked), "in.1"));
    assert.match(got.join("\n"), /204 EOB\|Nats-Num-Pending: 3\|/);
  }
});

test("several messages end with the one whose subject, headers and payload reach max_bytes", async (t) => {
  const server = await start(t, "file");
  const depot = await server.login("depot");
  await says(depot, `SUB in.* 1\r\n${hpub("goods.c", ["A: 1"], "c")}${pub("goods.d", "date")}`);
  // 12 bytes each of apple and bread, 26 of what has headers.
  for (const [maxBytes, sequences] of [
    [1, [1]],
    [12, [1]],
    [13, [1, 2]],
    [24, [1, 2]],
    [25, [1, 2, 3]],
    [50, [1, 2, 3]],
    [51, [1, 2, 3, 4]],
    [0, [1, 2, 3, 4]],
  ] as const) {
    for (const asked of [{ seq: 1, batch: 9 }, { multi_last: ["goods.*"] }]) {
      const got = await gets(
        depot,
        sequences.length + 1,
        pub(GET, JSON.stringify({ ...asked, max_bytes: maxBytes }), "in.1"),
      );
      const found = got.flatMap((one) => Array.from(one.matchAll(/Nats-Sequence: (\d+)/g), ([, text]) => Number(text)));
      assert.deepEqual(found.sort(), [...sequences], `${maxBytes} ${JSON.stringify(asked)}`);
      const end = got.find((one) => one.includes(" 204 EOB"));
      assert.match(end ?? "", new RegExp(`Nats-Num-Pending: ${4 - sequences.length}\\|`));
    }
  }
});

test("headers of the message stay before those of the answer; a long one has them, too", async (t) => {
  const server = await start(t, "file");
  const depot = await server.login("depot");
  await says(depot, "SUB in.* 1\r\n");
  const long = "x".repeat(40_000);
  await says(depot, hpub("goods.c", ["A: 1"], "c") + hpub("goods.d", ["B: 2"], long));
  const lines = "|Nats-Stream: S|Nats-Subject: goods";
  assert.deepEqual(await gets(depot, 2, pub(GET, '{"seq":3}', "in.1") + pub(GET, '{"seq":4}', "in.2")), [
    `HMSG in.1 1|NATS/1.0|A: 1${lines}.c|Nats-Sequence: 3|T|c`,
    `HMSG in.2 1|NATS/1.0|B: 2${lines}.d|Nats-Sequence: 4|T|${long}`,
  ]);
});

test("all who listen get the request and the answer, in a group one of them", async (t) => {
  const server = await start(t, "memory");
  const [depot, other] = [await server.login("depot"), await server.login("depot-2")];
  await says(other, `SUB in.> 1\r\nSUB in.1 group 2\r\nSUB in.1 group 3\r\nSUB ${GET} 4\r\n`);
  await says(depot, "SUB in.1 1\r\n");
  const own = await gets(depot, 1, pub(GET, '{"seq":1}', "in.1"));
  assert.deepEqual(own, [message("in.1", 1, "goods.a", 1, "apple")]);
  const seen = await gets(other, 3, "");
  const member = seen.some((one) => one.startsWith("HMSG in.1 2")) ? 2 : 3;
  assert.deepEqual(seen, [
    message("in.1", 1, "goods.a", 1, "apple"),
    message("in.1", member, "goods.a", 1, "apple"),
    `MSG ${GET} 4 in.1 9|{"seq":1}`,
  ]);
});

test("an answer to a subject of a stream is stored, and acknowledged to nobody", async (t) => {
  const server = await start(t, "memory");
  const depot = await server.login("depot");
  await says(depot, "SUB kept.> 1\r\n");
  const first = message("kept.1", 1, "goods.a", 1, "apple");
  assert.deepEqual(await gets(depot, 1, pub(GET, '{"seq":1}', "kept.1")), [first]);
  const stored = await gets(depot, 1, pub(GET, '{"seq":3}', "kept.2"));
  const lines = (name: string, sequence: number): string =>
    `|Nats-Stream: S|Nats-Subject: ${name}|Nats-Sequence: ${sequence}|T`;
  const [got = ""] = stored;
  assert.equal(
    got.replace(/Nats-Time-Stamp: [^|]+/, "T"),
    `HMSG kept.2 1|NATS/1.0${lines("goods.a", 1)}${lines("kept.1", 3)}|apple`,
  );
});

test("who may not publish the request gets nothing, who may not receive the answer neither", async (t) => {
  const server = await start(t, "memory");
  const [mute, deaf] = [await server.login("mute"), await server.login("deaf")];
  await says(mute, "SUB in.* 1\r\n");
  await says(deaf, "SUB in.* 1\r\n");
  const request = pub(GET, '{"seq":1}', "in.1");
  for (let again = 0; again < 2; again++) {
    assert.deepEqual(await gets(mute, 1, request), [`-ERR 'Permissions Violation for Publish to "${GET}"'|`]);
  }
  assert.deepEqual(await gets(deaf, 1, request), [message("in.1", 1, "goods.a", 1, "apple")]);
  // The same answer to where only one of them may listen.
  const secret = pub(GET, '{"seq":1}', "in.secret");
  assert.deepEqual(await gets(deaf, 0, secret), []);
  assert.deepEqual(await gets(mute, 2, ""), [
    message("in.1", 1, "goods.a", 1, "apple"),
    message("in.secret", 1, "goods.a", 1, "apple"),
  ]);
});

test("a traced request is answered and leaves its record", async (t) => {
  const server = await start(t, "memory");
  const depot = await server.login("depot");
  await says(depot, "SUB in.* 1\r\nSUB trace 2\r\n");
  const [answered, record] = await gets(depot, 2, hpub(GET, ["Nats-Trace-Dest: trace"], '{"seq":1}', "in.1"));
  assert.equal(answered, message("in.1", 1, "goods.a", 1, "apple"));
  assert.match(record ?? "", /^MSG trace 2 \d+\|.*"Nats-Trace-Dest":\["trace"\]/);
});
