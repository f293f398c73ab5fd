import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { started } from "../../test/support/monitored-server.js";
import { loadConfig } from "../config/load.js";
import { createServer } from "../natsnode.js";
import { diffOptions } from "../options/diff.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { Server } from "../server/server.js";

test("a protected port asks who is there, for every page, and forgets it with a reload", async (t) => {
  const secret = { user: "ops", password: "s3cret", token: "t0ken", allowHealthz: true };
  const { server, get } = await started(t, { monitoringAuthorization: secret });
  const { port } = server.addresses["monitoring"];
  const ask = (path: string, authorization?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: authorization === undefined ? {} : { authorization } });
  for (const path of ["/", "/varz", "/metrics", "/debug/vars", "/nothing"]) {
    const refused = await get(path);
    assert.equal(refused.status, 401, path);
    assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic realm="NATS monitoring"/);
    assert.equal(await refused.text(), "401 unauthorized\n");
  }
  assert.equal((await get("/healthz")).status, 200);
  const varz = await ask("/varz", "Bearer t0ken");
  assert.equal(varz.status, 200);
  assert.doesNotMatch(await varz.text(), /s3cret|t0ken/);
  assert.equal((await ask("/metrics", `Basic ${btoa("ops:s3cret")}`)).status, 200);
  assert.equal((await ask("/metrics", `Basic ${btoa("ops:wrong")}`)).status, 401);
  await server.reload({ ...server.options, monitoringAuthorization: undefined });
  assert.equal((await get("/varz")).status, 200);
});

test("the login of the port comes from the file, and no report of a reload shows it", (t) => {
  const disk = nodeRuntime().disk;
  const folder = mkdtempSync(join(tmpdir(), "monitoring-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const load = (name: string, text: string): ServerOptions => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return loadConfig(file, { disk, env: () => undefined }).options;
  };
  const first = load("a.conf", 'monitoring_authorization { user: ops, password: "old-one", allow_healthz: true }');
  const expected = { user: "ops", password: "old-one", allowHealthz: true };
  assert.deepEqual(first.monitoringAuthorization, expected);
  const second = load("b.conf", "monitoring_authorization { username: ops, pass: new-one, token: third-one }");
  for (const [from, to] of [
    [first, second],
    [{}, first],
    [second, {}],
  ]) {
    const changes = diffOptions(resolveOptions(from), resolveOptions(to));
    assert.ok(changes.length > 0);
    assert.doesNotMatch(JSON.stringify(changes), /-one/);
  }
});

test("a port in use and two ports at once stop the start", async (t) => {
  const { server } = await started(t);
  const taken = server.addresses["monitoring"].port;
  const create = (options: ServerOptions): Server =>
    createServer(resolveOptions({ host: "127.0.0.1", port: -1, ...options }), { runtime: nodeRuntime() });
  await assert.rejects(create({ httpHost: "127.0.0.1", httpPort: taken }).start(), { code: "EADDRINUSE", port: taken });
  await assert.rejects(create({ httpPort: 1, httpsPort: 2 }).start(), {
    code: "NATS_MONITORING_START",
    message: "Can't start monitoring: can't specify both HTTP (1) and HTTPs (2) ports",
  });
});

test("the start is logged, and the end closes the port", async () => {
  const lines: string[] = [];
  const nothing = (): void => {};
  const logger = {
    ...{ debugOn: false, traceOn: false, warn: nothing, error: nothing, fatal: nothing, debug: nothing },
    ...{ trace: nothing, info: (line: string) => void lines.push(line) },
  };
  const options = { host: "127.0.0.1", port: -1, httpHost: "127.0.0.1", httpPort: -1 };
  const server = createServer(resolveOptions(options), { runtime: nodeRuntime(), logger });
  await server.start();
  const { port } = server.addresses["monitoring"];
  assert.ok(lines.includes(`Starting http monitor on 127.0.0.1:${port}`));
  await server.close();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
});
