// JetStream of accounts whose JWTs say what they may have of it: natsnode and the neighbour alike.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { accountJwt, JwtWorld, operatorJwt, type Pair, pairOf, userJwt } from "./support/jwt-world.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";

const jwts = new JwtWorld();
const forAll = pairOf("account");
const byTier = pairOf("account");
const none = pairOf("account");
const LIMITS = { mem_storage: 1024, disk_storage: 1_000_000, streams: 1, consumer: 2 };

function config(): string {
  const { operator, system } = jwts;
  const preload = [
    [system, {}],
    [forAll, { limits: LIMITS }],
    [byTier, { limits: { tiered_limits: { R1: LIMITS } } }],
    [none, {}],
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
  const jwt = userJwt(account, jwts.user);
  const client = await connect({
    port: server.port,
    authenticator: (nonce?: string) => ({
      jwt,
      sig: sign(null, Buffer.from(nonce ?? ""), jwts.user.key).toString("base64url"),
    }),
  });
  t.after(() => client.close());
  return client;
}

async function ask(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Record<string, unknown>> {
  const answer = await client.request(`$JS.API.${subject}`, body === "" ? "" : JSON.stringify(body));
  const { error, limits, tiers } = answer.json<Record<string, unknown>>();
  return JSON.parse(JSON.stringify({ error, limits, tiers })) as Record<string, unknown>;
}

const told: object[] = [];
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
    const codes = seen.map(({ error }) => (error as { err_code: number } | undefined)?.err_code ?? 0);
    const limited = [0, 10047, 0, 10027, 0];
    assert.deepEqual(codes, [...limited, ...limited, 10039, 10039, 10039, 10039, 10039]);
  });
}
