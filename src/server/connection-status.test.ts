import assert from "node:assert/strict";
import { test } from "node:test";
import { collectConnectionTotals } from "./connection-status.js";
import type { Server } from "./server.js";

test("connections are added up a slice at a time, those that go meanwhile too", async () => {
  const client = {
    ...{ closed: false, pendingBytes: 1, inMsgs: 2, outMsgs: 3, inBytes: 4, outBytes: 5 },
    subscriber: { subscriptions: new Map([["1", {}]]) },
  };
  const clients = new Map(Array.from({ length: 2500 }, (_, id) => [id, client]));
  let turns = 0;
  const endOfTurn = (run: () => void): void => {
    turns++;
    clients.clear();
    setImmediate(run);
  };
  const server = { clients, runtime: { clock: { endOfTurn } } } as unknown as Server;
  const totals = await collectConnectionTotals(server);
  const traffic = { inMsgs: 5000, outMsgs: 7500, inBytes: 10_000, outBytes: 12_500 };
  assert.deepEqual(totals, { connections: 2500, pendingBytes: 2500, subscriptions: 2500, ...traffic });
  assert.equal(turns, 2);
});
