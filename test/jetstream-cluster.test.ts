// Servers with JetStream in one cluster, without replication: a stream is on one of them, and all reach it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, headers } from "@nats-io/transport-node";
import {
  type Answer,
  ask,
  type Member,
  make,
  newWorld,
  startMember,
  startMembers,
  together,
  withSystem,
} from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";

test("each server reaches a stream of another one", { timeout: 60_000 }, async (t) => {
  const [, one, two, three] = await startMembers(t, 3);
  const made = await make(two.client, "ORDERS");
  assert.deepEqual(made.cluster, { name: "C", leader: "S2" }, "it is made where its client is connected");
  for (const { client } of [one, two, three]) {
    const info = await ask(client, "STREAM.INFO.ORDERS");
    assert.deepEqual(info.cluster, { name: "C", leader: "S2" });
    const stored = await jetstream(client).publish("orders.new", "x");
    assert.equal(stored.stream, "ORDERS");
  }
  assert.equal((await ask(three.client, "STREAM.INFO.ORDERS")).state?.messages, 3);
  const again = await make(one.client, "ORDERS");
  assert.deepEqual([again.error, again.cluster?.leader], [undefined, "S2"], "the same one is the one that is there");
  const other = await make(three.client, "ORDERS", { description: "other" });
  assert.equal(other.error?.err_code, 10058);
  const overlapping = await make(three.client, "MORE", { subjects: ["orders.*"] });
  assert.equal(overlapping.error?.err_code, 10065);
});

test("what no server has is answered once", { timeout: 60_000 }, async (t) => {
  const [, one, two, three] = await startMembers(t, 3);
  for (const { client } of [one, three]) {
    const answers: number[] = [];
    const inbox = `_INBOX.${client.info?.server_name}`;
    client.subscribe(inbox, {
      callback: (_, message) => void answers.push(message.json<Answer>().error?.err_code ?? 0),
    });
    client.publish("$JS.API.STREAM.INFO.NONE", "", { reply: inbox });
    await until("it is answered", () => answers.length > 0);
    // What another server had answered would come before an answer to a later request.
    await ask(client, "STREAM.NAMES");
    await client.flush();
    assert.deepEqual(answers, [10059]);
  }
  await assert.rejects(one.client.request("$JS.API.DIRECT.GET.NONE", '{"seq":1}'), /no responders/);
  await assert.rejects(three.client.request("$JS.API.CONSUMER.MSG.NEXT.NONE.c"), /no responders/);
  await make(one.client, "HERE");
  for (const { client } of [one, two, three]) {
    await assert.rejects(client.request("$JS.API.CONSUMER.MSG.NEXT.HERE.c"), /no responders/);
  }
});

test("a stream of a client that wants a server that knows more is refused once", { timeout: 60_000 }, async (t) => {
  const [, one, two] = await startMembers(t, 2);
  const newer = headers();
  newer.set("Nats-Required-Api-Level", "99");
  for (const { client } of [one, two]) {
    const answer = await client.request("$JS.API.STREAM.CREATE.NEWER", '{"name":"NEWER"}', {
      timeout: 5000,
      headers: newer,
    });
    assert.equal(answer.json<Answer>().error?.err_code, 10185);
    assert.equal((await ask(client, "STREAM.INFO.NEWER")).error?.err_code, 10059);
  }
});

test("of many creates of one name at a time one makes the stream", { timeout: 60_000 }, async (t) => {
  const [, ...members] = await startMembers(t, 3);
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      members.map(({ client }, at) => make(client, `R${round}`, { description: `${round % 2 === 0 ? at : "same"}` })),
    );
    const made = answers.filter(({ config }) => config !== undefined);
    assert.equal(made.length, round % 2 === 0 ? 1 : 3);
    assert.equal(new Set(made.map(({ cluster }) => cluster?.leader)).size, 1);
    const failed = answers.filter(({ error }) => error !== undefined);
    assert.ok(failed.every(({ error }) => error?.err_code === 10058));
  }
});

test("of many streams with the same subjects, asked for at a time, one is made", { timeout: 60_000 }, async (t) => {
  const [, ...members] = await startMembers(t, 3);
  for (let round = 0; round < 10; round++) {
    const subjects = [`round.${round}.>`];
    const answers = await Promise.all(members.map(({ client }, at) => make(client, `R${round}_${at}`, { subjects })));
    assert.deepEqual(answers.map(({ error }) => error?.err_code ?? 0).sort(), [0, 10065, 10065]);
  }
});

test("names, lists and numbers are those of all servers", { timeout: 60_000 }, async (t) => {
  const [, ...members] = await startMembers(t, 3);
  for (let at = 0; at < 30; at++) await make(members[at % 3].client, `N${String(at).padStart(2, "0")}`);
  await members[0].client.request("n01.a", "stored at the second server");
  await ask(members[1].client, "CONSUMER.CREATE.N02", { stream_name: "N02", config: { durable_name: undefined } });
  for (const { client } of members) {
    const names = await ask(client, "STREAM.NAMES");
    assert.equal(names.total, 30);
    assert.deepEqual(names.streams, [...(names.streams ?? [])].sort());
    const rest = await ask(client, "STREAM.NAMES", { offset: 28 });
    assert.deepEqual(rest.streams, ["N28", "N29"]);
    const one = await ask(client, "STREAM.NAMES", { subject: "n07.x" });
    assert.deepEqual(one.streams, ["N07"]);
    const list = (await ask(client, "STREAM.LIST")).streams as Answer[];
    assert.deepEqual(
      list.map(({ cluster }) => cluster?.leader),
      Array.from({ length: 30 }, (_, at) => `S${(at % 3) + 1}`),
    );
    assert.equal(list[1].state?.messages, 1);
    const info = await ask(client, "INFO");
    assert.deepEqual([info.streams, info.consumers], [30, 1]);
    assert.ok((info.storage ?? 0) > 0);
  }
});

test("consumers deliver to clients of other servers, and take their acknowledgements", {
  timeout: 60_000,
}, async (t) => {
  const [, one, two, three] = await startMembers(t, 3);
  await make(two.client, "WORK");
  const js = jetstream(one.client);
  for (let at = 1; at <= 20; at++) await js.publish("work.x", `${at}`);
  const manager = await jetstreamManager(three.client);
  await manager.consumers.add("WORK", { durable_name: "pull", ack_policy: AckPolicy.Explicit });
  const pull = await js.consumers.get("WORK", "pull");
  const seen: string[] = [];
  for await (const message of await pull.fetch({ max_messages: 20, expires: 5000 })) {
    assert.equal(message.subject, "work.x");
    assert.equal(await message.ackAck(), true);
    seen.push(message.string());
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, at) => `${at + 1}`),
  );
  assert.equal((await pull.info()).ack_floor.stream_seq, 20);

  const ordered = await jetstream(three.client).consumers.get("WORK");
  const read: number[] = [];
  for await (const message of await ordered.consume()) {
    read.push(message.seq);
    if (read.length === 20) break;
  }
  assert.deepEqual(read.length, 20);

  // A push consumer waits until somebody listens, wherever that is.
  await manager.consumers.add("WORK", {
    durable_name: "push",
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    deliver_subject: "to.somebody",
  });
  const pushed: string[] = [];
  one.client.subscribe("to.somebody", { callback: (_, message) => void pushed.push(message.string()) });
  await until("all are pushed", () => pushed.length === 20);
});

test("a bucket of another server", { timeout: 60_000 }, async (t) => {
  const [, one, two, three] = await startMembers(t, 3);
  const bucket = await new Kvm(two.client).create("cfg", { history: 3 });
  await bucket.put("color", "red");
  for (const { client } of [one, three]) {
    const same = await new Kvm(client).open("cfg");
    assert.equal((await same.get("color"))?.string(), "red");
    await same.put("color", "blue");
    assert.equal((await bucket.get("color"))?.string(), "blue");
    await bucket.put("color", "red");
  }
  const watch = await (await new Kvm(one.client).open("cfg")).watch();
  for await (const entry of watch) {
    assert.equal(entry.string(), "red");
    break;
  }
});

test("streams of a server that is down are offline, and there again when it is", { timeout: 90_000 }, async (t) => {
  const [world, one, two, three] = await startMembers(t, 3);
  await make(two.client, "AWAY");
  await jetstream(one.client).publish("away.a", "kept");
  await ask(one.client, "CONSUMER.CREATE.AWAY.d", {
    stream_name: "AWAY",
    config: { durable_name: "d", ack_policy: "explicit" },
  });
  await two.server.close();
  for (const { client } of [one, three]) {
    // A request that its server had is lost.
    await until("it is offline", () =>
      ask(client, "STREAM.INFO.AWAY").then(
        ({ error }) => error?.err_code === 10118,
        () => false,
      ),
    );
    assert.equal((await ask(client, "CONSUMER.INFO.AWAY.d")).error?.err_code, 10119);
    assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["AWAY"]);
    assert.deepEqual((await ask(client, "STREAM.LIST")).missing, ["AWAY"]);
    assert.equal((await make(client, "AWAY")).error?.err_code, 10118);
    await assert.rejects(client.request("$JS.API.CONSUMER.MSG.NEXT.AWAY.d"), /no responders/);
  }
  await startMember(world, "S2", [one, three]);
  for (const { client } of [one, three]) {
    await until("it is back", async () => (await ask(client, "STREAM.INFO.AWAY")).state?.messages === 1);
    assert.deepEqual((await make(client, "AWAY")).cluster, { name: "C", leader: "S2" });
  }
});

test("a server that does not come back is taken out", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const one = await startMember(world, "S1", [], withSystem);
  const two = await startMember(world, "S2", [one], withSystem);
  await together([one, two]);
  await make(two.client, "AWAY");
  const system = await one.server.connect({ user: "sys", pass: "sys" });
  const remove = async (): Promise<Answer> =>
    (await system.request("$JS.API.SERVER.REMOVE", JSON.stringify({ peer: "S2" }))).json<Answer>();
  assert.equal((await remove()).error?.err_code, 10044, "not while it is there");
  await two.server.close();
  await until("it is taken out", async () => (await remove()).error === undefined);
  assert.equal((await ask(one.client, "STREAM.INFO.AWAY")).error?.err_code, 10059);
  assert.equal((await make(one.client, "AWAY")).cluster?.leader, "S1");
});

test("what all servers declare is made once", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const members: Member[] = [];
  for (const name of ["S1", "S2", "S3"]) {
    const streams = { D: { subjects: ["d.>"], consumers: { c: {} } } };
    const options = { jetstream: { storeDir: join(world.folder, name), streams } };
    members.push(await startMember(world, name, members.slice(0, 1), options));
  }
  await together(members);
  for (const { client } of members) {
    await until("it is made", async () => (await ask(client, "CONSUMER.INFO.D.c")).error === undefined);
    assert.deepEqual((await ask(client, "STREAM.NAMES")).streams, ["D"]);
    assert.equal((await ask(client, "STREAM.INFO.D")).cluster?.name, "C");
  }
  const stored = await members[1].client.request("d.x", "one");
  assert.deepEqual(stored.json(), { stream: "D", seq: 1 });
});

test("tags of a placement decide where a stream is", { timeout: 60_000 }, async (t) => {
  const world = newWorld(t);
  const one = await startMember(world, "S1", []);
  const two = await startMember(world, "S2", [one], { serverTags: ["ssd"] });
  await together([one, two]);
  const placed = await make(one.client, "FAST", { placement: { tags: ["ssd"] } });
  assert.equal(placed.cluster?.leader, "S2");
  const nowhere = await make(two.client, "NONE", { placement: { tags: ["tape"] } });
  assert.deepEqual(
    [nowhere.error?.err_code, nowhere.error?.description],
    [10005, "no suitable peers for placement, tags not matched ['tape']"],
  );
  const far = await make(two.client, "NONE", { placement: { cluster: "FAR" } });
  assert.equal(far.error?.err_code, 10005);
});

test("what an account may store counts over all servers, what consumers it may have over each stream", {
  timeout: 60_000,
}, async (t) => {
  const world = newWorld(t);
  const A = { jetstream: { maxStoreBytes: 4096, maxConsumers: 1 }, users: [{ user: "a", password: "a" }] };
  const options = { ...withSystem, accounts: { ...withSystem.accounts, A } };
  const one = await startMember(world, "S1", [], options);
  const two = await startMember(world, "S2", [one], options);
  await together([one, two]);
  await make(one.client, "ONE");
  // So that it has never much itself.
  await make(two.client, "TWO", { max_msgs: 1 });
  const publish = async (subject: string): Promise<number | undefined> =>
    (await one.client.request(subject, Buffer.alloc(1000), { timeout: 5000 })).json<Answer>().error?.err_code;
  const untilAnswered = (subject: string, code?: number): Promise<void> =>
    until(`${subject}: ${code}`, async () => (await publish(subject)) === code);
  await untilAnswered("one.a", 10002);
  await untilAnswered("two.a", 10002);
  await ask(two.client, "STREAM.PURGE.ONE");
  await untilAnswered("two.a");
  for (const name of ["ONE", "TWO"]) {
    const add = async (durable: string): Promise<number | undefined> => {
      const config = { name: durable, durable_name: durable };
      return (await ask(one.client, `CONSUMER.CREATE.${name}.${durable}`, { stream_name: name, config })).error
        ?.err_code;
    };
    assert.equal(await add("c"), undefined);
    assert.equal(await add("d"), 10026);
  }
});

test("monitoring shows of each server its own streams, and who decides, as with nats-servers", {
  timeout: 60_000,
}, async (t) => {
  const world = newWorld(t);
  const options = { ...withSystem, httpPort: -1 };
  const one = await startMember(world, "S1", [], options);
  const two = await startMember(world, "S2", [one], options);
  await together([one, two]);
  await make(two.client, "THERE");
  const page = async ({ server }: Member, path: string): Promise<{ status: number; text: string }> => {
    const { host, port } = server.addresses["monitoring"];
    const response = await fetch(`http://${host}:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  interface Pages {
    readonly jetstream?: { readonly meta?: { readonly leader: string; readonly cluster_size: number } };
    readonly account_details?: readonly { readonly stream_detail?: readonly Answer[] }[];
  }
  const json = async (member: Member, path: string): Promise<Pages> =>
    JSON.parse((await page(member, path)).text) as Pages;
  for (const member of [one, two]) {
    const meta = (await json(member, "/varz")).jetstream?.meta;
    assert.deepEqual([meta?.leader, meta?.cluster_size], ["S1", 2]);
    assert.equal((await page(member, "/healthz?account=A")).status, 200);
    assert.equal((await page(member, "/healthz?account=SYS")).status, 404);
  }
  const details = await Promise.all(
    [one, two].map(async (member) => (await json(member, "/jsz?acc=A&streams=1")).account_details?.[0]?.stream_detail),
  );
  assert.deepEqual(
    details.map((streams) => streams?.map(({ cluster }) => cluster)),
    [undefined, [{ name: "C", leader: "S2" }]],
  );
  assert.match((await page(one, "/healthz?account=A&stream=THERE")).text, /stream .*THERE.* not found on account/);
  assert.equal((await page(two, "/healthz?account=A&stream=THERE")).status, 200);
  assert.equal((await page(one, "/jsz?leader-only=1")).status, 200);
  assert.deepEqual(await page(two, "/jsz?leader-only=1"), { status: 400, text: "filtered response: not leader" });
  const system = await connect({ servers: two.server.clientUrl, user: "sys", pass: "sys" });
  t.after(() => system.close());
  for (const [body, expected] of [
    ["", ["S1", "S2"]],
    ['{"leader_only":true}', ["S1"]],
  ] as const) {
    const names: string[] = [];
    const answers = await system.requestMany("$SYS.REQ.SERVER.PING.JSZ", body, { strategy: "timer", maxWait: 500 });
    for await (const answer of answers) names.push(answer.json<{ server: { name: string } }>().server.name);
    assert.deepEqual(names.sort(), expected);
  }
});
