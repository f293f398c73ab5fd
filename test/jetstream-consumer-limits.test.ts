// How many consumers a stream may have, as it, its account and the server say: natsnode and nats-server, side by side.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { ask } from "./support/jetstream-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";

const PROGRAMS: readonly ServerProgram[] = ["natsnode", "neighbour"];
const REFUSED = 10026;
const TOO_MANY = 1002;
const AT_ONCE = 100;
/** Accounts, by what they say of JetStream. */
const ACCOUNTS = { SILENT: "enabled", BOUNDLESS: "{ max_consumers: -1 }", THREE: "{ max_consumers: 3 }" };

type Row = readonly [account: keyof typeof ACCOUNTS, stream: object, allowed: number];
/** By the limits of the server. */
const ALLOWED: Readonly<Record<string, readonly Row[]>> = {
  "": [
    ["SILENT", {}, 1000],
    ["BOUNDLESS", { storage: "memory", max_consumers: 0 }, 1000],
    ["SILENT", { max_consumers: 1001 }, 1001],
  ],
  "default_max_consumers: 0": [["SILENT", {}, 1000]],
  "default_max_consumers: -1": [["SILENT", {}, TOO_MANY]],
  "default_max_consumers: 2": [
    ["SILENT", {}, 2],
    ["SILENT", { max_consumers: 3 }, 3],
    ["BOUNDLESS", {}, 2],
    ["THREE", {}, 3],
    ["THREE", { max_consumers: 1 }, 1],
  ],
};

// The error's code, if there is one.
async function add(client: NatsConnection, config: { readonly name?: string; [key: string]: unknown }) {
  const subject = config.name === undefined ? "CONSUMER.CREATE.S" : `CONSUMER.CREATE.S.${config.name}`;
  return (await ask(client, subject, { stream_name: "S", config })).error?.err_code;
}

async function start(t: TestContext, program: ServerProgram, limits: string) {
  const accounts = Object.entries(ACCOUNTS).map(
    ([name, jetstream]) => `${name} { jetstream: ${jetstream}, users: [{ user: ${name}, password: p }] }`,
  );
  const config = `jetstream { store_dir: "{{DIR}}", limits { ${limits} } }, accounts { ${accounts.join("\n")} }`;
  return await startServerProcess(t, { program, config });
}

async function login(t: TestContext, port: number, user: keyof typeof ACCOUNTS): Promise<NatsConnection> {
  const client = await connect({ servers: `127.0.0.1:${port}`, user, pass: "p" });
  t.after(() => client.close());
  return client;
}

for (const program of PROGRAMS) {
  const skip = program === "neighbour" ? withoutNeighbour() : false;
  test(`consumers that a stream may have: ${program}`, { skip }, async (t) => {
    for (const [limits, rows] of Object.entries(ALLOWED)) {
      const { port } = await start(t, program, limits);
      for (const [account, stream, allowed] of rows) {
        const where = `${limits} ${account} ${JSON.stringify(stream)}`;
        const client = await login(t, port, account);
        await ask(client, "STREAM.DELETE.S");
        assert.equal((await ask(client, "STREAM.CREATE.S", { name: "S", ...stream })).error, undefined, where);
        const kinds = Array.from({ length: Math.min(allowed + 2, TOO_MANY) }, (_, at) =>
          at % 2 === 0 ? {} : { name: `C${at}`, durable_name: `C${at}`, mem_storage: at % 3 === 0 },
        );
        const answers: (number | undefined)[] = [];
        while (kinds.length > 0) {
          answers.push(...(await Promise.all(kinds.splice(0, AT_ONCE).map((config) => add(client, config)))));
        }
        assert.equal(answers.filter((code) => code === undefined).length, allowed, where);
        assert.ok(
          answers.every((code) => code === undefined || code === REFUSED),
          where,
        );
        const direct = { name: "D", deliver_subject: "d", direct: true };
        assert.equal(await add(client, direct), undefined, `${where}: a direct one is not counted`);
      }
    }
  });

  test(`a stream cannot ask for more consumers than its account has: ${program}`, { skip }, async (t) => {
    const { port } = await start(t, program, "default_max_consumers: 2");
    const client = await login(t, port, "THREE");
    const asked = async (action: string, max_consumers: number) =>
      (await ask(client, `STREAM.${action}.S`, { name: "S", max_consumers })).error?.err_code;
    assert.equal(await asked("CREATE", 4), REFUSED);
    assert.equal(await asked("CREATE", 3), undefined);
    assert.equal(await asked("UPDATE", 4), REFUSED);
  });

  test(`a reload brings another limit of consumers: ${program}`, { skip }, async (t) => {
    const server = await start(t, program, "default_max_consumers: 1");
    const client = await login(t, server.port, "SILENT");
    await ask(client, "STREAM.CREATE.S", { name: "S" });
    assert.deepEqual([await add(client, {}), await add(client, {})], [undefined, REFUSED]);
    const path = join(server.folder, "server.conf");
    writeFileSync(path, readFileSync(path, "utf8").replace("default_max_consumers: 1", "default_max_consumers: 2"));
    server.signal("SIGHUP");
    await server.logged(/Reloaded server configuration/);
    assert.deepEqual([await add(client, {}), await add(client, {})], [undefined, REFUSED]);
  });
}
