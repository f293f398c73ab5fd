// Mirrors and sources of another account's stream: it exports its API of consumers, the subjects of deliveries and of flow
// control, and nothing else. In one server, over leaf links and for accounts of JWTs, with nats-server at either end.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { accountJwt, authenticatorOf, JwtWorld, operatorJwt, pairOf } from "./support/jwt-world.js";
import { linkedPrograms } from "./support/leaf-link.js";
import { startServerProcess } from "./support/server-process.js";
import { infoUntil, request } from "./support/stream-api.js";

const MESSAGES = 4000;
// Together more than what is sent without an answer to a flow control request.
const PAYLOAD = "x".repeat(1500);
const EXTERNAL = { api: "from.owner", deliver: "deliver.reader" };

const ACCOUNTS = `accounts {
  OWNER {
    jetstream: enabled, users: [{ user: owner, password: pw }]
    exports: [
      { service: "$JS.API.CONSUMER.>", response_type: stream }, { stream: "deliver.>" }, { service: "$JS.FC.>" }
    ]
  }
  READER {
    jetstream: enabled, users: [{ user: reader, password: pw }]
    imports: [
      { service: { account: OWNER, subject: "$JS.API.CONSUMER.>" }, to: "from.owner.CONSUMER.>" }
      { stream: { account: OWNER, subject: "deliver.>" } }
      { service: { account: OWNER, subject: "$JS.FC.>" } }
    ]
  }
}`;

async function client(t: TestContext, options: ConnectionOptions): Promise<NatsConnection> {
  const connected = await connect(options);
  t.after(() => connected.close());
  return connected;
}

const login = (t: TestContext, port: number, user: string): Promise<NatsConnection> =>
  client(t, { port, user, pass: "pw" });

/** The owner's messages are all at the reader, in their order; after a restart of the stream, too. */
async function mirrorAndSource(owner: NatsConnection, reader: NatsConnection): Promise<void> {
  await request(owner, "STREAM.CREATE.O", { name: "O", subjects: ["o.>"] });
  const publish = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at++) owner.publish(`o.${at}`, PAYLOAD);
    await owner.request(`o.${to}`, PAYLOAD, { timeout: 20_000 });
  };
  await publish(1, MESSAGES / 2);
  await request(reader, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external: EXTERNAL }] });
  await request(reader, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external: EXTERNAL } });
  await publish(MESSAGES / 2 + 1, MESSAGES);
  for (const name of ["S", "M"]) {
    const info = await infoUntil(reader, name, ({ state }) => state.messages >= MESSAGES);
    const [{ error, lag }] = info.sources ?? [info.mirror ?? { error: undefined, lag: -1 }];
    assert.deepEqual([info.state.messages, info.state.last_seq, lag, error], [MESSAGES, MESSAGES, 0, undefined], name);
    for (const seq of [1, MESSAGES / 2, MESSAGES]) {
      const { message } = await request<{ message: { subject: string } }>(reader, `STREAM.MSG.GET.${name}`, { seq });
      assert.equal(message.subject, `o.${seq}`, name);
    }
  }
}

test("a stream of another account of the server is mirrored and sourced", async (t) => {
  const server = await startServerProcess(t, { config: `jetstream { store_dir: "{{DIR}}" }\n${ACCOUNTS}` });
  await mirrorAndSource(await login(t, server.port, "owner"), await login(t, server.port, "reader"));
});

test("the account of an origin is taken out, and put in again", { timeout: 60_000 }, async (t) => {
  const server = await startServerProcess(t, { config: `jetstream { store_dir: "{{DIR}}" }\n${ACCOUNTS}` });
  const owner = await login(t, server.port, "owner");
  const reader = await login(t, server.port, "reader");
  await request(owner, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  await owner.request("o", "1");
  await request(reader, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external: EXTERNAL }] });
  await request(reader, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external: EXTERNAL } });
  for (const name of ["S", "M"]) await infoUntil(reader, name, ({ state }) => state.messages === 1);
  const file = join(server.folder, "server.conf");
  const whole = readFileSync(file, "utf8");
  let reloads = 0;
  const reload = async (config: string): Promise<void> => {
    writeFileSync(file, config);
    server.signal("SIGHUP");
    await server.logged(new RegExp(`(Reloaded server configuration[^]*){${++reloads}}`), 10_000);
  };
  await reload(
    whole.replace(ACCOUNTS, "accounts { READER { jetstream: enabled, users: [{ user: reader, password: pw }] } }"),
  );
  const back = await login(t, server.port, "reader");
  for (const name of ["S", "M"]) {
    await infoUntil(back, name, ({ mirror, sources }) => (mirror ?? sources?.[0])?.error !== undefined);
  }
  await reload(whole);
  await (await login(t, server.port, "owner")).request("o", "2");
  for (const name of ["S", "M"]) {
    const { state, mirror, sources } = await infoUntil(back, name, (info) => info.state.messages >= 2);
    assert.deepEqual([state.messages, state.last_seq, (mirror ?? sources?.[0])?.error], [2, 2, undefined]);
  }
});

test("a stream of another account is mirrored and sourced where both are of JWTs", async (t) => {
  const world = new JwtWorld();
  const [owner, reader] = [pairOf("account"), pairOf("account")];
  const limits = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const exports = [
    { name: "api", subject: "$JS.API.CONSUMER.>", type: "service", response_type: "Stream" },
    { name: "deliveries", subject: "deliver.>", type: "stream" },
    { name: "flow", subject: "$JS.FC.>", type: "service" },
  ];
  const imports = [
    { subject: "$JS.API.CONSUMER.>", local_subject: "from.owner.CONSUMER.>", type: "service" },
    { subject: "deliver.>", type: "stream" },
    { subject: "$JS.FC.>", type: "service" },
  ].map((one) => ({ name: one.subject, account: owner.nkey, ...one }));
  const config = `operator: ${operatorJwt(world.operator, { system_account: world.system.nkey })}
system_account: ${world.system.nkey}
resolver: MEMORY
resolver_preload {
  ${world.system.nkey}: ${accountJwt(world.operator, world.system)}
  ${owner.nkey}: ${accountJwt(world.operator, owner, { limits, exports })}
  ${reader.nkey}: ${accountJwt(world.operator, reader, { limits, imports })}
}
jetstream { store_dir: "{{DIR}}" }`;
  const server = await startServerProcess(t, { config });
  const user = (account: typeof owner): Promise<NatsConnection> =>
    client(t, { port: server.port, authenticator: authenticatorOf(account, world.user) });
  await mirrorAndSource(await user(owner), await user(reader));
});

for (const { hub, leaf, skip } of linkedPrograms()) {
  test(`a leaf node mirrors and sources a stream of another account of its hub: ${leaf} at ${hub}`, {
    skip,
  }, async (t) => {
    const leafPort = await freePort();
    const above = await startServerProcess(t, {
      program: hub,
      config: `server_name: hub
jetstream { store_dir: "{{DIR}}", domain: hub }
leafnodes { listen: "127.0.0.1:${leafPort}" }
${ACCOUNTS}`,
    });
    const below = await startServerProcess(t, {
      program: leaf,
      config: `server_name: leaf
jetstream { store_dir: "{{DIR}}", domain: leaf }
leafnodes { remotes: [{ url: "nats-leaf://reader:pw@127.0.0.1:${leafPort}" }] }`,
    });
    await mirrorAndSource(await login(t, above.port, "owner"), await client(t, { port: below.port }));
  });
}
