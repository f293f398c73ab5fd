// Secrets stay secret: a server whose options and clients hold one of each kind, all with HUSH in it, shows it nowhere: not in
// its log with every line on, not in errors, answers, events or monitoring, not in the process list.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connectClient, connectRaw, type RawClient } from "./support/raw-client.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";
import { pub } from "./support/tenants.js";

const CONFIG = `
server_name: north
http: "127.0.0.1:-1"
system_account: SYS
VARIABLE: "HUSH-variable"
accounts {
  SYS { users: [ { user: sys, password: "HUSH-sys" } ] }
  A {
    users: [ { user: ada, password: "HUSH-ada" }, { user: var, password: $VARIABLE },
             { user: hashed, password: "$2a$04$HUSH5qTHlCW5HUSHxYZ0Ouy2Z7bGqHUSHHUSHHUSHHUSHHUSHHUSH" } ]
  }
}
monitoring_authorization { user: m, password: "HUSH-monitor", token: "HUSH-token", allow_healthz: true }
cluster {
  name: c
  port: -1
  authorization { user: r, password: "HUSH-route" }
  routes: [ "nats://r:HUSH-url@127.0.0.1:1" ]
}
`;

const PAGES = [
  ...[
    "/",
    "/varz",
    "/varz?natsnode_version=1",
    "/connz?auth=1&subs=detail&state=any",
    "/connz?auth=1&state=closed&user=ada",
  ],
  ...[
    "/routez?subs=detail",
    "/gatewayz?accs=1",
    "/leafz?subs=1",
    "/subsz?subs=1",
    "/accountz",
    "/accountz?acc=A",
    "/accountz?acc=SYS",
  ],
  ...[
    "/accstatz?unused=1",
    "/jsz?accounts=1&streams=1&consumers=1&config=1",
    "/healthz",
    "/metrics?connz=1",
    "/debug/vars",
  ],
  ...["/ipqueuesz?all=1", "/raftz", "/expvarz", "/stacksz", "/nothing"],
];
// Who is not let in waits longer each time, and is told the same of every page.
const FEW_PAGES = ["/varz", "/healthz"];
const AUTHORIZATIONS: readonly (readonly [string, readonly string[]])[] = [
  ["Bearer HUSH-token", PAGES],
  ["Basic bTpIVVNILW1vbml0b3I=", PAGES],
  ["Bearer HUSH-wrong", FEW_PAGES],
  ["Basic bTpIVVNI", FEW_PAGES],
  ["", FEW_PAGES],
];
const KINDS = [
  "VARZ",
  "CONNZ",
  "SUBSZ",
  "ROUTEZ",
  "GATEWAYZ",
  "LEAFZ",
  "ACCOUNTZ",
  "JSZ",
  "HEALTHZ",
  "EXPVARZ",
  "STATSZ",
  "IDZ",
];

/** Everything that a client has been told. */
function listening(client: RawClient): string[] {
  const told: string[] = [];
  client.handle = ({ line, headers, payload }) => {
    told.push(line, headers, payload);
    return !/^PONG$|^MSG in\./.test(line);
  };
  return told;
}

/** Whether a line holds a secret, as it is or in base64. */
const isLeak = (line: string): boolean => /HUSH|SFVTS|hVU0|IVVNI/.test(line);

async function refusedLogin(
  t: Parameters<typeof connectRaw>[0],
  port: number,
  connect: object | string,
): Promise<string> {
  const client = await connectRaw(t, port);
  const info = JSON.stringify(await client.info());
  client.send(typeof connect === "string" ? connect : `CONNECT ${JSON.stringify(connect)}\r\n`);
  return info + JSON.stringify(await client.closed());
}

async function pagesOf(server: ServerProcess): Promise<string> {
  const monitor = /Starting http monitor on (\S+)/.exec(server.log)?.[1];
  let text = "";
  for (const [authorization, pages] of AUTHORIZATIONS) {
    for (const page of pages) {
      const answer = await fetch(`http://${monitor}${page}`, {
        headers: authorization === "" ? {} : { authorization },
      });
      text += `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}\n`;
    }
  }
  return text;
}

test("no secret is in the log, in what clients are told, in events, or on a monitoring page", async (t) => {
  const server = await startServerProcess(t, { config: CONFIG, args: ["-D", "-VV"] });
  const { port } = server;
  const sys = await connectClient(t, port, { user: "sys", pass: "HUSH-sys", name: "watcher" });
  const told = listening(sys);
  sys.send("SUB $SYS.> 1\r\nSUB in.> 2\r\n");
  const ada = await connectClient(t, port, { user: "ada", pass: "HUSH-ada", name: "ada's", protocol: 1 });
  await connectClient(t, port, { user: "var", pass: "HUSH-variable" });
  let refusals = "";
  for (const connect of [
    { user: "ada", pass: "HUSH-wrong" },
    { user: "hashed", pass: "HUSH-wrong" },
    { auth_token: "HUSH-token" },
    { user: "ada", pass: "HUSH-ada", auth_token: "HUSH-token", jwt: "HUSH-jwt", sig: "HUSH-sig", account: "X" },
    { jwt: "eyJ0eXAiOiJKV1QifQ.HUSH.HUSH", sig: "HUSH-sig" },
    { PASS: "HUSH-case", Auth_Token: "HUSH-case", proxy_sig: "HUSH-proxy" },
    'CONNECT {"user":"ada","pass":"HUSH-broken"\r\n',
    'CONNECT {"user":"ada","pass":["HUSH-list"]}\r\n',
    'CONNECT "HUSH-text"\r\n',
  ]) {
    refusals += await refusedLogin(t, port, connect);
  }
  for (const [at, kind] of KINDS.entries()) {
    sys.send(pub(`$SYS.REQ.SERVER.PING.${kind}`, '{"auth":true,"subscriptions":true,"state":2}', `in.${at}`));
    await sys.next();
  }
  ada.send(`SUB in.* 1\r\n${pub("$SYS.REQ.USER.INFO", "", "in.user")}`);
  const userInfo = JSON.stringify(await ada.next());
  const pages = await pagesOf(server);
  ada.close();
  await server.logged(/"A\/user:ada" - Client connection closed/);
  const changed = CONFIG.replaceAll("HUSH", "HUSH-2").replace("HUSH-2-variable", "HUSH-variable");
  writeFileSync(join(server.folder, "server.conf"), `listen: 127.0.0.1:${port}\n${changed}`);
  server.signal("SIGHUP");
  await server.logged(/Reloaded server configuration|Failed to reload/);
  writeFileSync(join(server.folder, "server.conf"), changed.replace('user: r, password: "', 'user: r, password: "\n'));
  server.signal("SIGHUP");
  await server.logged(/Failed to reload/);

  assert.match(server.log, /User "ada"/);
  assert.match(refusals, /Authorization Violation/);
  assert.match(pages, /"user_name"|"authorized_user": "ada"/);
  assert.ok(told.some((text) => text.includes('"user":"ada"')));
  const shown = { log: server.log, output: server.output, refusals, userInfo, pages, told: told.join("\n") };
  for (const [where, text] of Object.entries(shown)) assert.deepEqual(text.split("\n").filter(isLeak), [], where);
});

test("no secret of the command line is in the process list or on /debug/vars", async (t) => {
  const args = ["-m", "-1", "--user", "ada", "--pass", "HUSH-pass", "--routes", "nats://r:HUSH-route@127.0.0.1:1"];
  const server = await startServerProcess(t, {
    args: ["-D", "-V", ...args, "--cluster", "nats://r:HUSH-own@127.0.0.1:-1"],
  });
  const monitor = /Starting http monitor on \S+:(\d+)/.exec(server.log)?.[1];
  const vars = await (await fetch(`http://127.0.0.1:${monitor}/debug/vars`)).text();
  const varz = await (await fetch(`http://127.0.0.1:${monitor}/varz`)).text();
  assert.match(vars, /cmdline/);
  const processes = process.platform === "linux" ? readFileSync(`/proc/${server.pid}/cmdline`, "utf8") : "";
  const shown = `${vars}\n${varz}\n${processes}\n${server.log}\n${server.output}`;
  assert.deepEqual(shown.split("\n").filter(isLeak), []);
});
