import assert from "node:assert/strict";
import { test } from "node:test";
import { ClosedConnections } from "./closed-connections.js";
import type { ConnectionStatus } from "./connection-status.js";

const connection = (id: number): ConnectionStatus => ({ id }) as ConnectionStatus;
const ids = (closed: ClosedConnections): number[] => closed.list().map(({ id }) => id);

test("the oldest makes room", () => {
  const closed = new ClosedConnections(3);
  for (const id of [1, 2]) closed.add(connection(id));
  assert.deepEqual(ids(closed), [1, 2]);
  for (const id of [3, 4, 5]) closed.add(connection(id));
  assert.deepEqual(ids(closed), [3, 4, 5]);
  assert.equal(closed.size, 3);
});

test("without room nothing is remembered", () => {
  const closed = new ClosedConnections(0);
  closed.add(connection(1));
  assert.deepEqual(ids(closed), []);
});
