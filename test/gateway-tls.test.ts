// TLS between clusters: both sides show certificates and check them, also with nats-server, and certificates can be replaced.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { CertificateAuthority } from "./support/certificates.js";
import { freePort } from "./support/free-port.js";
import { until } from "./support/local-cluster.js";
import { type LocalServer, startLocalServer } from "./support/local-server.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const authority = new CertificateAuthority();
const stranger = new CertificateAuthority("another authority");

function files(t: TestContext, issuer: CertificateAuthority = authority) {
  const folder = temporaryFolder(t);
  const { certificate, key } = issuer.issue();
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [certFile, keyFile] = [write("cert.pem", certificate), write("key.pem", key)];
  return { certFile, keyFile, caFile: write("ca.pem", authority.certificate) };
}

type GatewayBlock = NonNullable<ServerOptions["gateway"]>;

const block = (name: string, rest: Partial<GatewayBlock>): { gateway: GatewayBlock } => ({
  gateway: { name, host: "127.0.0.1", port: -1, ...rest },
});

const portOf = ({ server }: LocalServer): number => server.addresses["gateway"].port;

const isConnected = ({ server }: LocalServer): boolean => {
  const gateways = server.reports.gateways();
  return gateways.some(({ solicited }) => solicited) && gateways.some(({ solicited }) => !solicited);
};

/** Subscribes at `to`, publishes at `from`, and returns what arrives. */
async function cross(t: TestContext, from: LocalServer, toPort: number): Promise<string> {
  const subscriber = await connectClient(t, toPort);
  subscriber.send("SUB x 1\r\nPING\r\n");
  await subscriber.pong();
  await until("interest has crossed", () => from.server.accounts.global.sublist.hasInterest("x"));
  const publisher = await connectClient(t, from.port);
  publisher.send("PUB x 2\r\nhi\r\n");
  return (await subscriber.expect("MSG x 1 2")).payload;
}

test("clusters speak TLS with each other, learned ones too", async (t) => {
  const one = await startLocalServer(t, block("A", { tls: files(t) }));
  const url = `nats://localhost:${portOf(one)}`;
  const two = await startLocalServer(t, block("B", { tls: files(t), gateways: [{ name: "A", url }] }));
  await until("both are connected", () => isConnected(one) && isConnected(two));
  assert.equal(await cross(t, one, two.port), "hi");
});

test("a certificate of another authority is refused", async (t) => {
  const one = await startLocalServer(t, block("A", { tls: files(t) }));
  const url = `nats://127.0.0.1:${portOf(one)}`;
  const tls = files(t, stranger);
  const two = await startLocalServer(t, block("B", { tls, gateways: [{ name: "A", url }] }));
  await until("the handshake has failed", () => one.log.matching(/TLS gateway handshake error/).length > 0);
  assert.deepEqual([one, two].map(isConnected), [false, false]);
});

test("a remote cluster may have TLS settings of its own, and a reload brings other certificates", async (t) => {
  const one = await startLocalServer(t, block("A", { tls: files(t) }));
  const gateways = [{ name: "A", url: `nats://127.0.0.1:${portOf(one)}`, tls: files(t) }];
  const strange = block("B", { tls: files(t, stranger), gateways });
  const two = await startLocalServer(t, strange);
  // What it shows to those who dial is no good, what it shows to the other cluster is.
  await until("it is let in", () => one.server.reports.gateways().some(({ solicited }) => !solicited));
  assert.equal(isConnected(two), false);
  await two.reload(block("B", { ...strange.gateway, tls: files(t) }));
  await until("the other cluster is let in, too", () => isConnected(one) && isConnected(two));
  assert.equal(await cross(t, two, one.port), "hi");
});

test("TLS with a nats-server", { skip: withoutNeighbour() }, async (t) => {
  const { certFile, keyFile, caFile } = files(t);
  const one = await startLocalServer(t, block("A", { tls: { certFile, keyFile, caFile } }));
  const port = await freePort();
  const tls = `tls { cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${caFile}" }`;
  const gateways = `gateways: [ { name: A, url: "nats://localhost:${portOf(one)}" } ]`;
  const config = `gateway { name: B, listen: "127.0.0.1:${port}", ${tls}, ${gateways} }`;
  const two = await startServerProcess(t, { program: "neighbour", config });
  await until("both are connected", () => isConnected(one));
  assert.equal(await cross(t, one, two.port), "hi");
});
