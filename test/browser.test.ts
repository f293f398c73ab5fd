// A page in a real browser with the official client: it connects over WebSocket, subscribes, answers and asks, and goes on
// after the server was restarted.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { pageScript, startChromium, withoutChromium } from "./support/chromium.js";
import { freePort } from "./support/free-port.js";

const PAGE = `<!doctype html><meta charset="utf-8"><script src="/nats.js"></script><script>
window.heard = [];
window.states = [];
window.begin = async (servers) => {
  const nc = await nats.wsconnect({ servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
  window.nc = nc;
  nc.subscribe("to.page", { callback: (_, m) => window.heard.push(m.string()) });
  nc.subscribe("ask.page", { callback: (_, m) => m.respond(m.string().toUpperCase()) });
  (async () => { for await (const { type } of nc.status()) window.states.push(type); })();
  await nc.flush();
};
window.ask = async (text) => (await window.nc.request("ask.test", text, { timeout: 5000 })).string();
</script>`;

/** Serves the page; resolves with its origin. */
async function servePage(t: TestContext): Promise<string> {
  const script = pageScript("@nats-io/nats-core", "nats");
  const server = createServer((request, response) => {
    const isScript = request.url === "/nats.js";
    response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html" });
    response.end(isScript ? script : PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client of another kind that answers the page. */
async function companion(server: NatsServer): Promise<NatsConnection> {
  const nc = await connect({ servers: server.clientUrl });
  nc.subscribe("ask.test", { callback: (_, m) => void m.respond(`${m.string()}!`) });
  await nc.flush();
  return nc;
}

test("a page lives through a restart of the server", { skip: withoutChromium() }, async (t) => {
  const origin = await servePage(t);
  const websocket = { host: "127.0.0.1", port: await freePort(), noTls: true, compression: true };
  const start = () =>
    startServer({ host: "127.0.0.1", port: -1, websocket: { ...websocket, allowedOrigins: [origin] } });
  let server = await start();
  t.after(() => server.close());
  const page = await (await startChromium(t)).newPage();
  page.setDefaultTimeout(15_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(origin);
  await page.evaluate(`begin("ws://127.0.0.1:${websocket.port}")`);

  const large = "x".repeat(300_000);
  for (const round of ["before", "after"]) {
    const nc = await companion(server);
    nc.publish("to.page", `${round} ${large}`);
    await page.waitForFunction(`heard.includes("${round} ${large}")`);
    assert.equal(
      (await nc.request("ask.page", `hello ${round}`, { timeout: 5_000 })).string(),
      `HELLO ${round.toUpperCase()}`,
    );
    assert.equal(await page.evaluate(`ask("${round}")`), `${round}!`);
    assert.equal(await page.evaluate(`ask("${large}")`), `${large}!`);
    await nc.close();
    if (round === "after") break;
    await server.close();
    await page.waitForFunction(`states.includes("disconnect")`);
    server = await start();
    await page.waitForFunction(`states.includes("reconnect")`);
    await page.evaluate("nc.flush()");
  }

  await page.evaluate("nc.close()");
  assert.deepEqual(faults, []);
  const other = `ws://127.0.0.1:${websocket.port}`;
  await page.goto("about:blank");
  const refused = `new Promise((done) => { const ws = new WebSocket("${other}"); ws.onopen = () => done("open"); ws.onerror = () => done("refused"); })`;
  assert.equal(await page.evaluate(refused), "refused");
});
