// Drill: 1,000 connections come, subscribe and go, again and again, half of them without a goodbye. Nothing may be left of
// them: no connection, no subscription, no memory.
import { get } from "node:http";
import { freePort } from "../../test/support/free-port.js";
import type { RawClient } from "../../test/support/raw-client.js";
import { type Drill, megabytes, must, mustBeFlat, mustBeHealthy } from "./drill.js";

const CONNECTIONS = 1000;
const AT_A_TIME = 100;
const WARM_UP_ROUNDS = 2;

export const connections: Drill = {
  name: "connections",
  async run(context) {
    const rounds = context.settings.short ? 5 : 60;
    const httpPort = await freePort();
    const server = await context.startServer(`http: "127.0.0.1:${httpPort}"`);
    const witness = await context.connect(server);
    let warmBytes = 0;
    for (let round = 0; round < rounds; round++) {
      const clients: RawClient[] = [];
      while (clients.length < CONNECTIONS) {
        const first = clients.length;
        clients.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, () => context.connect(server)))));
        for (const [i, client] of clients.slice(first).entries())
          client.send(`SUB drill.${first + i}.* 1\r\nSUB drill.all 2\r\n`);
      }
      await Promise.all(clients.map((client) => client.sync()));
      witness.send("PUB drill.7.x 2\r\nhi\r\nPUB drill.all 2\r\nho\r\n");
      await clients[7].expect("MSG drill.7.x 1 2");
      await Promise.all(clients.map((client) => client.expect("MSG drill.all 2 2")));
      for (const [i, client] of clients.entries()) {
        if (i % 2 === 0) client.socket.resetAndDestroy();
        else client.socket.end();
      }
      await Promise.all(clients.map((client) => client.closed()));
      await untilAlone(httpPort);
      must((await witness.sync()).length === 0, "the witness got what was not for it");
      mustBeHealthy(server);
      if (round + 1 === WARM_UP_ROUNDS) warmBytes = server.residentBytes();
    }
    mustBeFlat(warmBytes, server.residentBytes());
    context.report(`${rounds} rounds; memory ${megabytes(warmBytes)} -> ${megabytes(server.residentBytes())}`);
  },
};

/** Resolves when the monitoring page counts one connection and at most the system's subscriptions. */
async function untilAlone(httpPort: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const varz = await page(httpPort, "/varz");
    if (varz["connections"] === 1 && Number(varz["subscriptions"]) < CONNECTIONS) return;
    must(
      performance.now() < deadline,
      `${varz["connections"]} connections, ${varz["subscriptions"]} subscriptions are left`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function page(port: number, path: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text) as Record<string, unknown>));
    }).on("error", reject);
  });
}
