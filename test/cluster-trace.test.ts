// A traced message in a cluster: each server on its way sends a record, numbered by its hops (ADR-41).
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalCluster, until } from "./support/local-cluster.js";
import { connectClient, type RawClient } from "./support/raw-client.js";

interface Event {
  type: string;
  kind?: number;
  name?: string;
  hop?: string;
  sub?: string;
}

async function publishTraced(client: RawClient, subject: string, more = ""): Promise<void> {
  const headers = `NATS/1.0\r\nNats-Trace-Dest: traces\r\n${more}\r\n`;
  client.send(`HPUB ${subject} ${headers.length} ${headers.length}\r\n${headers}\r\nPING\r\n`);
  await client.pong();
}

for (const only of [false, true]) {
  test(`both servers send their record${only ? ", and the message is not delivered" : ""}`, async (t) => {
    const [one, two] = await startLocalCluster(t, 2);
    const observer = await connectClient(t, one.port);
    observer.send("SUB traces 1\r\nPING\r\n");
    await observer.pong();
    const subscriber = await connectClient(t, two.port);
    subscriber.send("SUB a.> 2\r\nPING\r\n");
    await subscriber.pong();
    await until("interest has crossed", () =>
      [one, two].every(({ server }, i) => server.accounts.global.sublist.hasInterest(["a.b", "traces"][i])),
    );
    await publishTraced(await connectClient(t, one.port), "a.b", only ? "Nats-Trace-Only: true\r\n" : "");
    const records = [await observer.expect(/^H?MSG traces /), await observer.expect(/^H?MSG traces /)].map(
      ({ payload }) => JSON.parse(payload) as { server: { name: string }; hops?: number; events: Event[] },
    );
    const of = (name: string) => records.find(({ server }) => server.name === name);
    const [first, second] = [of("S1"), of("S2")];
    assert.ok(first && second);
    assert.equal(first.hops, 1);
    assert.deepEqual(
      first.events.map(({ type, kind, name, hop }) => ({ type, kind, name, hop })),
      [
        { type: "in", kind: 0, name: undefined, hop: undefined },
        { type: "eg", kind: 1, name: "S2", hop: "1" },
      ],
    );
    assert.deepEqual(
      second.events.map(({ type, kind, name, sub }) => ({ type, kind, name, sub })),
      [
        { type: "in", kind: 1, name: "S1", sub: undefined },
        { type: "eg", kind: 0, name: undefined, sub: "a.>" },
      ],
    );
    const got = await subscriber.sync();
    assert.deepEqual(
      got.map(({ line }) => line.split(" ")[1]),
      only ? [] : ["a.b"],
    );
  });
}
