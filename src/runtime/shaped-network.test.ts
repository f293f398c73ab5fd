import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { type TestContext, test } from "node:test";
import type { Transport } from "./network.js";
import { nodeRuntime } from "./node/index.js";
import { Links } from "./shaped-network.js";

// A server at place "b" that sends back what it gets, and connections to it from place "a".
async function places(t: TestContext) {
  const { clock, network } = nodeRuntime();
  const links = new Links(clock);
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (transport) => {
    transport.start({
      onData: (chunk, start, end) => transport.write([Buffer.from(chunk.subarray(start, end))]),
      onDrain: () => {},
      onEnd: () => transport.end(),
      onClose: () => {},
    });
  });
  t.after(() => listener.close());
  links.listens("b", listener.port);
  const from = links.from("a", network);
  const dial = async () => {
    const transport = await from.dial({ host: "127.0.0.1", port: listener.port, timeoutMs: 1000 });
    t.after(() => transport.destroy());
    return new Peer(transport);
  };
  return { links, dial, clock };
}

class Peer extends EventEmitter {
  readonly transport: Transport;
  text = "";
  closed = false;

  constructor(transport: Transport) {
    super();
    this.transport = transport;
    transport.start({
      onData: (chunk, start, end) => {
        this.text += chunk.toString("latin1", start, end);
        this.emit("data");
      },
      onDrain: () => this.emit("drain"),
      onEnd: () => {},
      onClose: () => {
        this.closed = true;
        this.emit("close");
      },
    });
  }

  async echo(text: string): Promise<void> {
    this.transport.write([Buffer.from(text)]);
    while (!this.text.endsWith(text)) await once(this, "data");
  }
}

test("a link that is cut closes its connections and refuses new ones until it is healed", async (t) => {
  const { links, dial } = await places(t);
  const peer = await dial();
  await peer.echo("one");
  const closed = once(peer, "close");
  links.shape("b", "a", { cut: true });
  await closed;
  await assert.rejects(dial(), { code: "ECONNREFUSED" });
  links.shape("a", "b", { cut: false });
  await (await dial()).echo("two");
  assert.equal(peer.closed, true);
});

test("a stalled link lets nothing through, and everything in order when it is healed", async (t) => {
  const { links, dial } = await places(t);
  const peer = await dial();
  await peer.echo("one");
  links.shape("a", "b", { stalled: true });
  peer.transport.write([Buffer.from("two")]);
  peer.transport.write([Buffer.from("three")]);
  assert.equal(peer.transport.bufferedBytes, 8);
  const drained = once(peer, "drain");
  links.shape("a", "b", { stalled: false });
  await drained;
  while (!peer.text.endsWith("three")) await once(peer, "data");
  assert.equal(peer.text, "onetwothree");
});

test("a latency is added in each direction", async (t) => {
  const { links, dial, clock } = await places(t);
  const peer = await dial();
  links.shape("a", "b", { latencyMs: 40 });
  const startedAt = clock.monotonicMs();
  await peer.echo("one");
  assert.ok(clock.monotonicMs() - startedAt >= 79);
});
