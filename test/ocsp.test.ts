// OCSP stapling: the server asks an authority for the status of its certificate and shows it to clients that want it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { CertificateAuthority } from "./support/certificates.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { startOcspResponder } from "./support/ocsp-responder.js";
import { temporaryFolder } from "./support/temporary-folder.js";

type Status = "good" | "revoked";

/** A server whose certificate names a responder that answers with `status`; how often that was asked. */
async function stapling(
  t: TestContext,
  mode: "auto" | "always" | "must" | "never" | undefined,
  mustStaple: boolean,
  status: Status,
) {
  const authority = new CertificateAuthority();
  const responder = await startOcspResponder(t, authority);
  responder.answer = (question) => authority.answerOcsp(question, status);
  const { certificate, key } = authority.issue({
    dns: ["localhost"],
    ocspUrl: responder.url,
    mustStaple,
  });
  const folder = temporaryFolder(t);
  const [certFile, keyFile, caFile] = ["cert.pem", "key.pem", "ca.pem"].map((name) => join(folder, name));
  writeFileSync(certFile, certificate);
  writeFileSync(keyFile, key);
  writeFileSync(caFile, authority.certificate);
  const server = await startLocalServer(t, { tls: { certFile, keyFile, caFile }, ...(mode && { ocsp: { mode } }) });
  return { server, asked: responder.asked };
}

/** What a client gets that asks for the status; undefined for nothing. */
async function stapleOf({ port }: LocalServer): Promise<Buffer | undefined> {
  const raw: Socket = connect(port, "127.0.0.1");
  await once(raw, "data");
  // Known to Node, not to its types.
  const options: ConnectionOptions & { requestOCSP: boolean } = {
    socket: raw,
    rejectUnauthorized: false,
    requestOCSP: true,
  };
  const client = connectTls(options);
  const staple = once(client, "OCSPResponse");
  await once(client, "secureConnect");
  const [answer] = (await staple) as [Buffer | null];
  client.destroy();
  return answer === null || answer.length === 0 ? undefined : answer;
}

test("a certificate that has to be stapled is, and one that need not only where that is wanted", async (t) => {
  const cases = [
    [undefined, true, true],
    ["auto", true, true],
    ["auto", false, false],
    ["must", true, true],
    ["must", false, false],
    ["always", false, true],
    ["never", true, false],
  ] as const;
  for (const [mode, mustStaple, stapled] of cases) {
    const { server, asked } = await stapling(t, mode, mustStaple, "good");
    const staple = await stapleOf(server);
    assert.deepEqual([staple !== undefined, asked.length], [stapled, stapled ? 1 : 0], `${mode} ${mustStaple}`);
  }
});

test("a revoked certificate is shown with what the authority says, and ends the server where it must be good", async (t) => {
  const { server } = await stapling(t, "auto", true, "revoked");
  assert.ok(await stapleOf(server));
  assert.equal(server.log.matching(/^error OCSP: .* is revoked/).length, 1);
  for (const [mode, mustStaple] of [
    ["must", true],
    ["always", false],
  ] as const) {
    const strict = await stapling(t, mode, mustStaple, "revoked").then(
      ({ server }) => server.server,
      () => undefined,
    );
    await until(`it has ended: ${mode}`, () => strict === undefined || strict.state === "closed");
  }
});
