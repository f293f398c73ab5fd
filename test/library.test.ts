// What the library promises to the application around it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  type ClientFacts,
  ConfigError,
  ConfigFileError,
  ConfigSyntaxError,
  type DisconnectEvent,
  type NatsServer,
  OptionsError,
  type StartOptions,
  startServer,
} from "../src/index.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const local = { host: "127.0.0.1", port: -1 } as const;

interface Ends {
  after(run: () => Promise<void>): void;
}

async function started(t: Ends, options: StartOptions = {}): Promise<NatsServer> {
  const server = await startServer({ ...local, ...options });
  t.after(() => server.close());
  return server;
}

/** A client that has greeted the server and read its answer. */
async function rawClient(server: NatsServer, connect = "{}"): Promise<Socket> {
  const socket = dial(server.address.port, server.address.host);
  socket.setEncoding("latin1");
  socket.write(`CONNECT ${connect}\r\nPING\r\n`);
  for (let text = ""; !/PONG|-ERR/.test(text); ) text += (await once(socket, "data"))[0];
  return socket;
}

async function refusal(options: unknown): Promise<Error & { code?: string; path?: string }> {
  try {
    const server = await startServer(options as StartOptions);
    await server.close();
  } catch (error) {
    return error as Error;
  }
  throw new Error("the server started");
}

test("a server tells who and where it is", async (t) => {
  const server = await started(t, { serverName: "one" });
  assert.match(server.id, /^N[A-Z2-7]{55}$/);
  assert.equal(server.name, "one");
  assert.equal(server.clientUrl, `nats://127.0.0.1:${server.address.port}`);
  assert.deepEqual(server.addresses["client"], { ...server.address });
  const status = await server.status();
  assert.equal(status.id, server.id);
  assert.equal(status.connections, 0);
});

test("an address that means all interfaces is one a client can dial", async (t) => {
  const server = await started(t, { host: "0.0.0.0" });
  assert.equal(server.clientUrl, `nats://127.0.0.1:${server.address.port}`);
});

test("events come in order, with plain data", async () => {
  const server = await startServer(local);
  const heard: [string, unknown][] = [];
  for (const name of ["ready", "connect", "disconnect", "error", "lameDuck", "closed"] as const) {
    server.on(name, (event: unknown) => heard.push([name, event]));
  }
  const port = server.address.port;
  const first = await rawClient(server, '{"name":"first","lang":"raw","version":"1"}');
  const left = new Promise((resolve) => server.once("disconnect", resolve));
  first.destroy();
  await left;
  const second = await rawClient(server, '{"name":"second"}');
  second.on("error", () => {});
  await server.close();
  assert.deepEqual(
    heard.map(([name]) => name),
    ["ready", "connect", "disconnect", "connect", "disconnect", "closed"],
  );
  assert.deepEqual(heard[0][1], { clientUrl: server.clientUrl, host: "127.0.0.1", port });
  const { port: from, ...client } = heard[1][1] as ClientFacts;
  assert.ok(from > 0);
  const firstFacts = { name: "first", lang: "raw", version: "1", user: "", account: "$G", host: "127.0.0.1" };
  assert.deepEqual(client, { id: 1, ...firstFacts, inProcess: false });
  assert.equal((heard[2][1] as DisconnectEvent).reason, "Client Closed");
  assert.equal((heard[4][1] as DisconnectEvent).reason, "Server Shutdown");
  assert.equal((heard[4][1] as DisconnectEvent).name, "second");
});

test("a client that never logged in makes no events", async (t) => {
  const server = await started(t, { authorization: { token: "secret" } });
  const heard: string[] = [];
  server.on("connect", () => heard.push("connect"));
  server.on("disconnect", () => heard.push("disconnect"));
  const refused = await rawClient(server, '{"auth_token":"wrong"}');
  if (!refused.destroyed) await once(refused, "close");
  await rawClient(server, '{"auth_token":"secret"}');
  assert.deepEqual(heard, ["connect"]);
});

test("a listener that throws ends nothing and is told as an error", async (t) => {
  const server = await started(t);
  const told = new Promise<Error>((resolve) => server.on("error", resolve));
  server.on("connect", () => {
    throw new Error("mine");
  });
  await rawClient(server);
  assert.equal((await told).message, "mine");
  assert.equal((await server.status()).connections, 1);
});

test("close is idempotent, and after it nothing listens", async () => {
  const server = await startServer(local);
  const { port } = server.address;
  let closed = 0;
  server.on("closed", () => closed++);
  await Promise.all([server.close(), server.close()]);
  await server.close();
  assert.equal(closed, 1);
  const [error] = await once(dial(port, "127.0.0.1"), "error");
  assert.equal((error as { code?: string }).code, "ECONNREFUSED");
  assert.equal(server.address.port, port);
  assert.equal((await server.status()).connections, 0);
});

test("await using closes the server", async () => {
  let closed = false;
  {
    await using server = await startServer(local);
    server.on("closed", () => {
      closed = true;
    });
  }
  assert.equal(closed, true);
});

test("close in lame duck mode tells the clients first", async () => {
  const server = await startServer({ ...local, lameDuckGracePeriodMs: 1 });
  const socket = await rawClient(server, '{"protocol":1}');
  const events: string[] = [];
  for (const name of ["lameDuck", "disconnect", "closed"] as const) server.on(name, () => events.push(name));
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await server.close({ lameDuck: true });
  if (!socket.closed) await once(socket, "close");
  assert.match(text, /INFO \{.*"ldm":true/);
  assert.deepEqual(events, ["lameDuck", "disconnect", "closed"]);
});

test("several servers in one process share nothing", async (t) => {
  const [a, b] = [await started(t, { authorization: { token: "a" } }), await started(t, { serverName: "b" })];
  assert.notEqual(a.id, b.id);
  const socket = await rawClient(b);
  assert.deepEqual([(await a.status()).connections, (await b.status()).connections], [0, 1]);
  await a.close();
  socket.write("PING\r\n");
  assert.match(String((await once(socket, "data"))[0]), /PONG/);
});

test("a port in use is the platform's error", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  assert.equal((await refusal({ host: "127.0.0.1", port })).code, "EADDRINUSE");
});

test("wrong options have an error with a code and the path", async () => {
  const cases: [unknown, string, string][] = [
    [{ port: "4222" }, "OPTIONS_TYPE", "port"],
    [{ authorization: { users: [{ user: 1 }] } }, "OPTIONS_TYPE", "authorization.users[0].user"],
    [{ prot: 4222 }, "OPTIONS_UNKNOWN", "prot"],
    [{ port: 70_000 }, "OPTIONS_VALUE", "port"],
    [{ maxPayloadBytes: 10, maxPendingBytes: 5 }, "OPTIONS_VALUE", "maxPayloadBytes"],
    [{ logger: "console" }, "OPTIONS_TYPE", "logger"],
    [{ runtime: null }, "OPTIONS_TYPE", "runtime"],
    [{ config: 1 }, "OPTIONS_TYPE", "config"],
    [{ config: "a", configText: "b" }, "OPTIONS_VALUE", "configText"],
    [null, "OPTIONS_TYPE", ""],
    ["4222", "OPTIONS_TYPE", ""],
  ];
  for (const [options, code, path] of cases) {
    const error = await refusal(options);
    assert.ok(error instanceof OptionsError, `${JSON.stringify(options)}: ${error.stack}`);
    assert.deepEqual([error.code, error.path], [code, path]);
  }
});

test("an option that restricts access and is not built yet makes the start fail", async () => {
  const error = await refusal({ ...local, tls: { certStore: "my" } });
  assert.ok(error instanceof OptionsError, error.stack);
  assert.deepEqual([error.code, error.path], ["OPTIONS_UNBUILT", "tls.certStore"]);
});

test("a configuration file, and options over it", async (t) => {
  const file = join(temporaryFolder(t), "nats.conf");
  writeFileSync(file, 'listen: "127.0.0.1:-1"\nserver_name: from-the-file\n');
  const server = await started(t, { config: file, maxPayloadBytes: 2000 });
  assert.equal(server.name, "from-the-file");
  assert.equal(server.options.maxPayloadBytes, 2000);
  assert.equal(server.options.host, "127.0.0.1");
});

test("a configuration text", async (t) => {
  const server = await started(t, { configText: "WORD: secret\nauthorization { token: $WORD }" });
  const socket = await rawClient(server, '{"auth_token":"secret"}');
  assert.equal(socket.destroyed, false);
});

test("errors of a configuration have their classes, codes and places", async (t) => {
  const missing = await refusal({ config: join(temporaryFolder(t), "none.conf") });
  assert.ok(missing instanceof ConfigFileError);
  assert.equal(missing.code, "CONFIG_FILE");
  const broken = await refusal({ configText: "accounts {\n" });
  assert.ok(broken instanceof ConfigSyntaxError, broken.stack);
  assert.equal(broken.code, "CONFIG_SYNTAX");
  const wrong = await refusal({ configText: "port: 1\nprot: 2" });
  assert.ok(wrong instanceof ConfigError, wrong.stack);
  assert.equal(wrong.code, "CONFIG_INVALID");
  assert.match(wrong.message, /configText:2:\d+: /);
});

test("options are kept as given, frozen, and not the caller's own object", async (t) => {
  const given = { ...local, authorization: { users: [{ user: "a", password: "b" }] } };
  const server = await started(t, given);
  given.authorization.users[0].user = "changed";
  assert.deepEqual(server.options.authorization, { users: [{ user: "a", password: "b" }] });
  assert.ok(Object.isFrozen(server.options.authorization?.users?.[0]));
});

test("reload takes new options while clients stay", async (t) => {
  const server = await started(t);
  const socket = await rawClient(server, '{"protocol":1}');
  const changes = await server.reload({ ...server.options, maxPayloadBytes: 2000 });
  assert.deepEqual(changes, [
    {
      ...{ path: "maxPayloadBytes", key: "max_payload", old: "1048576", shown: "2000" },
      ...{ line: "max_payload = 2000", reloadable: true },
    },
  ]);
  assert.equal(server.options.maxPayloadBytes, 2000);
  socket.write("PUB a 2001\r\n");
  for (let text = ""; !/-ERR/.test(text); ) text += (await once(socket, "data"))[0];
  assert.deepEqual(await server.reload(server.options), []);
});

test("a reload that needs a restart, or is wrong, changes nothing", async (t) => {
  const server = await started(t);
  await assert.rejects(server.reload({ ...server.options, serverName: "other", maxPayloadBytes: 2000 }), {
    code: "OPTIONS_VALUE",
    path: "serverName",
  });
  await assert.rejects(server.reload({ ...server.options, debug: "yes" } as unknown as StartOptions), {
    code: "OPTIONS_TYPE",
  });
  await assert.rejects(server.reload(), { code: "OPTIONS_VALUE", path: "config" });
  assert.equal(server.options.maxPayloadBytes, undefined);
});

test("a reload without options reads the configuration file again", async (t) => {
  const file = join(temporaryFolder(t), "nats.conf");
  writeFileSync(file, "max_payload: 1000");
  const server = await started(t, { config: file });
  const digest = server.configDigest;
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  writeFileSync(file, "max_payload: 2000");
  assert.deepEqual(
    (await server.reload()).map(({ path }) => path),
    ["maxPayloadBytes"],
  );
  assert.notEqual(server.configDigest, digest);
  assert.deepEqual(await server.reload(), []);
});

test("the system account can ask for a reload of the configuration file", async (t) => {
  const file = join(temporaryFolder(t), "nats.conf");
  const users = "accounts { $SYS { users: [{ user: admin, password: secret }] } }\n";
  writeFileSync(file, `${users}max_payload: 1000`);
  const server = await started(t, { config: file });
  writeFileSync(file, `${users}max_payload: 2000`);
  const nc = await server.connect({ user: "admin", pass: "secret" });
  const answer = await nc.request(`$SYS.REQ.SERVER.${server.id}.RELOAD`);
  assert.equal(answer.json<{ error?: unknown }>().error, undefined);
  assert.equal(server.options.maxPayloadBytes, 2000);
  await nc.close();
});

test("log lines go to the logger that was given, debug lines when asked for", async (t) => {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const server = await started(t, { logger: { info: note, debug: note } });
  assert.ok(lines.includes("Server is ready"), lines.join("\n"));
  await rawClient(server);
  assert.ok(!lines.some((line) => /Client connection created/.test(line)));
  await server.reload({ ...server.options, debug: true });
  await rawClient(server);
  assert.ok(lines.some((line) => /Client connection created/.test(line)));
});

test("handle serves any stream", async (t) => {
  const server = await started(t, { authorization: { user: "u", password: "p" } });
  const connected = new Promise<ClientFacts>((resolve) => server.once("connect", resolve));
  const [client, theirs] = pair();
  server.handle(theirs);
  client.setEncoding("latin1").write('CONNECT {"user":"u","pass":"p"}\r\nPING\r\n');
  let text = "";
  while (!text.includes("PONG")) text += (await once(client, "data"))[0];
  assert.match(text, /^INFO \{.*\}\s*\r\n\+OK\r\nPONG\r\n/s);
  const { user, host, inProcess } = await connected;
  assert.deepEqual({ user, host, inProcess }, { user: "u", host: "", inProcess: true });
  await server.close();
  if (!client.readableEnded) await once(client.resume(), "end");
});

test("a closed server destroys the streams it is given", async () => {
  const server = await startServer(local);
  await server.close();
  const [, theirs] = pair();
  server.handle(theirs);
  assert.equal(theirs.destroyed, true);
});

/** Two streams, each reading what the other writes. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
}

const EVENTS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "exit", "beforeExit"];
const MORE_EVENTS = ["uncaughtException", "unhandledRejection", "warning", "message", "disconnect"];

test("no listener stays on process, and nothing is written", async () => {
  const listeners = (): number[] => [...EVENTS, ...MORE_EVENTS].map((name) => process.listenerCount(name));
  const before = listeners();
  const server = await startServer(local);
  assert.deepEqual(listeners(), before);
  await server.close();
  assert.deepEqual(listeners(), before);
  const { output } = await script(`
    const server = await startServer({ host: "127.0.0.1", port: -1, debug: true, trace: true, maxPayloadBytes: 10 });
    const nc = await server.connect();
    nc.publish("a", "b");
    await nc.flush();
    await server.reload({ ...server.options, maxPayloadBytes: 20 });
    await server.close();
  `);
  assert.equal(output, "");
});

test("an open server keeps the process alive, a closed one does not", async () => {
  const closed = await script(`
    const server = await startServer({ host: "127.0.0.1", port: -1, httpPort: -1 });
    const nc = await server.connect();
    await server.close();
  `);
  assert.deepEqual(closed, { code: 0, output: "" });
  const open = await script(
    `
    const server = await startServer({ host: "127.0.0.1", port: -1 });
    process.once("SIGTERM", () => server.close());
    console.log("listening");
    `,
    (child) => child.kill("SIGTERM"),
  );
  assert.deepEqual(open, { code: 0, output: "listening\n" });
});

test("a start that fails leaves nothing that keeps the process alive", async () => {
  const ended = await script(`
    const server = await startServer({ host: "127.0.0.1", port: -1 });
    const failed = await startServer({ host: "127.0.0.1", port: server.address.port, httpPort: -1 }).catch((e) => e.code);
    await server.close();
    if (failed !== "EADDRINUSE") process.exitCode = 3;
  `);
  assert.deepEqual(ended, { code: 0, output: "" });
});

test("without the optional client everything but connect works", async () => {
  const hook = `export async function resolve(name, context, next) {
    if (name.startsWith("@nats-io/")) throw new Error("not installed");
    return next(name, context);
  }`;
  const ended = await script(`
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
    const server = await startServer({ host: "127.0.0.1", port: -1 });
    const error = await server.connect().catch((error) => error);
    console.log(error.name, error.code, error.cause.message);
    await server.close();
  `);
  assert.deepEqual(ended, { code: 0, output: "NatsCoreError NATS_CORE not installed\n" });
});

/** Runs a program that has `startServer`; resolves when it has ended by itself, with all it wrote. */
async function script(
  text: string,
  onOutput?: (child: ReturnType<typeof spawn>) => void,
): Promise<{ code: number | null; output: string }> {
  const library = pathToFileURL(join(import.meta.dirname, "../src/index.js")).href;
  const program = `import { startServer } from ${JSON.stringify(library)};\n${text}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      onOutput?.(child);
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}
