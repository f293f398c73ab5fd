import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { askedName } from "./client-hello.js";

async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connectTls({ socket: connect(port, "127.0.0.1"), servername });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

test("the name that a client asks for", async () => {
  const hello = await helloOf("Nats.Example");
  assert.equal(askedName(hello), "nats.example");
  for (let length = 0; length < hello.length; length++) {
    assert.equal(askedName(hello.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(askedName(await helloOf(undefined)), "");
});

test("a hello in several records", async () => {
  const hello = await helloOf("nats.example");
  const parts = [hello.subarray(5, 50), hello.subarray(50)].map((part) =>
    Buffer.concat([Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part]),
  );
  assert.equal(askedName(parts[0]), undefined);
  assert.equal(askedName(Buffer.concat(parts)), "nats.example");
});

test("whatever else there is has no name", async () => {
  assert.equal(askedName(Buffer.from("PING\r\n")), "");
  assert.equal(askedName(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), "");
  assert.equal(askedName(Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])), "");
  const hello = await helloOf("nats.example");
  for (let at = 9; at < hello.length; at++) {
    const broken = Buffer.from(hello);
    broken[at] ^= 0xff;
    assert.equal(typeof askedName(broken), "string");
  }
});
