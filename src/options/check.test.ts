import assert from "node:assert/strict";
import { test } from "node:test";
import { checkForStart } from "./check.js";
import { OptionsError } from "./errors.js";
import { resolveOptions, type ServerOptions } from "./options.js";

const refuses = (input: ServerOptions, path: string, words: RegExp, version?: string): void => {
  assert.throws(
    () => checkForStart(resolveOptions(input), version),
    (error) => error instanceof OptionsError && error.path === path && words.test(error.message),
  );
};
const accepts = (input: ServerOptions): void => checkForStart(resolveOptions(input));

test("nothing is wrong with the defaults", () => {
  accepts({});
});

test("limits that contradict each other", () => {
  refuses({ lameDuckGracePeriodMs: 120_000 }, "lameDuckGracePeriodMs", /strictly lower than lame duck duration/);
  refuses({ maxPayloadBytes: 2_000, maxPendingBytes: 1_000 }, "maxPayloadBytes", /cannot be higher than max_pending/);
  refuses({ port: 70_000 }, "port", /address 70000: invalid port/);
});

test("users: one, a token or a list, and each name once", () => {
  const users = [{ user: "a", password: "x" }];
  refuses({ authorization: { user: "u", users } }, "authorization", /user\/pass and a users array/);
  refuses({ authorization: { token: "t", users } }, "authorization", /token and a users array/);
  refuses({ authorization: { user: "u", token: "t" } }, "authorization", /user\/pass and token/);
  refuses({ authorization: { users }, accounts: { A: { users } } }, "accounts.A.users", /Duplicate user "a"/);
  refuses({ authorization: { token: "t" }, accounts: { A: { users } } }, "authorization", /token and a users array/);
});

test("no_auth_user must be a user", () => {
  refuses({ noAuthUser: "x" }, "noAuthUser", /no_auth_user: "x" present, but users\/nkeys are not defined/);
  refuses({ noAuthUser: "x", accounts: { A: { users: [{ user: "a" }] } } }, "noAuthUser", /not present as user/);
  accepts({ noAuthUser: "a", accounts: { A: { users: [{ user: "a" }] } } });
});

test("the system account must exist, unless it is the default one", () => {
  refuses({ systemAccount: "NOPE" }, "systemAccount", /account missing/);
  accepts({ systemAccount: "$SYS" });
  accepts({ systemAccount: "A", accounts: { A: {} } });
});

test("clusters and gateways", () => {
  refuses({ gateway: { port: 1 } }, "gateway.name", /gateway has no name/);
  refuses({ gateway: { name: "g" } }, "gateway.port", /no port specified/);
  refuses({ gateway: { name: "g", port: 1, gateways: [{}] } }, "gateway.gateways[0].name", /list 0 has no name/);
  refuses({ gateway: { name: "g", port: 1, gateways: [{ name: "h" }] } }, "gateway.gateways[0].urls", /"h" has no URL/);
  refuses({ gateway: { name: "g", port: 1 }, cluster: { name: "c" } }, "cluster.name", /name conflicts/);
  refuses({ cluster: { accounts: ["A"], poolSize: -1 } }, "cluster.poolSize", /pool_size cannot be negative/);
  refuses({ cluster: { accounts: ["A", "A"] } }, "cluster.accounts", /duplicate account name "A"/);
  refuses({ gateway: { name: "g", port: 1 }, leafnodes: { port: 2 } }, "systemAccount", /require a system account/);
});

test("compression modes and thresholds", () => {
  refuses({ cluster: { compression: { mode: "zip" } } }, "cluster.compression", /unsupported compression mode "zip"/);
  const with_ = (rttThresholdsMs: number[]): ServerOptions => ({
    leafnodes: { compression: { mode: "s2_auto", rttThresholdsMs } },
  });
  refuses(with_([50, 10]), "leafnodes.compression", /ascending order/);
  refuses(with_([0, 0]), "leafnodes.compression", /at least one/);
  refuses(with_([1, 2, 3, 4, 5]), "leafnodes.compression", /no more than 4/);
  accepts(with_([0, 10, 20, 0]));
  accepts({ cluster: { compression: { mode: "On" } } });
});

test("leaf nodes name accounts that exist", () => {
  refuses({ leafnodes: { authorization: { account: "NOPE" } } }, "leafnodes.authorization.account", /"NOPE"/);
  refuses({ leafnodes: { remotes: [{ account: "B" }] } }, "leafnodes.remotes[0].account", /leafnode remote/);
  refuses(
    { leafnodes: { remotes: [{ urls: ["ws://a", "nats://b"] }] } },
    "leafnodes.remotes[0].urls",
    /mix of websocket/,
  );
  accepts({ leafnodes: { remotes: [{ account: "$SYS" }] } });
});

test("jetstream domains and clusters", () => {
  refuses({ defaultJsDomain: { NOPE: "d" } }, "defaultJsDomain.NOPE", /`default_js_domain` .* "NOPE"/);
  refuses({ jetstream: { domain: "a.b" } }, "jetstream.domain", /may not contain/);
  const clustered: ServerOptions = { jetstream: {}, cluster: { name: "c", port: 1 } };
  refuses(clustered, "serverName", /requires `server_name`/);
  refuses(
    { ...clustered, serverName: "a", jetstream: { extensionHint: "maybe" } },
    "jetstream.extensionHint",
    /'maybe'/,
  );
  accepts({ ...clustered, serverName: "a" });
});

test("websocket", () => {
  const noTls = { port: 1, noTls: true };
  refuses({ websocket: { port: 1 } }, "websocket.tls", /requires TLS/);
  refuses({ websocket: { ...noTls, allowedOrigins: ["://x"] } }, "websocket.allowedOrigins", /allowed origin/);
  refuses({ websocket: { ...noTls, noAuthUser: "ghost" } }, "websocket.noAuthUser", /"ghost"/);
  refuses({ websocket: { ...noTls, headers: { Upgrade: "x" } } }, "websocket.headers", /"Upgrade" not allowed/);
  refuses({ websocket: { ...noTls, jwtCookie: "j" } }, "websocket.jwtCookie", /trusted keys/);
  accepts({ websocket: { ...noTls, allowedOrigins: ["https://x.org"] } });
});

test("mqtt", () => {
  const jetstream = {};
  refuses({ mqtt: { port: 1 } }, "jetstream", /requires JetStream/);
  refuses({ jetstream, mqtt: { port: 1, ackWaitMs: -1 } }, "mqtt.ackWaitMs", /positive/);
  refuses({ jetstream, mqtt: { port: 1 }, cluster: { port: 2 } }, "serverName", /server name/);
  refuses(
    { jetstream, mqtt: { port: 1, authorization: { token: "t" } }, authorization: { users: [{ user: "u" }] } },
    "mqtt.authorization.token",
    /token not compatible/,
  );
});

test("monitoring is plain or encrypted", () => {
  refuses({ httpPort: 1, httpsPort: 2, tls: {} }, "httpsPort", /both HTTP \(1\) and HTTPs \(2\)/);
  refuses({ httpsPort: 2 }, "httpsPort", /TLS cert and key required/);
});

test("who protects monitoring says how", () => {
  const path = "monitoringAuthorization";
  refuses({ monitoringAuthorization: {} }, path, /a user and password, or a token, is required/);
  refuses({ monitoringAuthorization: { allowHealthz: true, token: "" } }, path, /is required/);
  refuses({ monitoringAuthorization: { user: "u" } }, path, /user and password go together/);
  refuses({ monitoringAuthorization: { password: "p", token: "t" } }, path, /user and password go together/);
  refuses({ monitoringAuthorization: { user: "u:v", password: "p" } }, path, /must not contain a colon/);
  accepts({ monitoringAuthorization: { user: "u", password: "p" } });
  accepts({ monitoringAuthorization: { token: "t" } });
});

test("an address to advertise", () => {
  refuses({ clientAdvertise: "a:b:c" }, "clientAdvertise", /too many colons/);
  refuses({ clientAdvertise: "a:b" }, "clientAdvertise", /invalid port "b"/);
  accepts({ clientAdvertise: "a:1" });
  accepts({ clientAdvertise: "[::1]:1" });
  accepts({ clientAdvertise: "host" });
});

test("operators", () => {
  const jwtOf = (nats: object): string =>
    `x.${Buffer.from(JSON.stringify({ sub: "OP", nats })).toString("base64url")}.y`;
  const resolver = { type: "MEMORY" as const };
  const operators = [jwtOf({ system_account: "S" })];
  refuses({ operators }, "resolver", /require an account resolver/);
  refuses({ operators, resolver, accounts: { A: {} } }, "accounts", /do not allow Accounts/);
  refuses({ operators, resolver, systemAccount: "T" }, "systemAccount", /must be identical/);
  refuses({ operators, resolver, noAuthUser: "x" }, "noAuthUser", /not compatible with Trusted Operator/);
  refuses(
    { operators: [jwtOf({ assert_server_version: "9.9.9" })], resolver },
    "operators",
    /major version 9/,
    "2.15.1",
  );
  refuses({ defaultSentinel: "x" }, "defaultSentinel", /requires operators/);
});
