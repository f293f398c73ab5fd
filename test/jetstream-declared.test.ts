// Streams, consumers and buckets that the configuration declares: made at the start, changed by a reload, never deleted.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import { projectRoot } from "./support/project.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const DECLARED = `
jetstream {
  store_dir: "{{DIR}}/js"
  streams {
    ORDERS {
      subjects: ["orders.*"], max_age: "24h", max_bytes: 10MB
      consumers { kitchen { max_deliver: 3, ack_wait: "10s", dead_letter: "dead.orders" } }
    }
    DEAD { subjects: "dead.*" }
  }
  key_value { settings { history: 5 } }
  object_stores { menus { ttl: "1h" } }
}
`;

async function clientOf(t: TestContext, server: ServerProcess) {
  const client = await connect({ port: server.port });
  t.after(() => client.close());
  return client;
}

test("a configuration's streams, consumers and buckets are there when the server is", async (t) => {
  const server = await startServerProcess(t, { config: DECLARED });
  const client = await clientOf(t, server);
  const manager = await jetstreamManager(client);
  const { config } = await manager.streams.info("ORDERS");
  assert.deepEqual([config.subjects, config.max_age, config.max_bytes], [["orders.*"], 86_400e9, 10 * 1024 * 1024]);
  const consumer = (await manager.consumers.info("ORDERS", "kitchen")).config;
  assert.deepEqual(
    [consumer.durable_name, consumer.ack_policy, consumer.ack_wait, consumer.max_deliver],
    ["kitchen", "explicit", 10e9, 3],
  );
  assert.equal(consumer.metadata?.["natsnode.dead_letter"], "dead.orders");
  const bucket = await new Kvm(client).open("settings");
  await bucket.put("theme", "dark");
  assert.equal((await bucket.get("theme"))?.string(), "dark");
  assert.equal((await bucket.status()).history, 5);
  const store = await new Objm(client).open("menus");
  await store.putBlob({ name: "lunch" }, Buffer.from("soup"));
  assert.equal(Buffer.from((await store.getBlob("lunch")) ?? []).toString(), "soup");
});

test("a reload creates and updates, keeps messages and what is not declared any more, and names conflicts", async (t) => {
  const server = await startServerProcess(t, { config: DECLARED });
  const client = await clientOf(t, server);
  const manager = await jetstreamManager(client);
  await jetstream(client).publish("orders.new", "pizza");
  const changed = `listen: 127.0.0.1:${server.port}
jetstream {
  store_dir: "${server.folder}/js"
  streams {
    ORDERS { subjects: ["orders.*"], max_age: "48h", consumers { kitchen { max_deliver: 7 } } }
    DEAD { storage: memory }
    CLASH { subjects: ["orders.new"] }
    NEXT { subjects: ["next"] }
  }
}
`;
  writeFileSync(join(server.folder, "server.conf"), changed);
  server.signal("SIGHUP");
  await server.logged(/Reloaded server configuration/);
  const orders = await manager.streams.info("ORDERS");
  assert.deepEqual([orders.config.max_age, orders.config.max_bytes, orders.state.messages], [172_800e9, 10_485_760, 1]);
  assert.equal((await manager.consumers.info("ORDERS", "kitchen")).config.max_deliver, 7);
  assert.equal((await manager.streams.info("DEAD")).config.storage, "file");
  assert.equal((await manager.streams.info("NEXT")).config.name, "NEXT");
  assert.equal((await manager.streams.info("KV_settings")).config.name, "KV_settings");
  await assert.rejects(manager.streams.info("CLASH"));
  assert.match(server.log, /Declared stream "CLASH" of account "\$G" cannot be as it is declared: subjects overlap/);
  assert.match(server.log, /Declared stream "DEAD" of account "\$G" cannot be as it is declared: .*storage/);
});

test("mirrors, sources, transforms and republishing are declared, and stay as they are over a restart", async (t) => {
  const config = `accounts {
  A { jetstream: enabled, users: [{ user: a, password: pw }] }
  B { jetstream: enabled, users: [{ user: b, password: pw }] }
}
jetstream {
  store_dir: "${temporaryFolder(t)}"
  streams {
    IN { account: A, subjects: "in.*", republish { src: "in.*", dest: "out.$1", headers_only: true } }
    COPY { account: A, mirror { name: IN } }
    PART {
      account: A, subject_transform { src: "part.*", dest: "kept.$1" }
      sources: [{ name: IN, subject_transforms: [{ src: "in.a", dest: "part.a" }] }]
    }
    FAR { account: A, sources: [{ name: IN, filter_subject: "x", external { api: "$JS.far.API" } }] }
    OTHERS { name: IN, account: B, subjects: "other" }
  }
}`;
  const first = await startServerProcess(t, { config });
  const login = (port: number, user: string) => connect({ port, user, pass: "pw" });
  const [a, b] = await Promise.all([login(first.port, "a"), login(first.port, "b")]);
  t.after(() => Promise.all([a.close(), b.close()]));
  const heard = a.subscribe("out.a", { max: 1 });
  await jetstream(a).publish("in.a", "one");
  for await (const message of heard) assert.equal(message.headers?.get("Nats-Msg-Size"), "3");
  const manager = await jetstreamManager(a);
  const copied = async (name: string): Promise<string> => {
    for (;;) {
      const { state } = await manager.streams.info(name, { subjects_filter: ">" });
      if (state.messages > 0) return Object.keys(state.subjects ?? {}).join();
    }
  };
  assert.deepEqual([await copied("COPY"), await copied("PART")], ["in.a", "kept.a"]);
  const { config: far } = await manager.streams.info("FAR");
  assert.deepEqual(far.sources, [{ name: "IN", filter_subject: "x", external: { api: "$JS.far.API", deliver: "" } }]);
  const { config: others } = await (await jetstreamManager(b)).streams.info("IN");
  assert.deepEqual(others.subjects, ["other"]);
  first.signal("SIGTERM");
  await first.exited();
  const second = await startServerProcess(t, { config });
  assert.doesNotMatch(second.log, /Declared/);
});

test("a restart changes nothing that is as it is declared", async (t) => {
  const folder = temporaryFolder(t);
  const config = DECLARED.replace("{{DIR}}", folder);
  const first = await startServerProcess(t, { config });
  assert.match(first.log, /Declared stream "ORDERS" of account "\$G" is there as it is declared now/);
  first.signal("SIGTERM");
  await first.exited();
  const second = await startServerProcess(t, { config });
  assert.doesNotMatch(second.log, /Declared/);
});

test("what can be known beforehand fails the check of the configuration", (t) => {
  const folder = temporaryFolder(t);
  const cases: [string, RegExp][] = [
    [`jetstream { streams { "A.B" {} } }`, /invalid name "A.B"/],
    [`jetstream { streams { A { account: NOBODY } } }`, /account "NOBODY" has no JetStream/],
    [`jetstream { streams { A { mirror { name: "x y" } } } }`, /invalid name "x y"/],
    [`jetstream { streams { A { sources: [{ filter_subject: x }] } } }`, /invalid name ""/],
    [`jetstream { streams { A { mirror { name: B }, sources: [{ name: C }] } } }`, /a mirror has no sources/],
    [`jetstream { streams { A {}, B { name: A } } }`, /two streams "A"/],
    [`jetstream { streams { A { retention: forever } } }`, /retention must be/],
    [`jetstream { streams { A { subject: a } } }`, /subjects/],
    [`jetstream { streams { A { consumers { "x y" {} } } } }`, /invalid name "x y"/],
  ];
  const file = join(folder, "server.conf");
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    const { status, output } = natsnode("config", "check", file);
    assert.equal(status, 1, text);
    assert.match(output, message);
  }
});

function natsnode(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectRoot, "bin/natsnode.js"), ...args], {
    encoding: "utf8",
  });
  return { status, output: stderr + stdout };
}

test("what a start would refuse to make fails the check of the configuration, and -t", (t) => {
  const file = join(temporaryFolder(t), "server.conf");
  const text = `
accounts { A { jetstream: { max_file: 1GB, max_streams: 9 }, users: [{ user: a, password: pw }] } }
jetstream {
  streams {
    MIRROR { account: A, subjects: "m", mirror { name: GOOD } }
    SHORT { account: A, subjects: "s", max_age: "1m", duplicate_window: "2m" }
    GOOD { account: A, subjects: "good.*", consumers { reader {}, bad { backoff: ["1s", "2s"], max_deliver: 1 } } }
    OVERLAP { account: A, subjects: "good.one" }
    LARGE { account: A, subjects: "large", max_bytes: 2GB }
  }
  key_value { bucket { account: A, history: 9 } }
}`;
  writeFileSync(file, text);
  const objections = [
    /"MIRROR" of account "A" cannot be as it is declared: stream mirrors can not contain subjects/,
    /"SHORT" of account "A" cannot be as it is declared: duplicates window can not be larger then max age/,
    /"GOOD > bad" of account "A" cannot be as it is declared: max deliver is required to be > length of backoff/,
    /"OVERLAP" of account "A" cannot be as it is declared: subjects overlap/,
    /"LARGE" of account "A" cannot be as it is declared: insufficient storage/,
  ];
  for (const args of [
    ["-t", "-c", file],
    ["config", "check", file],
  ]) {
    const { status, output } = natsnode(...args);
    assert.equal(status, 1);
    for (const objection of objections) assert.match(output, objection);
    assert.equal([...output.matchAll(/cannot be as it is declared/g)].length, objections.length, output);
  }
  writeFileSync(file, DECLARED);
  assert.deepEqual([natsnode("-t", "-c", file).status, natsnode("config", "check", file).status], [0, 0]);
});
