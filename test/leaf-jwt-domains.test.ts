// Leaf nodes of JWT accounts: an account that nobody has used yet gets its link, and the default domain counts for accounts
// that have no JetStream of their own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createUser } from "@nats-io/nkeys";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { accountJwt, JwtWorld, operatorJwt, pairOf, userJwt } from "./support/jwt-world.js";
import { connectionTo } from "./support/leaf-link.js";
import { startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const folder = temporaryFolder({ after });
const world = new JwtWorld();
const account = pairOf("account");
const user = createUser();
const jwt = userJwt(account, { nkey: user.getPublicKey(), key: account.key });
const creds = Buffer.from(`-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${Buffer.from(user.getSeed()).toString()}
------END USER NKEY SEED------
`);
const credsFile = join(folder, "user.creds");
writeFileSync(credsFile, creds);

function trust(hasJetStream: boolean): string {
  const limits = hasJetStream ? { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 } : {};
  return `operator: ${operatorJwt(world.operator, { system_account: world.system.nkey })}
system_account: ${world.system.nkey}
resolver: MEMORY
resolver_preload {
  ${world.system.nkey}: ${accountJwt(world.operator, world.system)}
  ${account.nkey}: ${accountJwt(world.operator, account, { limits })}
}`;
}

async function domainOf(client: NatsConnection, subject: string): Promise<string | undefined> {
  const answer = await client.request(subject).catch(() => undefined);
  return answer?.json<{ domain?: string }>().domain;
}

const cases: readonly [what: string, hasJetStream: boolean, domain: string, expected: string | undefined][] = [
  ["counts where the account has no JetStream", false, "H", "H"],
  ["does not count where the account has JetStream", true, "H", undefined],
  ["that is empty lets requests through to the hub", true, '""', "H"],
];
for (const [what, hasJetStream, domain, expected] of cases) {
  test(`a default domain ${what}`, async (t) => {
    const port = await freePort();
    const hub = await startServerProcess(t, {
      config: `server_name: hub
${trust(true)}
jetstream { store_dir: "{{DIR}}", domain: H }
leafnodes { listen: "127.0.0.1:${port}" }`,
    });
    const leaf = await startServerProcess(t, {
      config: `server_name: leaf
${trust(hasJetStream)}
default_js_domain { ${account.nkey}: ${domain} }
leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}", credentials: "${credsFile}", account: ${account.nkey} }] }`,
    });
    const [above, below] = await Promise.all(
      [hub, leaf].map((server) => connect({ port: server.port, authenticator: credsAuthenticator(creds) })),
    );
    t.after(() => Promise.all([above.close(), below.close()]));
    await connectionTo(below, above);
    assert.equal(await domainOf(below, "$JS.H.API.INFO"), "H");
    assert.equal(await domainOf(below, "$JS.API.INFO"), expected);
  });
}
