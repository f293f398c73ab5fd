import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport, TransportHandler } from "../network.js";
import { NodeNetwork } from "./network.js";

const network = new NodeNetwork();

function owner(handler: Partial<TransportHandler>): TransportHandler {
  return { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {}, ...handler };
}

test("bytes go both ways over TCP, and an end closes both sides", { timeout: 10_000 }, async () => {
  let serverClosed = (_: Error | undefined): void => {};
  const closedOnServer = new Promise<Error | undefined>((resolve) => {
    serverClosed = resolve;
  });
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (transport: Transport) =>
    transport.start(
      owner({
        onData: (chunk, start, end) => transport.write([Buffer.from(chunk.subarray(start, end))]),
        onEnd: () => transport.end(),
        onClose: (error) => serverClosed(error),
      }),
    ),
  );
  const client = await network.dial({ host: "127.0.0.1", port: listener.port, timeoutMs: 2000 });
  assert.equal(client.remotePort, listener.port);
  assert.equal(client.inProcess, false);
  let received = "";
  await new Promise<void>((closed) => {
    client.start(
      owner({
        onData: (chunk, start, end) => {
          received += chunk.toString("latin1", start, end);
          if (received === "hello") client.end();
        },
        onClose: () => closed(),
      }),
    );
    client.write([Buffer.from("hel"), Buffer.from("lo")]);
  });
  assert.equal(received, "hello");
  assert.equal(await closedOnServer, undefined);
  await listener.close();
  const again = await network.listen({ host: "127.0.0.1", port: listener.port }, () => {});
  await again.close();
});

test("what a slow reader leaves is counted, and drains when it reads on", { timeout: 10_000 }, async () => {
  let accepted = (_: Transport): void => {};
  const reader = new Promise<Transport>((resolve) => {
    accepted = resolve;
  });
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (transport) => accepted(transport));
  const writer = await network.dial({ host: "127.0.0.1", port: listener.port, timeoutMs: 2000 });
  const total = 32 * 1024 * 1024;
  let drained = (): void => {};
  const drain = new Promise<void>((resolve) => {
    drained = resolve;
  });
  writer.start(owner({ onDrain: () => drained() }));
  writer.write([Buffer.alloc(total)]);
  assert.ok(writer.bufferedBytes > 0);
  let count = 0;
  const transport = await reader;
  const complete = new Promise<void>((resolve) => {
    transport.start(
      owner({
        onData: (_chunk, start, end) => {
          count += end - start;
          if (count === total) resolve();
        },
      }),
    );
  });
  await Promise.all([complete, drain]);
  assert.equal(writer.bufferedBytes, 0);
  writer.destroy();
  transport.destroy();
  await listener.close();
});

test("failures carry the platform's code", async () => {
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, () => {});
  const taken = { host: "127.0.0.1", port: listener.port };
  await assert.rejects(
    network.listen(taken, () => {}),
    { code: "EADDRINUSE" },
  );
  await listener.close();
  await assert.rejects(network.dial({ ...taken, timeoutMs: 2000 }), { code: "ECONNREFUSED" });
});
