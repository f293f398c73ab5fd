// Leaf nodes of accounts with JWTs: their login ends with the JWT or its revocation, and their number has a limit.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createUser } from "@nats-io/nkeys";
import type { Pair as AccountPair } from "./support/jwt-world.js";
import { accountJwt, bareUserJwt, type Common, JwtWorld } from "./support/jwt-world.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const listening = { host: "127.0.0.1", port: -1 };
const leafs = ({ server }: LocalServer) => server.reports.leafs();
const leafPort = ({ server }: LocalServer): number => server.addresses["leafnode"].port;

interface LeafUser {
  readonly nkey: string;
  readonly credentials: string;
}

/** A user of an account, and the file with its credentials. */
function leafUser(t: Scope, account: AccountPair, common: Common = {}): LeafUser {
  const user = createUser();
  const nkey = user.getPublicKey();
  const pair = { nkey, key: account.key };
  const jwt = bareUserJwt(account, pair, { subs: -1, data: -1, payload: -1 }, common);
  const credentials = join(temporaryFolder(t), "leaf.creds");
  const seed = Buffer.from(user.getSeed()).toString();
  const block = (what: string, text: string): string => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
  writeFileSync(credentials, block("NATS USER JWT", jwt) + block("USER NKEY SEED", seed));
  return { nkey, credentials };
}

function startLeaf(t: Scope, hub: LocalServer, { credentials }: LeafUser, serverName = "LEAF"): Promise<LocalServer> {
  const remote = {
    urls: [`nats-leaf://127.0.0.1:${leafPort(hub)}`],
    credentials,
    ignoreDiscoveredServers: true,
  };
  return startLocalServer(t, { serverName, leafnodes: { reconnectMs: 50, remotes: [remote] } });
}

/** New claims for an account, as somebody pushes them. */
function push(servers: readonly LocalServer[], account: AccountPair, jwt: string): void {
  for (const { server } of servers) server.operatorMode?.accounts.apply(account.nkey, jwt);
}

test("a leaf node goes when its JWT expires, and is not let in again", async (t) => {
  const jwts = new JwtWorld();
  const hub = await startLocalServer(t, jwts.options(jwts.preload(), { leafnodes: listening }));
  const expires = Math.ceil(Date.now() / 1000) + 1;
  const leaf = await startLeaf(t, hub, leafUser(t, jwts.account, { expires }));
  await until("it is let in", () => leafs(hub).length === 1);
  assert.equal(leafs(hub)[0].account, jwts.account.nkey);
  await until("it has gone", () => leafs(hub).length === 0);
  assert.ok(Date.now() / 1000 >= expires);
  await until("it is told why", () => leaf.log.matching(/User Authentication Expired/).length > 0);
  await until("it is refused", () => leaf.log.matching(/Authorization Violation/).length > 0);
});

test("a leaf node goes when its user is revoked, others of the account stay", async (t) => {
  const jwts = new JwtWorld();
  const hub = await startLocalServer(t, jwts.options(jwts.preload(), { leafnodes: listening }));
  const [gone, stays] = [leafUser(t, jwts.account), leafUser(t, jwts.account)];
  const revoked = await startLeaf(t, hub, gone, "GONE");
  await startLeaf(t, hub, stays, "STAYS");
  await until("both are in", () => leafs(hub).length === 2);
  const revocations = { [gone.nkey]: Math.floor(Date.now() / 1000) };
  push([hub], jwts.account, accountJwt(jwts.operator, jwts.account, { revocations }));
  await until("one has gone", () => leafs(hub).length === 1);
  assert.equal(leafs(hub)[0].name, "STAYS");
  await until("it is refused", () => revoked.log.matching(/Authorization Violation/).length > 0);
});

test("a limit on the leaf nodes of an account counts for new ones, and when it is lowered for those that are there", async (t) => {
  const jwts = new JwtWorld();
  const limited = (leaf: number): string => accountJwt(jwts.operator, jwts.account, { limits: { leaf } });
  const options = jwts.options({ [jwts.account.nkey]: limited(2) }, { leafnodes: listening });
  const hub = await startLocalServer(t, options);
  const user = leafUser(t, jwts.account);
  await startLeaf(t, hub, user, "L1");
  await startLeaf(t, hub, user, "L2");
  await until("two are in", () => leafs(hub).length === 2);
  const third = await startLeaf(t, hub, user, "L3");
  await until("the third is refused", () => third.log.matching(/maximum account.*connections exceeded/i).length > 0);
  assert.equal(leafs(hub).length, 2);
  push([hub], jwts.account, limited(0));
  await until("none is left", () => leafs(hub).length === 0);
});
