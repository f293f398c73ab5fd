import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { CertificateAuthority } from "../../../test/support/certificates.js";
import type { Transport } from "../network.js";
import type { Admit, TlsSession } from "../tls.js";
import { NodeNetwork } from "./network.js";

const network = new NodeNetwork();
const authority = new CertificateAuthority();
const below = new CertificateAuthority("below", authority);
const served = authority.issue();
const shown = below.issue({ dns: ["client"] });

/** A client that has made its handshake and said "hello" while its admission waits for `decide`. */
async function waiting(t: TestContext) {
  let decide = (_: { refuse?: Error }): void => {};
  const asked: string[] = [];
  let session: TlsSession | undefined;
  const admit: Admit = async (one, peer) => {
    session = one;
    asked.push(peer);
    const { refuse } = await new Promise<{ refuse?: Error }>((resolve) => {
      decide = resolve;
    });
    if (refuse !== undefined) throw refuse;
  };
  const context = network.tlsContext({
    pairs: [served],
    // From Node 24 on, intermediates count only from here.
    authorities: authority.certificate + below.certificate,
    verify: true,
    minVersion: "1.2",
    cipherSuites: undefined,
    curves: undefined,
    admit,
  });
  let take = (_: Transport): void => {};
  const accepted = new Promise<Transport>((resolve) => {
    take = resolve;
  });
  const listener = await network.listen({ host: "127.0.0.1", port: 0 }, (transport) => take(transport));
  t.after(() => listener.close());
  const client: TLSSocket = connect({
    port: listener.port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: authority.certificate,
    cert: shown.certificate + below.certificate,
    key: shown.key,
  });
  client.on("error", () => {});
  t.after(() => client.destroy());
  const transport = await accepted;
  let text = "";
  transport.start({
    onData: (chunk, start, end) => {
      text += chunk.toString("latin1", start, end);
    },
    onDrain: () => {},
    onEnd: () => {},
    onClose: () => {},
  });
  const secured = transport.secure?.(context);
  assert.ok(secured);
  secured.catch(() => {});
  await once(client, "secureConnect");
  client.write("hello");
  while (session === undefined) await new Promise(setImmediate);
  return {
    client,
    transport,
    secured,
    session,
    asked,
    decide: (how: { refuse?: Error }) => decide(how),
    text: () => text,
  };
}

test("nothing that a client says is heard before it is admitted", { timeout: 10_000 }, async (t) => {
  const { client, secured, session, asked, decide, text } = await waiting(t);
  const authorities = [shown.certificate, below.certificate, authority.certificate];
  const pems = (session.verifiedChain ?? []).map((der) => Buffer.from(der).toString("base64"));
  assert.deepEqual(
    pems,
    authorities.map((pem) => pem.replace(/-----.*-----|\n/g, "")),
  );
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  assert.equal(text(), "");
  decide({});
  await secured;
  while (text() !== "hello") await new Promise(setImmediate);
  assert.deepEqual(asked, ["client"]);
  client.destroy();
});

test("who is not admitted is closed", { timeout: 10_000 }, async (t) => {
  const { client, secured, decide, text } = await waiting(t);
  const refuse = new Error("not today");
  decide({ refuse });
  await assert.rejects(secured, refuse);
  await once(client, "close");
  assert.equal(text(), "");
});

test("a connection that is given up meanwhile is not admitted", { timeout: 10_000 }, async (t) => {
  const { client, transport, secured, decide } = await waiting(t);
  transport.destroy();
  await once(client, "close");
  decide({});
  await assert.rejects(secured, { code: "TLS_CLOSED" });
});
