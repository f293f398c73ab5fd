// The commands of `natsnode auth` on a simulated disk; what they sign is read with the official library.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, parseCreds } from "@nats-io/jwt";
import { fromSeed } from "@nats-io/nkeys";
import { compare } from "bcryptjs";
import { CommandWorld } from "../../../test/support/command-run.js";
import { loadConfig } from "../../config/load.js";

interface Shown {
  name: string;
  publicKey: string;
  issuer: string;
  issuedAt: number;
  expires?: number;
  jwt: string;
  seed?: string;
  creds?: string;
  nats: Record<string, unknown>;
}

async function worldWith(...commands: string[]): Promise<CommandWorld> {
  const world = new CommandWorld();
  for (const command of ["operator add ACME", ...commands]) await world.answer(...command.split(" "));
  return world;
}

async function refused(world: CommandWorld, command: string): Promise<string> {
  const { code, err } = await world.auth(...command.split(" "), "--json");
  assert.notEqual(code, 0, command);
  return (JSON.parse(err) as { error: { code: string } }).error.code;
}

const shown = (world: CommandWorld, command: string) => world.answer<Shown>(...command.split(" "));

test("an operator comes with a system account whose user has credentials", async () => {
  const world = new CommandWorld();
  const { code, out } = await world.auth("operator", "add", "ACME");
  assert.equal(code, 0);
  assert.match(out, /^made operator ACME\n {2}publicKey: O/);
  assert.doesNotMatch(out, /\bS[OAU][A-Z2-7]{56}\b/);
  const operator = await shown(world, "operator show");
  assert.deepEqual([operator.issuer, decode(operator.jwt).name], [operator.publicKey, "ACME"]);
  const system = await shown(world, "account show SYS");
  assert.deepEqual([operator.nats.system_account, system.issuer], [system.publicKey, operator.publicKey]);
  const { key, uc, aid } = await parseCreds(Buffer.from(world.read("nats-auth/creds/SYS/sys.creds")));
  assert.deepEqual([uc.name, aid, fromSeed(Buffer.from(key)).getPublicKey()], ["sys", system.publicKey, uc.sub]);
  assert.equal(await refused(world, "operator add OTHER"), "COMMAND_EXISTS");
  assert.equal(await refused(world, "operator show --dir elsewhere"), "COMMAND_UNKNOWN");
});

test("every seed and credential file is written for its owner alone", async () => {
  const world = await worldWith(
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
  const world = await worldWith();
  const { out } = await world.auth("account", "add", "A");
  assert.doesNotMatch(out, /SA[A-Z2-7]{56}/);
  assert.equal((await shown(world, "account show A")).seed, undefined);
  const { seed, publicKey } = await shown(world, "account show A --show-seed");
  assert.equal(fromSeed(Buffer.from(seed!)).getPublicKey(), publicKey);
});

test("account limits: none at first, then those that were given; edits keep the rest", async () => {
  const world = await worldWith("account add A");
  const first = await shown(world, "account show A");
  const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  assert.deepEqual(first.nats.limits, unlimited);
  await shown(
    world,
    "account edit A --max-connections 5 --max-payload 64K --bearer-users no --js-disk 1G --tag Team:X",
  );
  const second = await shown(world, "account edit A --max-connections unlimited --js-streams 3 --description orders");
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
  assert.equal(await refused(world, "account edit A --js-tier R1 --js-disk 1G"), "COMMAND_INVALID");
  assert.equal(await refused(world, "account edit A --wildcard-exports perhaps"), "COMMAND_INVALID");
  const tiered = await shown(world, "account add B --js-tier R3 --js-disk 2G");
  assert.deepEqual((tiered.nats.limits as Record<string, unknown>).tiered_limits, {
    R3: { streams: -1, consumer: -1, disk_storage: 2 * 1024 ** 3 },
  });
});

test("each JWT of an account is later than the one before, within one second too", async () => {
  const world = await worldWith("account add A");
  const first = await shown(world, "account show A");
  const second = await shown(world, "account edit A --max-connections 1");
  const third = await shown(world, "account edit A --max-connections 2");
  assert.deepEqual([second.issuedAt - first.issuedAt, third.issuedAt - second.issuedAt], [1, 1]);
});

test("users have the permissions and limits that were given, or none", async () => {
  const world = await worldWith("account add A --allow-pub public.> --allow-responses 2 --response-time 1m");
  const account = await shown(world, "account show A");
  const responses = { max: 2, ttl: 60_000_000_000 };
  assert.deepEqual(account.nats.default_permissions, { pub: { allow: ["public.>"] }, sub: {}, resp: responses });
  const free = await shown(world, "user add A free");
  const base = { type: "user", version: 2 };
  assert.deepEqual(free.nats, { pub: {}, sub: {}, subs: -1, data: -1, payload: -1, ...base });
  const argv =
    "user add A ada --allow-pub a --allow-pub b --deny-sub c.> --max-payload 1K --bearer yes --source 10.0.0.0/8";
  const more = ["--allow-sub", "q.* workers", "--connection-type", "mqtt", "--time", "08:00:00-17:00:00", "--json"];
  const { out } = await world.auth(...argv.split(" "), ...more, "--time-zone", "Europe/Rome", "--expires", "30d");
  const ada = JSON.parse(out) as Shown;
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
  const edited = await shown(world, "user edit A ada --allow-pub= --allow-pub x --bearer no --expires never");
  const { pub, bearer_token: bearer } = edited.nats as { pub: unknown; bearer_token?: boolean };
  assert.deepEqual([pub, bearer, edited.expires], [{ allow: ["x"] }, undefined, undefined]);
  const creds = await parseCreds(Buffer.from(world.read("nats-auth/creds/A/ada.creds")));
  assert.deepEqual([creds.jwt, creds.uc.sub], [edited.jwt, ada.publicKey]);
});

test("what no server would take is refused", async () => {
  const world = await worldWith("account add A");
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
  for (const command of cases) codes.push(await refused(world, command));
  const [I, E, U] = ["COMMAND_INVALID", "COMMAND_EXISTS", "COMMAND_UNKNOWN"];
  assert.deepEqual(codes, [I, E, I, U, I, I, I, I, I, U, I, I]);
  assert.deepEqual(await world.answer("user", "list", "A"), []);
});

test("users of a role say nothing of themselves; the role can change", async () => {
  const world = await worldWith("account add A", "account key add A --role reader --allow-sub in.{{name()}}");
  const account = await shown(world, "account show A");
  const [{ key, template, ...rest }] = account.nats.signing_keys as { key: string; template: object }[];
  assert.deepEqual(rest, { kind: "user_scope", role: "reader" });
  const none = { subs: -1, data: -1, payload: -1 };
  assert.deepEqual(template, { pub: {}, sub: { allow: ["in.{{name()}}"] }, ...none });
  const ada = await shown(world, "user add A ada --key reader --tag region:eu");
  assert.deepEqual(ada.nats, { tags: ["region:eu"], issuer_account: account.publicKey, type: "user", version: 2 });
  assert.equal(ada.issuer, key);
  assert.equal(await refused(world, "user add A bob --key reader --allow-pub x"), "COMMAND_INVALID");
  assert.equal(await refused(world, "user edit A ada --allow-pub x"), "COMMAND_INVALID");
  assert.equal(await refused(world, "account key add A --role reader"), "COMMAND_EXISTS");
  assert.equal(await refused(world, "account key add A --allow-pub x"), "COMMAND_USAGE");
  await world.answer("account", "key", "edit", "A", "reader", "--allow-pub", "out");
  const changed = (await shown(world, "account show A")).nats.signing_keys as { key: string; template: object }[];
  assert.deepEqual(changed[0].template, { pub: { allow: ["out"] }, sub: { allow: ["in.{{name()}}"] }, ...none });
  const reissued = await shown(world, "user edit A ada --tag region:us");
  assert.deepEqual([reissued.issuer, reissued.nats.tags], [key, ["region:us"]]);
  const removed = await world.answer("account", "key", "remove", "A", "reader");
  assert.deepEqual(removed, { account: "A", publicKeys: [key], users: ["ada"] });
  assert.equal((await shown(world, "account show A")).nats.signing_keys, undefined);
  assert.equal(world.has(`nats-auth/keys/${key}.nk`), false);
});

test("with --signing-keys nothing but signing keys signs accounts and users", async () => {
  const world = new CommandWorld();
  await world.answer("operator", "add", "ACME", "--signing-keys");
  const operator = await shown(world, "operator show");
  assert.equal(operator.nats.strict_signing_key_usage, true);
  const account = await shown(world, "account add A");
  assert.deepEqual(operator.nats.signing_keys, [account.issuer]);
  const user = await shown(world, "user add A ada");
  assert.deepEqual((await shown(world, "account show A")).nats.signing_keys, [user.issuer]);
  assert.equal(user.nats.issuer_account, account.publicKey);
  const system = await shown(world, "user show SYS sys");
  assert.notEqual(system.issuer, system.nats.issuer_account);
  assert.equal(await refused(world, `operator key remove ${account.issuer}`), "COMMAND_INVALID");
  const { publicKey } = await world.answer("operator", "key", "add");
  const removed = await world.answer("operator", "key", "remove", account.issuer);
  assert.deepEqual(removed.accountsToSignAnew, ["A", "SYS"]);
  assert.equal((await shown(world, "account edit A")).issuer, publicKey);
});

test("a plain operator cannot demand signing keys that it does not have", async () => {
  const world = await worldWith("account add A");
  assert.equal(await refused(world, "operator edit --require-signing-keys yes"), "COMMAND_INVALID");
  await world.answer("operator", "key", "add");
  const operator = await shown(
    world,
    "operator edit --require-signing-keys yes --service-url nats://a --system-account A",
  );
  const account = await shown(world, "account show A");
  const { system_account: system, strict_signing_key_usage: strict, operator_service_urls: urls } = operator.nats;
  assert.deepEqual([system, strict, urls], [account.publicKey, true, ["nats://a"]]);
  assert.equal(await refused(world, "user add A ada"), "COMMAND_UNKNOWN");
});

test("a revoked user's next credentials hold again", async () => {
  const world = await worldWith("account add A", "user add A ada", "user add A bob");
  const ada = await shown(world, "user show A ada");
  await world.answer("revocation", "add", "A", "ada");
  await world.answer("revocation", "add", "A", "*", "--before", "2020-01-01");
  const rows = await world.answer<object[]>("revocation", "list", "A");
  assert.deepEqual(rows, [
    { user: ada.publicKey, name: "ada", before: ada.issuedAt },
    { user: "*", before: 1_577_836_800 },
  ]);
  const again = await shown(world, "user edit A ada");
  assert.ok(again.issuedAt > ada.issuedAt);
  await world.answer("revocation", "remove", "A", "*");
  assert.equal(await refused(world, "revocation remove A *"), "COMMAND_UNKNOWN");
  assert.equal(await refused(world, "revocation add A nobody"), "COMMAND_INVALID");
  const bob = await shown(world, "user show A bob");
  await world.answer("user", "remove", "A", "bob", "--revoke");
  const { revocations } = (await shown(world, "account show A")).nats as { revocations: Record<string, number> };
  assert.deepEqual(Object.keys(revocations), [ada.publicKey, bob.publicKey]);
  assert.equal(world.has("nats-auth/creds/A/bob.creds"), false);
});

test("exports and imports, private ones with an activation token", async () => {
  const world = await worldWith("account add A", "account add B");
  const a = await shown(world, "account show A");
  const b = await shown(world, "account show B");
  await world.answer(..."export add A stream events.> --description all".split(" "));
  await world.answer(..."export add A service ask.* --private --response-type stream --response-time 5s".split(" "));
  assert.deepEqual((await shown(world, "account show A")).nats.exports, [
    { name: "events.>", subject: "events.>", type: "stream", description: "all" },
    {
      name: "ask.*",
      subject: "ask.*",
      type: "service",
      token_req: true,
      response_type: "Stream",
      response_threshold: 5_000_000_000,
    },
  ]);
  await world.answer(..."import add B stream events.eu.> --from A --as eu.>".split(" "));
  await world.answer(..."import add B service ask.price --from A --share yes".split(" "));
  const imports = (await shown(world, "account show B")).nats.imports as Record<string, unknown>[];
  const [stream, { token, ...service }] = imports;
  const common = { account: a.publicKey };
  const as = { local_subject: "eu.>" };
  assert.deepEqual(stream, { name: "events.eu.>", subject: "events.eu.>", ...common, type: "stream", ...as });
  assert.deepEqual(service, { name: "ask.price", subject: "ask.price", ...common, type: "service", share: true });
  const activation = decode<{ subject: string; kind: string; type: string }>(token as string);
  assert.deepEqual([activation.iss, activation.sub], [a.publicKey, b.publicKey]);
  const { subject, kind, type } = activation.nats;
  assert.deepEqual([subject, kind, type], ["ask.price", "service", "activation"]);
  const codes = [];
  for (const command of [
    "export add A stream events.>",
    "export add A stream x --response-type stream",
    "export add A query x",
    "export add A service a.b --account-token-position 1",
    "import add B stream other --from A",
    "import add B stream events.eu.> --from A",
    "import add A stream events.x --from A",
    "import add B stream events.x",
    "import add B stream events.x --from A --share yes",
    "export remove A service events.>",
  ]) {
    codes.push(await refused(world, command));
  }
  const [I, E, U, W] = ["COMMAND_INVALID", "COMMAND_EXISTS", "COMMAND_UNKNOWN", "COMMAND_USAGE"];
  assert.deepEqual(codes, [E, I, W, I, U, E, I, W, I, U]);
  await world.answer(..."import remove B service ask.price --from A".split(" "));
  await world.answer(..."export remove A service ask.*".split(" "));
  assert.equal(((await shown(world, "account show B")).nats.imports as object[]).length, 1);
  assert.equal(((await shown(world, "account show A")).nats.exports as object[]).length, 1);
});

test("an activation token in a file lets an account import from another folder", async () => {
  const world = await worldWith("account add A", "export add A service ask --private");
  await world.answer("operator", "add", "OTHER", "--dir", "other");
  const b = await shown(world, "account add B --dir other");
  const a = await shown(world, "account show A");
  await world.answer("activation", "A", "service", "ask", "--for", b.publicKey, "--out", "ask.jwt");
  const from = ["--from", a.publicKey, "--token", "ask.jwt", "--dir", "other"];
  await world.answer("import", "add", "B", "service", "ask", ...from);
  const [{ token }] = (await shown(world, "account show B --dir other")).nats.imports as { token: string }[];
  assert.equal(`${token}\n`, world.read("ask.jwt"));
  assert.equal(
    await refused(world, `import add B service x --from ${a.publicKey} --token nats-auth/operator.jwt --dir other`),
    "COMMAND_FILE",
  );
});

test("lists name accounts and users; what is removed is gone", async () => {
  const world = await worldWith(
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
  assert.equal(await refused(world, "account remove SYS"), "COMMAND_INVALID");
  await world.answer("account", "remove", "A");
  assert.equal(await refused(world, "account show A"), "COMMAND_UNKNOWN");
  assert.deepEqual([world.has("nats-auth/accounts/A"), world.has("nats-auth/creds/A")], [false, false]);
});

test("a user whose seed is elsewhere gets a JWT and no credential file", async () => {
  const world = await worldWith("account add A");
  const { publicKey } = await world.answer<{ publicKey: string }>("nkey", "--out", "mine/user.nk");
  assert.ok(world.secretFiles.has("mine/user.nk"));
  const user = await shown(world, `user add A ada --public-key ${publicKey}`);
  assert.deepEqual([user.publicKey, user.creds], [publicKey, undefined]);
  assert.equal(await refused(world, "user creds A ada"), "COMMAND_UNKNOWN");
  await world.answer("user", "add", "A", "bob");
  await world.answer("user", "creds", "A", "bob", "--out", "out/bob.creds");
  assert.ok(world.secretFiles.has("out/bob.creds"));
  assert.equal(world.read("out/bob.creds"), world.read("nats-auth/creds/A/bob.creds"));
});

test("the memory resolver's configuration holds every account, the full one's its folder", async () => {
  const world = await worldWith("account add A", "account add B");
  const load = (path: string) => loadConfig(path, { disk: world.runtime.disk, env: () => undefined }).options;
  await world.answer("server-config", "--out", "memory.conf", "--listen", "127.0.0.1:4333");
  const operator = await shown(world, "operator show");
  const tokens = new Map<string, string>();
  for (const name of ["A", "B", "SYS"]) {
    const { publicKey, jwt } = await shown(world, `account show ${name}`);
    tokens.set(publicKey, jwt);
  }
  const memory = load("memory.conf");
  assert.deepEqual(memory.operators, [operator.jwt]);
  assert.deepEqual([memory.resolver, memory.port], [{ type: "MEMORY" }, 4333]);
  assert.deepEqual(new Map(Object.entries(memory.resolverPreload!)), tokens);
  assert.equal(memory.systemAccount, operator.nats.system_account);
  assert.equal(await refused(world, "server-config --out memory.conf"), "COMMAND_EXISTS");
  await world.answer(
    "server-config",
    "--out",
    "memory.conf",
    "--force",
    "--resolver",
    "full",
    "--resolver-dir",
    "/jwt",
  );
  const full = load("memory.conf");
  assert.deepEqual([full.resolver?.type, full.resolver?.dir], ["FULL", "/jwt"]);
  assert.deepEqual(Object.keys(full.resolverPreload!), [operator.nats.system_account]);
  for (const [key, token] of tokens) assert.equal(world.read(`/jwt/${key}.jwt`), token);
  assert.equal(await refused(world, "server-config --resolver url"), "COMMAND_INVALID");
});

test("a full resolver needs a system account", async () => {
  const world = new CommandWorld();
  await world.answer("operator", "add", "ACME", "--no-system-account");
  assert.deepEqual(await world.answer("account", "list"), []);
  assert.equal(await refused(world, "server-config --resolver full"), "COMMAND_INVALID");
  const { config } = await world.answer<{ config: string }>("server-config");
  assert.doesNotMatch(config, /system_account:/);
  assert.equal(await refused(world, "push"), "COMMAND_UNKNOWN");
});

test("a folder whose files were changed is refused", async () => {
  const world = await worldWith("account add A", "account add B", "user add A ada");
  const a = await shown(world, "account show A");
  const b = await shown(world, "account show B --show-seed");
  world.write(`nats-auth/keys/${a.publicKey}.nk`, b.seed!);
  assert.equal(await refused(world, "user add A bob"), "COMMAND_FILE");
  world.write("nats-auth/accounts/A/account.jwt", a.jwt.replace(/.{4}$/, "AAAA"));
  assert.equal(await refused(world, "account show A"), "COMMAND_FILE");
});

test("passwords are hashed at the cost that was asked for", async () => {
  const world = new CommandWorld();
  world.input = "countess";
  const { code, out } = await world.auth("password", "--cost", "4");
  assert.equal(code, 0);
  assert.match(out, /^\$2a\$04\$[./A-Za-z0-9]{53}\n$/);
  assert.ok(await compare("countess", out.trim()));
  assert.notEqual((await world.auth("password", "--cost", "4")).out, out);
  assert.equal(await refused(world, "password --cost 3"), "COMMAND_INVALID");
  for (const input of ["", "x".repeat(73)]) {
    world.input = input;
    assert.equal(await refused(world, "password --cost 4"), "COMMAND_INVALID");
  }
});

test("an nkey's seed goes to a file or, if asked for, to the output", async () => {
  const world = new CommandWorld();
  assert.equal(await refused(world, "nkey"), "COMMAND_USAGE");
  assert.equal(await refused(world, "nkey --kind horse --show-seed"), "COMMAND_INVALID");
  const quiet = await world.auth("nkey", "--out", "a.nk");
  assert.match(quiet.out, /^U[A-Z2-7]{55}\n$/);
  assert.match(world.read("a.nk"), /^SU[A-Z2-7]{56}\n$/);
  const { out } = await world.auth("nkey", "--kind", "curve", "--show-seed");
  assert.match(out, /^X[A-Z2-7]{55}\nSX[A-Z2-7]{56}\n$/);
});
