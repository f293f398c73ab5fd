import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fetchText } from "./http-client.js";

const LIMITS = { timeoutMs: 5_000, maxBodyBytes: 100 };

async function serve(t: TestContext, handle: http.RequestListener): Promise<string> {
  const server = http.createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the answer to a GET", async (t) => {
  const url = await serve(t, (request, response) => {
    response.writeHead(request.url === "/there?x" ? 200 : 404);
    response.end(`${request.method} ${request.url} ü`);
  });
  assert.deepEqual(await fetchText(`${url}/there?x`, LIMITS), {
    status: 200,
    statusText: "OK",
    body: "GET /there?x ü",
  });
  assert.equal((await fetchText(`${url}/else`, LIMITS)).status, 404);
});

test("a large body, a slow or broken answer and a wrong URL are refused", async (t) => {
  const large = await serve(t, (_, response) => response.end("x".repeat(101)));
  await assert.rejects(fetchText(large, LIMITS), /longer than 100 bytes/);
  const slow = await serve(t, () => {});
  await assert.rejects(fetchText(slow, { ...LIMITS, timeoutMs: 30 }), /no answer within 30 ms/);
  const broken = await serve(t, (_, response) => {
    response.writeHead(200, { "Content-Length": 50 });
    response.write("half", () => response.destroy());
  });
  await assert.rejects(fetchText(broken, LIMITS));
  await assert.rejects(fetchText("http://127.0.0.1:1/", LIMITS), { code: "ECONNREFUSED" });
  await assert.rejects(fetchText("ftp://127.0.0.1/", LIMITS), /unsupported protocol scheme "ftp"/);
  await assert.rejects(fetchText("nonsense", LIMITS), TypeError);
});
