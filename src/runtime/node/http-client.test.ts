import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { CertificateAuthority, OID } from "../../../test/support/certificates.js";
import { fetchText } from "./http-client.js";
import { NodeTlsContext } from "./tls.js";

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
    bytes: Buffer.from("GET /there?x ü"),
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

test("HTTPS trusts the authorities that are given, shows a certificate, and checks the name unless told not to", async (t) => {
  const authority = new CertificateAuthority();
  const { certificate, key } = authority.issue();
  const options = { cert: certificate, key, ca: authority.certificate, requestCert: true };
  const server = https.createServer(options, (request, response) => {
    response.end((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const contextOf = (authorities: string | undefined): NodeTlsContext =>
    new NodeTlsContext({
      pairs: [authority.issue({ subject: [[OID.commonName, "resolver"]] })],
      ...{ authorities, verify: false, minVersion: "1.2", cipherSuites: undefined, curves: undefined },
    });
  const fetched = async (host: string, authorities: string | undefined, insecure = false): Promise<string> =>
    (await fetchText(`https://${host}:${port}/`, { ...LIMITS, tls: { context: contextOf(authorities), insecure } }))
      .body;
  assert.equal(await fetched("localhost", authority.certificate), "resolver");
  assert.equal(await fetched("127.0.0.1", authority.certificate), "resolver");
  await assert.rejects(fetched("localhost", new CertificateAuthority("another").certificate));
  await assert.rejects(fetched("localhost", undefined));
  assert.equal(await fetched("localhost", undefined, true), "resolver");
  await assert.rejects(fetchText(`https://localhost:${port}/`, LIMITS));
});
