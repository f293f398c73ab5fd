// Which of two faults of a stream's configuration is told, where one of them is a limit of the account: as nats-server has it.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const LIMITS = "max_consumers: 5, disk_max_stream_bytes: 1000, max_bytes_required: true, max_store: 4000";
const BASE = { name: "S", subjects: ["s.>"], storage: "file", max_bytes: 500 };
const FAULTS = {
  consumers: { max_consumers: 10 },
  bytes: { max_bytes: 2000 },
  "no bytes": { max_bytes: -1 },
  room: { max_bytes: 100_000 },
  storage: { storage: "memory" },
  mirror: { mirror: { name: "O" }, subjects: undefined },
  replicas: { num_replicas: 3 },
  name: { name: "Z" },
  subject: { subjects: ["a..b"] },
  window: { duplicate_window: 1 },
  overlap: { subjects: ["o.x"] },
};
type Fault = keyof typeof FAULTS;

const CREATES: readonly (readonly [Fault, Fault, number])[] = [
  ["consumers", "bytes", 10026],
  ["consumers", "window", 10026],
  ["consumers", "subject", 10026],
  ["consumers", "room", 10026],
  ["room", "subject", 10047],
  ["room", "overlap", 10047],
  ["bytes", "subject", 10052],
  ["no bytes", "overlap", 10113],
];
const UPDATES: readonly (readonly [Fault, Fault, number])[] = [
  ["consumers", "bytes", 10122],
  ["consumers", "no bytes", 10113],
  ["consumers", "storage", 10052],
  ["consumers", "mirror", 10055],
  ["consumers", "replicas", 10074],
  ["consumers", "overlap", 10026],
  ["consumers", "subject", 10052],
  ["bytes", "name", 10122],
  ["room", "room", 10122],
];

async function ask(client: NatsConnection, subject: string, config: object): Promise<number | undefined> {
  const answer = await client.request(`$JS.API.STREAM.${subject}`, JSON.stringify(config), { timeout: 5000 });
  return answer.json<{ error?: { err_code: number } }>().error?.err_code;
}

async function start(t: TestContext, program: ServerProgram): Promise<NatsConnection> {
  const account = `A { jetstream { ${LIMITS} }, users: [{ user: a, password: a }] }`;
  const config = `jetstream { store_dir: "${temporaryFolder(t)}" }\naccounts { ${account} }\nno_auth_user: a\n`;
  const { port } = await startServerProcess(t, { program, config });
  const client = await connect({ port, reconnect: false });
  t.after(() => client.close());
  return client;
}

for (const program of ["natsnode", "neighbour"] as const) {
  const skip = program === "neighbour" && withoutNeighbour();
  test(`of two faults of a stream ${program} tells the one that nats-server looks at first`, { skip }, async (t) => {
    const client = await start(t, program);
    assert.equal(await ask(client, "CREATE.O", { ...BASE, name: "O", subjects: ["o.>"] }), undefined);
    for (const [one, other, code] of CREATES) {
      const config = { ...BASE, ...FAULTS[one], ...FAULTS[other] };
      assert.equal(await ask(client, "CREATE.S", config), code, `new: ${one} and ${other}`);
    }
    assert.equal(await ask(client, "UPDATE.NO", { ...BASE, ...FAULTS.bytes, name: "NO" }), 10122);
    assert.equal(await ask(client, "UPDATE.NO", { ...BASE, name: "NO" }), 10059);
    assert.equal(await ask(client, "CREATE.S", BASE), undefined);
    for (const [one, other, code] of UPDATES) {
      const config = { ...BASE, ...FAULTS[one], ...FAULTS[other] };
      assert.equal(await ask(client, "UPDATE.S", config), code, `update: ${one} and ${other}`);
    }
  });
}
