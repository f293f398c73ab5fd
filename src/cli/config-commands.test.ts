// The commands of `natsnode config` on a simulated disk.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandWorld } from "../../test/support/command-run.js";
import { loadConfig } from "../config/load.js";
import { optionsSchema } from "../options/schema.js";

interface Checked {
  valid: boolean;
  digest?: string;
  findings: { severity: string; message: string; file?: string; line?: number; column?: number; excerpt?: string }[];
}

function worldWith(files: Readonly<Record<string, string>>): CommandWorld {
  const world = new CommandWorld();
  for (const [path, text] of Object.entries(files)) world.write(path, text);
  return world;
}

async function check(world: CommandWorld, ...argv: string[]): Promise<Checked & { code: number }> {
  const { code, out } = await world.config("check", ...argv, "--json");
  return { code, ...(JSON.parse(out) as Checked) };
}

const places = ({ findings }: Checked) =>
  findings.map(({ severity, file, line, column }) => [severity, file, line, column]);

test("check shows all that is wrong, in included files too, each with a caret", async () => {
  const world = worldWith({
    "a.conf": 'port: 4222\nserver_name: "a b"\ninclude "b.conf"\nauthorization {\n\ttimeuot: 3\n}\nping_interval: 20\n',
    "b.conf": "# limits\nmax_conections: 10\n",
  });
  const { code, out, err } = await world.config("check", "a.conf");
  assert.deepEqual([code, err], [1, ""]);
  assert.equal(
    out,
    `a.conf:2:1: error: server name cannot contain spaces
    server_name: "a b"
    ^
a.conf:5:2: error: unknown field "timeuot", did you mean "timeout"?
    \ttimeuot: 3
    \t^
a.conf:7:1: warning: invalid use of field "ping_interval": ping_interval should be converted to a duration
    ping_interval: 20
    ^
b.conf:2:1: error: unknown field "max_conections", did you mean "max_connections"?
    max_conections: 10
    ^
a.conf is not valid: 3 errors, 1 warning
`,
  );
});

test("check names the place where a file cannot be read on", async () => {
  const world = worldWith({ "a.conf": "port: 4222\nauthorization {\n  user: a\n" });
  const checked = await check(world, "a.conf");
  assert.deepEqual([checked.code, checked.valid], [1, false]);
  assert.equal(checked.findings.length, 1);
  assert.equal(checked.findings[0].excerpt, "authorization {\n              ^");
  const missing = await check(world, "b.conf");
  assert.equal(missing.code, 1);
  assert.match(missing.findings[0].message, /^open b\.conf: no such file/);
});

test("check finds what only a start would find", async () => {
  const world = worldWith({
    "a.conf": "accounts { A { users: [ { user: a, password: b } ] } }\nno_auth_user: nobody\n",
  });
  const checked = await check(world, "a.conf");
  assert.equal(checked.code, 1);
  assert.deepEqual(places(checked), [["error", "a.conf", 2, 1]]);
  assert.match(checked.findings[0].message, /nobody/);
});

test("warnings and options without effect are told; with --strict they count", async () => {
  const world = worldWith({ "a.conf": "ping_interval: 20\n", "b.conf": 'port: 4222\nping_interval: "20s"\n' });
  const lenient = await check(world, "a.conf");
  assert.deepEqual([lenient.code, lenient.valid, places(lenient)], [0, true, [["warning", "a.conf", 1, 1]]]);
  assert.match(lenient.digest ?? "", /^sha256:[0-9a-f]{64}$/);
  assert.equal((await check(world, "a.conf", "--strict")).code, 1);
  const clean = await world.config("check", "b.conf", "--strict");
  assert.equal(clean.code, 0);
  assert.match(clean.out, /^b\.conf is valid \(sha256:[0-9a-f]{64}\)\n$/);
});

const SETTINGS = `
PASSWORD: geheim
listen: 127.0.0.1:4333
authorization {
  users: [
    { user: ada, password: $PASSWORD, permissions: { publish: { allow: ["ä.>", "b"] } } }
    { user: bob, password: bbb }
  ]
}
include "limits.conf"
server_tags: ["a \\"b\\"", c]
mappings { "a.*": [ { destination: "b.$1", weight: 50% } ] }
cluster { name: c, listen: "127.0.0.1:6000", routes: ["nats://ruth:secret@127.0.0.1:6001"] }
`;

test("print shows the options with their places, and no secret", async () => {
  const world = worldWith({ "a.conf": SETTINGS, "limits.conf": 'ping_interval: "90s"\nmax_payload: 2MB\n' });
  const { code, out } = await world.config("print", "a.conf");
  assert.equal(code, 0);
  assert.match(out, /^host: "127\.0\.0\.1" {2}# a\.conf:3:1$/m);
  assert.match(out, /^max_payload: 2097152 {2}# limits\.conf:2:1$/m);
  assert.match(out, /^ping_interval: "1m30s" {2}# limits\.conf:1:1$/m);
  assert.match(out, /^ {2}routes: \["nats:\/\/\[REDACTED\]@127\.0\.0\.1:6001"\] {2}# a\.conf:13:46$/m);
  assert.match(out, /^ {6}pass: "\[REDACTED\]"$/m);
  assert.doesNotMatch(out, /geheim|bbb|secret|ruth|default|proxy_required/);
});

test("what print shows is a configuration with the same options", async () => {
  const text = SETTINGS.replace("ruth:secret@", "").replace(/geheim|bbb/g, '"[REDACTED]"');
  const world = worldWith({ "a.conf": text, "limits.conf": 'ping_interval: "90s"\nmax_payload: 2MB\n' });
  const load = (path: string) => loadConfig(path, { disk: world.runtime.disk, env: () => undefined }).options;
  world.write("printed.conf", (await world.config("print", "a.conf")).out);
  assert.deepEqual(load("printed.conf"), load("a.conf"));
});

test("print --defaults shows what was not said", async () => {
  const world = worldWith({ "a.conf": "port: 4333\nauthorization { users: [ { user: ada, password: x } ] }\n" });
  const { out } = await world.config("print", "a.conf", "--defaults");
  assert.match(out, /^port: 4333 {2}# a\.conf:1:1$/m);
  assert.match(out, /^ping_interval: "2m0s" {2}# default$/m);
  assert.match(out, /^ {2}timeout: "2s" {2}# default$/m);
  assert.match(out, /^ {6}proxy_required: false$/m);
});

test("print in JSON has the options by their names in the library", async () => {
  const world = worldWith({ "a.conf": SETTINGS, "limits.conf": 'ping_interval: "90s"\n' });
  const { out } = await world.config("print", "a.conf", "--json");
  const { options, origins } = JSON.parse(out) as { options: Record<string, unknown>; origins: Record<string, string> };
  assert.equal(options.pingIntervalMs, 90_000);
  assert.deepEqual(options.mappings, { "a.*": [{ destination: "b.$1", weight: 50 }] });
  assert.deepEqual((options.authorization as { users: object[] }).users, [
    { user: "ada", password: "[REDACTED]", permissions: { publish: { allow: ["ä.>", "b"] } } },
    { user: "bob", password: "[REDACTED]" },
  ]);
  assert.deepEqual([origins.pingIntervalMs, origins["authorization.users"]], ["limits.conf:1:1", "a.conf:5:3"]);
  const broken = await worldWith({ "b.conf": "prot: 1\n" }).config("print", "b.conf");
  assert.equal(broken.code, 1);
  assert.match(broken.err, /^natsnode config print: b\.conf:1:1: unknown field "prot"/);
});

test("schema is that of all options", async () => {
  const { code, out } = await new CommandWorld().config("schema");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), JSON.parse(JSON.stringify(optionsSchema())));
});
