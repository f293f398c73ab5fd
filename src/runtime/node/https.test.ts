import assert from "node:assert/strict";
import { get } from "node:https";
import { connect } from "node:net";
import { test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.js";
import type { TlsContext } from "../tls.js";
import { NodeNetwork } from "./network.js";

const network = new NodeNetwork();
const authority = new CertificateAuthority();

function contextFor(name: string): TlsContext {
  const pairs = [authority.issue({ dns: ["localhost", name] })];
  return network.tlsContext({
    pairs,
    authorities: undefined,
    verify: false,
    minVersion: "1.2",
    cipherSuites: undefined,
    curves: undefined,
  });
}

test("pages are served over HTTPS, with the certificate of the moment", { timeout: 10_000 }, async () => {
  let context = contextFor("first.test");
  const listener = await network.listenHttp({ host: "127.0.0.1", port: 0, tls: () => context }, async ({ url }) => ({
    status: 200,
    body: `page ${url}`,
  }));
  const fetched = (servername: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const ca = authority.certificate;
      const request = get(
        { host: "127.0.0.1", port: listener.port, path: "/varz", ca, servername, agent: false },
        (response) => {
          response.setEncoding("utf8").on("data", (text: string) => resolve(text));
        },
      );
      request.on("error", reject);
    });
  assert.equal(await fetched("first.test"), "page /varz");
  await assert.rejects(fetched("second.test"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  context = contextFor("second.test");
  assert.equal(await fetched("second.test"), "page /varz");

  const plain = connect(listener.port, "127.0.0.1");
  let said = 0;
  plain.on("data", (chunk) => {
    said += chunk.length;
  });
  plain.write("GET /varz HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => plain.on("close", resolve));
  assert.ok(said < 16);

  const idle = connect(listener.port, "127.0.0.1");
  await new Promise((resolve) => idle.on("connect", resolve));
  const gone = new Promise((resolve) => idle.on("close", resolve));
  idle.resume();
  await listener.close();
  await gone;
});
