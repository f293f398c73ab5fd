import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import type { Listener, Transport, TransportHandler } from "../network.js";
import { dialTcp, listenTcp } from "./tcp.js";

/** Notes what a transport tells, and lets tests wait for it. */
class Recorder implements TransportHandler {
  received = "";
  drains = 0;
  ended = false;
  closed = false;
  error: Error | undefined;
  private waiting: (() => void)[] = [];

  onData(chunk: Buffer, start: number, end: number): void {
    this.received += chunk.toString("latin1", start, end);
    this.wake();
  }
  onDrain(): void {
    this.drains++;
    this.wake();
  }
  onEnd(): void {
    this.ended = true;
    this.wake();
  }
  onClose(error?: Error): void {
    this.closed = true;
    this.error = error;
    this.wake();
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

const listeners: Listener[] = [];
after(async () => {
  for (const listener of listeners) await listener.close();
});

/** A listening end, and a plain socket of the other side. */
async function connected(): Promise<{ transport: Transport; recorder: Recorder; peer: net.Socket }> {
  let accept: (transport: Transport) => void = () => {};
  const accepted = new Promise<Transport>((resolve) => {
    accept = resolve;
  });
  const listener = await listenTcp({ host: "127.0.0.1", port: 0 }, (transport) => accept(transport));
  listeners.push(listener);
  const peer = net.connect({ host: "127.0.0.1", port: listener.port, allowHalfOpen: true });
  const transport = await accepted;
  const recorder = new Recorder();
  transport.start(recorder);
  return { transport, recorder, peer };
}

const read = async (peer: net.Socket, bytes: number): Promise<string> => {
  let seen = "";
  while (seen.length < bytes) seen += ((await once(peer, "data")) as [Buffer])[0].toString("latin1");
  return seen;
};

test("bytes go both ways in order", async () => {
  const { transport, recorder, peer } = await connected();
  peer.write("hello");
  await recorder.until(() => recorder.received === "hello");
  transport.write([Buffer.from("a"), Buffer.from("b")]);
  transport.write([Buffer.from("c")]);
  assert.equal(await read(peer, 3), "abc");
  assert.equal(transport.remotePort, peer.localPort);
  assert.equal(transport.remoteAddress, "127.0.0.1");
  peer.destroy();
  await recorder.until(() => recorder.ended);
  transport.destroy();
  await recorder.until(() => recorder.closed);
});

test("a dialled transport behaves the same", async () => {
  const server = net.createServer((socket) => socket.end("greeting"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const transport = await dialTcp({ host: "127.0.0.1", port, timeoutMs: 1000 });
  const recorder = new Recorder();
  transport.start(recorder);
  await recorder.until(() => recorder.ended);
  assert.equal(recorder.received, "greeting");
  transport.end();
  await recorder.until(() => recorder.closed);
  server.close();
});

test("what was written before end() arrives, and the connection closes on both sides", async () => {
  const { transport, recorder, peer } = await connected();
  const big = Buffer.alloc(4 << 20, 0x78);
  transport.write([big]);
  transport.end();
  let bytes = 0;
  peer.on("data", (chunk) => {
    bytes += chunk.length;
  });
  await once(peer, "end");
  assert.equal(bytes, big.length);
  peer.end();
  await recorder.until(() => recorder.closed);
});

test("a half-closed peer still gets answers", async () => {
  const { transport, recorder, peer } = await connected();
  peer.end("question");
  await recorder.until(() => recorder.ended);
  assert.equal(recorder.received, "question");
  transport.write([Buffer.from("answer")]);
  assert.equal(await read(peer, 6), "answer");
  transport.end();
  await recorder.until(() => recorder.closed);
});

test("bytes that the other side does not take are counted, and onDrain tells when they are gone", async () => {
  const { transport, recorder, peer } = await connected();
  peer.pause();
  let written = 0;
  while (transport.bufferedBytes === 0) {
    transport.write([Buffer.alloc(1 << 20)]);
    written += 1 << 20;
  }
  assert.equal(recorder.drains, 0);
  let got = 0;
  peer.on("data", (chunk) => {
    got += chunk.length;
  });
  peer.resume();
  await recorder.until(() => recorder.drains > 0);
  assert.equal(transport.bufferedBytes, 0);
  transport.end();
  await once(peer, "end");
  assert.equal(got, written);
  peer.end();
  await recorder.until(() => recorder.closed);
});

test("a paused transport hands nothing over until it is resumed, also when it pauses inside onData", async () => {
  const { transport, recorder, peer } = await connected();
  const { onData } = recorder;
  let calls = 0;
  recorder.onData = (chunk, start, end) => {
    calls++;
    transport.pause();
    onData.call(recorder, chunk, start, end);
  };
  peer.write("first");
  await recorder.until(() => recorder.received === "first");
  peer.write("second");
  // A round trip on another connection: whatever was sent before it has arrived by then.
  const other = await connected();
  other.peer.write("x");
  await other.recorder.until(() => other.recorder.received === "x");
  assert.equal(calls, 1);
  transport.resume();
  await recorder.until(() => recorder.received === "firstsecond");
  transport.destroy();
  other.transport.destroy();
});

test("a reset is told with its error", async () => {
  const { recorder, peer } = await connected();
  peer.resetAndDestroy();
  await recorder.until(() => recorder.closed);
  assert.equal((recorder.error as NodeJS.ErrnoException | undefined)?.code, "ECONNRESET");
});

test("destroy closes at once, later calls do nothing", async () => {
  const { transport, recorder, peer } = await connected();
  transport.destroy();
  transport.write([Buffer.from("late")]);
  transport.end();
  await recorder.until(() => recorder.closed);
  assert.equal(recorder.received, "");
  peer.on("error", () => {});
  peer.destroy();
});

test("a port in use is refused with the platform's code, and is free again after close", async () => {
  const first = await listenTcp({ host: "127.0.0.1", port: 0 }, () => {});
  await assert.rejects(
    listenTcp({ host: "127.0.0.1", port: first.port }, () => {}),
    { code: "EADDRINUSE" },
  );
  await first.close();
  const second = await listenTcp({ host: "127.0.0.1", port: first.port }, () => {});
  assert.equal(second.port, first.port);
  await second.close();
});

test("dialling nobody is refused", async () => {
  const listener = await listenTcp({ host: "127.0.0.1", port: 0 }, () => {});
  const { port } = listener;
  await listener.close();
  await assert.rejects(dialTcp({ host: "127.0.0.1", port, timeoutMs: 1000 }), { code: "ECONNREFUSED" });
});

test("many connections that read at the same time keep their bytes apart", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => connected()));
  const sent = all.map((_, i) => String.fromCharCode(97 + i).repeat(100_000));
  all.forEach(({ peer }, i) => {
    peer.write(sent[i]);
  });
  await Promise.all(all.map(({ recorder }, i) => recorder.until(() => recorder.received.length === sent[i].length)));
  all.forEach(({ recorder, transport }, i) => {
    assert.equal(recorder.received, sent[i]);
    transport.destroy();
  });
});
