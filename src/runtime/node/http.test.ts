import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import type { HttpRequest, HttpResponse } from "../network.js";
import { listenHttp } from "./http.js";

const here = { host: "127.0.0.1", port: 0 };

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Everything the server sends on a raw connection until `until` is seen, or until it closes. */
function received(socket: net.Socket, until?: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      if (until !== undefined && text.includes(until)) resolve(text);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

test("a request reaches the handler and its answer comes back", async () => {
  let seen: HttpRequest | undefined;
  const listener = await listenHttp(here, async (request) => {
    seen = request;
    return { status: 201, headers: { "Content-Type": "application/json" }, body: "{é}" };
  });
  assert.equal(listener.host, "127.0.0.1");
  const response = await fetch(`http://127.0.0.1:${listener.port}/varz?a=b%20c`, { headers: { "X-Test": "1" } });
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("content-length"), "4");
  assert.equal(await response.text(), "{é}");
  assert.equal(seen?.method, "GET");
  assert.equal(seen?.url, "/varz?a=b%20c");
  assert.equal(seen?.headers["x-test"], "1");
  assert.equal(seen?.remoteAddress, "127.0.0.1");
  await listener.close();
});

test("a handler that rejects or throws is answered with 500, and the next request is served", async () => {
  let calls = 0;
  const listener = await listenHttp(here, (): Promise<HttpResponse> => {
    calls++;
    if (calls === 1) throw new Error("secret");
    if (calls === 2) return Promise.reject(new Error("secret"));
    return Promise.resolve({ status: 200, body: Uint8Array.from([111, 107]) });
  });
  const url = `http://127.0.0.1:${listener.port}/`;
  for (let i = 0; i < 2; i++) {
    const failed = await fetch(url);
    assert.equal(failed.status, 500);
    assert.equal(await failed.text(), "Internal Server Error\n");
  }
  assert.equal(await (await fetch(url)).text(), "ok");
  await listener.close();
});

test("a connection stays open without saying so, until the client asks for its end", async () => {
  const listener = await listenHttp(here, async () => ({ status: 200, body: "." }));
  const socket = await connect(listener.port);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const first = await received(socket, "\r\n\r\n.");
  assert.doesNotMatch(first, /connection:/i);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(await received(socket), /Connection: close/);
  await listener.close();
});

test("malformed and oversized requests get a status and lose their connection", async () => {
  const listener = await listenHttp(here, async () => ({ status: 200 }));
  const wrong = await connect(listener.port);
  wrong.write("INFO {}\r\n\r\n");
  assert.match(await received(wrong), /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\n400 Bad Request$/);
  const large = await connect(listener.port);
  large.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(70_000)}\r\n\r\n`);
  assert.match(await received(large), /^HTTP\/1\.1 431 /);
  await listener.close();
});

test("a request that trickles in is given up", { timeout: 15_000 }, async () => {
  const listener = await listenHttp(here, async () => ({ status: 200 }));
  const slow = await connect(listener.port);
  slow.write("GET / HTTP/1.1\r\nHost:");
  assert.match(await received(slow), /^HTTP\/1\.1 408 /);
  await listener.close();
});

test("close frees the port, ends idle connections at once and lets an answer under way finish", {
  timeout: 10_000,
}, async () => {
  let release = (): void => {};
  const entered = new Promise<void>((resolve) => {
    release = resolve;
  });
  let answer = (_: HttpResponse): void => {};
  const listener = await listenHttp(here, (request) => {
    if (request.url === "/idle") return Promise.resolve({ status: 200, body: "idle" });
    release();
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const silent = await connect(listener.port);
  const idle = await connect(listener.port);
  idle.write("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
  await received(idle, "idle");
  const busy = await connect(listener.port);
  busy.write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
  await entered;
  const closed = [received(silent), received(idle)];
  await listener.close();
  assert.deepEqual(await Promise.all(closed), ["", ""]);
  const again = await listenHttp({ host: "127.0.0.1", port: listener.port }, async () => ({ status: 200 }));
  await again.close();
  const last = received(busy);
  answer({ status: 200, body: "done" });
  assert.match(await last, /Connection: close[\s\S]*done$/);
});

test("an answer already on its way when the listener closes is the connection's last", {
  timeout: 10_000,
}, async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, "x");
  const listener = await listenHttp(here, async () => ({ status: 200, body }));
  const slow = await connect(listener.port);
  const answer = received(slow);
  slow.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(slow, "data");
  slow.pause();
  await listener.close();
  slow.resume();
  assert.ok((await answer).endsWith("x"));
  assert.ok((await answer).length > body.length);
});

test("a client that leaves before its answer harms nobody", async () => {
  let answer = (_: HttpResponse): void => {};
  let entered = (): void => {};
  const asked = new Promise<void>((resolve) => {
    entered = resolve;
  });
  let first = true;
  const listener = await listenHttp(here, () => {
    if (!first) return Promise.resolve({ status: 200, body: "fine" });
    first = false;
    entered();
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const request = http.get({ port: listener.port, host: "127.0.0.1", agent: false });
  request.on("error", () => {});
  await asked;
  const gone = new Promise((resolve) => request.once("close", resolve));
  request.destroy();
  await gone;
  answer({ status: 200, body: "nobody" });
  assert.equal(await (await fetch(`http://127.0.0.1:${listener.port}/`)).text(), "fine");
  await listener.close();
});

test("a port in use rejects with the platform's code", async () => {
  const listener = await listenHttp(here, async () => ({ status: 200 }));
  await assert.rejects(
    listenHttp({ host: "127.0.0.1", port: listener.port }, async () => ({ status: 200 })),
    { code: "EADDRINUSE" },
  );
  await listener.close();
});
