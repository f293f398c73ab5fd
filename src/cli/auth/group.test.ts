// The commands of `natsnode auth` on a simulated disk; what they sign is read with the official library.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, parseCreds } from "@nats-io/jwt";
import { fromSeed } from "@nats-io/nkeys";
import { CommandWorld, type ShownJwt, worldWithOperator } from "../../../test/support/command-run.js";

test("an operator comes with a system account whose user has credentials", async () => {
  const world = new CommandWorld();
  const { code, out } = await world.auth("operator", "add", "ACME");
  assert.equal(code, 0);
  assert.match(out, /^made operator ACME\n {2}publicKey: O/);
  assert.doesNotMatch(out, /\bS[OAU][A-Z2-7]{56}\b/);
  const operator = await world.shown("operator show");
  assert.deepEqual([operator.issuer, decode(operator.jwt).name], [operator.publicKey, "ACME"]);
  const system = await world.shown("account show SYS");
  assert.deepEqual([operator.nats.system_account, system.issuer], [system.publicKey, operator.publicKey]);
  const { key, uc, aid } = await parseCreds(Buffer.from(world.read("nats-auth/creds/SYS/sys.creds")));
  assert.deepEqual([uc.name, aid, fromSeed(Buffer.from(key)).getPublicKey()], ["sys", system.publicKey, uc.sub]);
  assert.equal(await world.refused("operator add OTHER"), "COMMAND_EXISTS");
  assert.equal(await world.refused("operator show --dir elsewhere"), "COMMAND_UNKNOWN");
});

test("every seed and credential file is written for its owner alone", async () => {
  const world = await worldWithOperator(
    "account add A",
    "account key add A --role r",
    "user add A ada",
    "user add A bob --key r",
  );
  const secret = /\bS[OAU][A-Z2-7]{56}\b/;
  const { disk } = world.runtime;
  const filesBelow = (path: string): string[] =>
    disk.listSync(path).flatMap((name) => {
      const full = `${path}/${name}`;
      return disk.statSync(full)?.isDirectory ? filesBelow(full) : [full];
    });
  const holders = filesBelow("nats-auth").filter((path) => secret.test(world.read(path)));
  assert.equal(holders.length, 10);
  assert.deepEqual(
    holders.filter((path) => !world.secretFiles.has(path)),
    [],
  );
});

test("a seed is shown only when asked for", async () => {
  const world = await worldWithOperator();
  const { out } = await world.auth("account", "add", "A");
  assert.doesNotMatch(out, /SA[A-Z2-7]{56}/);
  assert.equal((await world.shown("account show A")).seed, undefined);
  const { seed, publicKey } = await world.shown("account show A --show-seed");
  assert.equal(fromSeed(Buffer.from(seed!)).getPublicKey(), publicKey);
});

test("account limits: none at first, then those that were given; edits keep the rest", async () => {
  const world = await worldWithOperator("account add A");
  const first = await world.shown("account show A");
  const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  assert.deepEqual(first.nats.limits, unlimited);
  await world.shown("account edit A --max-connections 5 --max-payload 64K --bearer-users no --js-disk 1G --tag Team:X");
  const second = await world.shown("account edit A --max-connections unlimited --js-streams 3 --description orders");
  assert.deepEqual(second.nats.limits, {
    ...unlimited,
    payload: 65_536,
    disallow_bearer: true,
    disk_storage: 1024 ** 3,
    streams: 3,
    consumer: -1,
  });
  assert.deepEqual([second.nats.tags, second.nats.description], [["team:x"], "orders"]);
  assert.equal(decode(second.jwt).sub, first.publicKey);
  assert.equal(await world.refused("account edit A --js-tier R1 --js-disk 1G"), "COMMAND_INVALID");
  assert.equal(await world.refused("account edit A --wildcard-exports perhaps"), "COMMAND_INVALID");
  const tiered = await world.shown("account add B --js-tier R3 --js-disk 2G");
  assert.deepEqual((tiered.nats.limits as Record<string, unknown>).tiered_limits, {
    R3: { streams: -1, consumer: -1, disk_storage: 2 * 1024 ** 3 },
  });
});

test("each JWT of an account is later than the one before, within one second too", async () => {
  const world = await worldWithOperator("account add A");
  const first = await world.shown("account show A");
  const second = await world.shown("account edit A --max-connections 1");
  const third = await world.shown("account edit A --max-connections 2");
  assert.deepEqual([second.issuedAt - first.issuedAt, third.issuedAt - second.issuedAt], [1, 1]);
});

test("users have the permissions and limits that were given, or none", async () => {
  const world = await worldWithOperator("account add A --allow-pub public.> --allow-responses 2 --response-time 1m");
  const account = await world.shown("account show A");
  const responses = { max: 2, ttl: 60_000_000_000 };
  assert.deepEqual(account.nats.default_permissions, { pub: { allow: ["public.>"] }, sub: {}, resp: responses });
  const free = await world.shown("user add A free");
  const base = { type: "user", version: 2 };
  assert.deepEqual(free.nats, { pub: {}, sub: {}, subs: -1, data: -1, payload: -1, ...base });
  const argv =
    "user add A ada --allow-pub a --allow-pub b --deny-sub c.> --max-payload 1K --bearer yes --source 10.0.0.0/8";
  const more = ["--allow-sub", "q.* workers", "--connection-type", "mqtt", "--time", "08:00:00-17:00:00", "--json"];
  const { out } = await world.auth(...argv.split(" "), ...more, "--time-zone", "Europe/Rome", "--expires", "30d");
  const ada = JSON.parse(out) as ShownJwt;
  assert.deepEqual(ada.nats, {
    pub: { allow: ["a", "b"] },
    sub: { allow: ["q.* workers"], deny: ["c.>"] },
    subs: -1,
    data: -1,
    payload: 1024,
    src: ["10.0.0.0/8"],
    allowed_connection_types: ["MQTT"],
    bearer_token: true,
    times: [{ start: "08:00:00", end: "17:00:00" }],
    times_location: "Europe/Rome",
    ...base,
  });
  assert.equal(ada.expires, ada.issuedAt + 30 * 86_400);
  assert.equal(ada.issuer, account.publicKey);
  const edited = await world.shown("user edit A ada --allow-pub= --allow-pub x --bearer no --expires never");
  const { pub, bearer_token: bearer } = edited.nats as { pub: unknown; bearer_token?: boolean };
  assert.deepEqual([pub, bearer, edited.expires], [{ allow: ["x"] }, undefined, undefined]);
  const creds = await parseCreds(Buffer.from(world.read("nats-auth/creds/A/ada.creds")));
  assert.deepEqual([creds.jwt, creds.uc.sub], [edited.jwt, ada.publicKey]);
});

test("what no server would take is refused", async () => {
  const world = await worldWithOperator("account add A");
  const cases = [
    "account add ../x",
    "account add A",
    "user add A .hidden",
    "user add B ada",
    "user add A ada --allow-pub a..b",
    "user add A ada --source nowhere",
    "user add A ada --connection-type pigeon",
    "user add A ada --time noon",
    "user add A ada --time-zone Mars/Olympus --time 08:00:00-09:00:00",
    "user add A ada --key nokey",
    "user add A ada --expires 2031-02-30",
    "account add C --expires 2001-01-01",
  ];
  const codes = [];
  for (const command of cases) codes.push(await world.refused(command));
  const [I, E, U] = ["COMMAND_INVALID", "COMMAND_EXISTS", "COMMAND_UNKNOWN"];
  assert.deepEqual(codes, [I, E, I, U, I, I, I, I, I, U, I, I]);
  assert.deepEqual(await world.answer("user", "list", "A"), []);
});

test("users of a role say nothing of themselves; the role can change", async () => {
  const world = await worldWithOperator("account add A", "account key add A --role reader --allow-sub in.{{name()}}");
  const account = await world.shown("account show A");
  const [{ key, template, ...rest }] = account.nats.signing_keys as { key: string; template: object }[];
  assert.deepEqual(rest, { kind: "user_scope", role: "reader" });
  const none = { subs: -1, data: -1, payload: -1 };
  assert.deepEqual(template, { pub: {}, sub: { allow: ["in.{{name()}}"] }, ...none });
  const ada = await world.shown("user add A ada --key reader --tag region:eu");
  assert.deepEqual(ada.nats, { tags: ["region:eu"], issuer_account: account.publicKey, type: "user", version: 2 });
  assert.equal(ada.issuer, key);
  assert.equal(await world.refused("user add A bob --key reader --allow-pub x"), "COMMAND_INVALID");
  assert.equal(await world.refused("user edit A ada --allow-pub x"), "COMMAND_INVALID");
  assert.equal(await world.refused("account key add A --role reader"), "COMMAND_EXISTS");
  assert.equal(await world.refused("account key add A --allow-pub x"), "COMMAND_USAGE");
  await world.answer("account", "key", "edit", "A", "reader", "--allow-pub", "out");
  const changed = (await world.shown("account show A")).nats.signing_keys as { key: string; template: object }[];
  assert.deepEqual(changed[0].template, { pub: { allow: ["out"] }, sub: { allow: ["in.{{name()}}"] }, ...none });
  const reissued = await world.shown("user edit A ada --tag region:us");
  assert.deepEqual([reissued.issuer, reissued.nats.tags], [key, ["region:us"]]);
  const removed = await world.answer("account", "key", "remove", "A", "reader");
  assert.deepEqual(removed, { account: "A", publicKeys: [key], users: ["ada"] });
  assert.equal((await world.shown("account show A")).nats.signing_keys, undefined);
  assert.equal(world.has(`nats-auth/keys/${key}.nk`), false);
});

test("with --signing-keys nothing but signing keys signs accounts and users", async () => {
  const world = new CommandWorld();
  await world.answer("operator", "add", "ACME", "--signing-keys");
  const operator = await world.shown("operator show");
  assert.equal(operator.nats.strict_signing_key_usage, true);
  const account = await world.shown("account add A");
  assert.deepEqual(operator.nats.signing_keys, [account.issuer]);
  const user = await world.shown("user add A ada");
  assert.deepEqual((await world.shown("account show A")).nats.signing_keys, [user.issuer]);
  assert.equal(user.nats.issuer_account, account.publicKey);
  const system = await world.shown("user show SYS sys");
  assert.notEqual(system.issuer, system.nats.issuer_account);
  assert.equal(await world.refused(`operator key remove ${account.issuer}`), "COMMAND_INVALID");
  const { publicKey } = await world.answer("operator", "key", "add");
  const removed = await world.answer("operator", "key", "remove", account.issuer);
  assert.deepEqual(removed.accountsToSignAnew, ["A", "SYS"]);
  assert.equal((await world.shown("account edit A")).issuer, publicKey);
});

test("a plain operator cannot demand signing keys that it does not have", async () => {
  const world = await worldWithOperator("account add A");
  assert.equal(await world.refused("operator edit --require-signing-keys yes"), "COMMAND_INVALID");
  await world.answer("operator", "key", "add");
  const operator = await world.shown(
    "operator edit --require-signing-keys yes --service-url nats://a --system-account A",
  );
  const account = await world.shown("account show A");
  const { system_account: system, strict_signing_key_usage: strict, operator_service_urls: urls } = operator.nats;
  assert.deepEqual([system, strict, urls], [account.publicKey, true, ["nats://a"]]);
  assert.equal(await world.refused("user add A ada"), "COMMAND_UNKNOWN");
});

test("a revoked user's next credentials hold again", async () => {
  const world = await worldWithOperator("account add A", "user add A ada", "user add A bob");
  const ada = await world.shown("user show A ada");
  await world.answer("revocation", "add", "A", "ada");
  await world.answer("revocation", "add", "A", "*", "--before", "2020-01-01");
  const rows = await world.answer<object[]>("revocation", "list", "A");
  assert.deepEqual(rows, [
    { user: ada.publicKey, name: "ada", before: ada.issuedAt },
    { user: "*", before: 1_577_836_800 },
  ]);
  const again = await world.shown("user edit A ada");
  assert.ok(again.issuedAt > ada.issuedAt);
  await world.answer("revocation", "remove", "A", "*");
  assert.equal(await world.refused("revocation remove A *"), "COMMAND_UNKNOWN");
  assert.equal(await world.refused("revocation add A nobody"), "COMMAND_INVALID");
  const bob = await world.shown("user show A bob");
  await world.answer("user", "remove", "A", "bob", "--revoke");
  const { revocations } = (await world.shown("account show A")).nats as { revocations: Record<string, number> };
  assert.deepEqual(Object.keys(revocations), [ada.publicKey, bob.publicKey]);
  assert.equal(world.has("nats-auth/creds/A/bob.creds"), false);
});

test("lists name accounts and users; what is removed is gone", async () => {
  const world = await worldWithOperator(
    "account add A",
    "user add A ada",
    "account key add A --role r",
    "user add A bob --key r",
  );
  const accounts = await world.answer<{ name: string; users: number; isSystemAccount: boolean }[]>("account", "list");
  assert.deepEqual(
    accounts.map(({ name, users, isSystemAccount }) => [name, users, isSystemAccount]),
    [
      ["A", 2, false],
      ["SYS", 1, true],
    ],
  );
  const users = await world.answer<{ account: string; name: string; role?: string }[]>("user", "list");
  assert.deepEqual(
    users.map(({ account, name, role }) => [account, name, role]),
    [
      ["A", "ada", undefined],
      ["A", "bob", "r"],
      ["SYS", "sys", undefined],
    ],
  );
  assert.equal(await world.refused("account remove SYS"), "COMMAND_INVALID");
  await world.answer("account", "remove", "A");
  assert.equal(await world.refused("account show A"), "COMMAND_UNKNOWN");
  assert.deepEqual([world.has("nats-auth/accounts/A"), world.has("nats-auth/creds/A")], [false, false]);
});

test("a user whose seed is elsewhere gets a JWT and no credential file", async () => {
  const world = await worldWithOperator("account add A");
  const { publicKey } = await world.answer<{ publicKey: string }>("nkey", "--out", "mine/user.nk");
  assert.ok(world.secretFiles.has("mine/user.nk"));
  const user = await world.shown(`user add A ada --public-key ${publicKey}`);
  assert.deepEqual([user.publicKey, user.creds], [publicKey, undefined]);
  assert.equal(await world.refused("user creds A ada"), "COMMAND_UNKNOWN");
  await world.answer("user", "add", "A", "bob");
  await world.answer("user", "creds", "A", "bob", "--out", "out/bob.creds");
  assert.ok(world.secretFiles.has("out/bob.creds"));
  assert.equal(world.read("out/bob.creds"), world.read("nats-auth/creds/A/bob.creds"));
});

test("a folder whose files were changed is refused", async () => {
  const world = await worldWithOperator("account add A", "account add B", "user add A ada");
  const a = await world.shown("account show A");
  const b = await world.shown("account show B --show-seed");
  world.write(`nats-auth/keys/${a.publicKey}.nk`, b.seed!);
  assert.equal(await world.refused("user add A bob"), "COMMAND_FILE");
  world.write("nats-auth/accounts/A/account.jwt", a.jwt.replace(/.{4}$/, "AAAA"));
  assert.equal(await world.refused("account show A"), "COMMAND_FILE");
});
