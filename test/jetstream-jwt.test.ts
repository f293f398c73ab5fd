// JetStream of accounts whose JWTs say what they may have of it: natsnode and the neighbour alike.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { accountJwt, authenticatorOf, JwtWorld, operatorJwt, type Pair, pairOf } from "./support/jwt-world.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";

const jwts = new JwtWorld();
const forAll = pairOf("account");
const byTier = pairOf("account");
const none = pairOf("account");
const byTiers = pairOf("account");
const otherTier = pairOf("account");
const LIMITS = { mem_storage: 1024, disk_storage: 1_000_000, streams: 1, consumer: 2 };
const REQUIRED = { ...LIMITS, streams: 2, disk_max_stream_bytes: 500_000, max_bytes_required: true };

function config(): string {
  const { operator, system } = jwts;
  const preload = [
    [system, {}],
    [forAll, { limits: LIMITS }],
    [byTier, { limits: { tiered_limits: { R1: LIMITS } } }],
    [none, {}],
    // What is for all counts for nothing beside tiers.
    [byTiers, { limits: { ...LIMITS, streams: 7, tiered_limits: { R1: { ...LIMITS, streams: 2 }, R3: REQUIRED } } }],
    [otherTier, { limits: { tiered_limits: { R3: LIMITS } } }],
  ] as const;
  return `operator: ${operatorJwt(operator, { system_account: system.nkey })}
system_account: ${system.nkey}
resolver: MEMORY
resolver_preload {
${preload.map(([account, nats]) => `  ${account.nkey}: ${accountJwt(operator, account, nats)}`).join("\n")}
}
jetstream { store_dir: '{{DIR}}' }
`;
}

async function logIn(t: TestContext, server: ServerProcess, account: Pair): Promise<NatsConnection> {
  const client = await connect({ port: server.port, authenticator: authenticatorOf(account, jwts.user) });
  t.after(() => client.close());
  return client;
}

async function ask(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Record<string, unknown>> {
  const answer = await client.request(`$JS.API.${subject}`, body === "" ? "" : JSON.stringify(body));
  const { error, limits, tiers, storage, memory } = answer.json<Record<string, unknown>>();
  return JSON.parse(JSON.stringify({ error, limits, tiers, storage, memory })) as Record<string, unknown>;
}

const codeOf = ({ error }: Record<string, unknown>): number =>
  (error as { err_code: number } | undefined)?.err_code ?? 0;

const told: object[] = [];
const toldOfTiers: object[] = [];
const programs: readonly [ServerProgram, string | false][] = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
];
for (const [program, skip] of programs) {
  test(`${program}: accounts have what their JWTs say`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: config() });
    const seen: Record<string, unknown>[] = [];
    for (const account of [forAll, byTier, none]) {
      const client = await logIn(t, server, account);
      const create = (name: string, more: object = {}): ReturnType<typeof ask> =>
        ask(client, `STREAM.CREATE.${name}`, { name, subjects: [name], ...more });
      seen.push(await ask(client, "INFO"), await create("A", { max_bytes: 2_000_000 }), await create("A"));
      seen.push(await create("B"), await ask(client, "INFO"));
    }
    if (told.length === 0) told.push(...seen);
    assert.deepEqual(seen, told);
    const codes = seen.map(codeOf);
    const limited = [0, 10047, 0, 10027, 0];
    assert.deepEqual(codes, [...limited, ...limited, 10039, 10039, 10039, 10039, 10039]);
  });
}

for (const [program, skip] of programs) {
  test(`${program}: each tier has its limits and what is used of it`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: config() });
    const seen: Record<string, unknown>[] = [];
    const begin = async (account: Pair): Promise<(name: string, more?: object) => Promise<void>> => {
      const client = await logIn(t, server, account);
      return async (name, more) => {
        const [verb, stream] = name.split(" ");
        const isPublished = verb === "PUBLISH";
        const subject = stream === undefined ? name : `STREAM.${verb}.${stream}`;
        if (isPublished) seen.push((await client.request(stream as string, "x".repeat(2000))).json());
        else seen.push(await ask(client, subject, more && { name: stream, subjects: [stream], ...more }));
      };
    };
    const some = await begin(byTiers);
    await some("INFO");
    await some("CREATE A", { num_replicas: 3 });
    await some("CREATE A", { num_replicas: 3, max_bytes: 600_000 });
    await some("CREATE A", { num_replicas: 3, max_bytes: 60_000 });
    await some("CREATE A", { num_replicas: 5 });
    await some("CREATE A", { max_bytes: 1_000_000 });
    await some("CREATE B", {});
    await some("CREATE B", { max_age: -5 });
    await some("CREATE M", { storage: "memory" });
    await some("PUBLISH A");
    await some("PUBLISH M");
    await some("CREATE C", { storage: "memory" });
    await some("UPDATE A", { num_replicas: 3 });
    await some("UPDATE A", { num_replicas: 5 });
    await some("UPDATE A", { max_bytes: 1_000_001 });
    await some("UPDATE A", { max_bytes: 900_000 });
    await some("INFO");
    const other = await begin(otherTier);
    await other("INFO");
    await other("CREATE A", {});
    await other("CREATE A", { num_replicas: 3 });
    if (toldOfTiers.length === 0) toldOfTiers.push(...seen);
    assert.deepEqual(seen, toldOfTiers);
    const create = [10113, 10122, 10074, 10120, 0, 10047];
    assert.deepEqual(seen.map(codeOf), [
      0,
      ...create,
      10052,
      0,
      0,
      10002,
      10027,
      10113,
      10074,
      10047,
      0,
      0,
      0,
      10120,
      10074,
    ]);
  });
}
