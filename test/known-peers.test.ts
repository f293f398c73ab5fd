// Servers that are let in for the names in their certificates: those of configured URLs (verify_cert_and_check_known_urls), or that
// of the user (verify_and_map); routes and gateways, and beside them what nats-server does.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startServer } from "../src/index.js";
import { CertificateAuthority, type CertificateNames } from "./support/certificates.js";
import { freePort } from "./support/free-port.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const authority = new CertificateAuthority();

/** A tls block with a certificate for these names. */
function tlsBlock(t: TestContext, names: CertificateNames, more = ""): string {
  const folder = temporaryFolder(t);
  const { certificate, key } = authority.issue(names);
  const extra = more === "" ? "" : `, ${more}`;
  for (const [name, text] of [
    ["cert.pem", certificate],
    ["key.pem", key],
    ["ca.pem", authority.certificate],
  ]) {
    writeFileSync(join(folder, name), text);
  }
  return `tls { cert_file: "${folder}/cert.pem", key_file: "${folder}/key.pem", ca_file: "${folder}/ca.pem"${extra} }`;
}

type Kind = "routes" | "gateways";

/** A server that looks at certificates, and one that dials it; resolves with the first one when it has decided. */
async function meet(
  t: TestContext,
  {
    kind,
    program,
    known,
    check,
    names,
  }: { kind: Kind; program: ServerProgram; known: string; check: string; names: CertificateNames },
): Promise<ServerProcess> {
  const [one, otherPort] = [await freePort(), await freePort()];
  const checking = `${tlsBlock(t, { dns: ["localhost"] }, check)}, authorization { user: peer, password: pw }`;
  const dialling = tlsBlock(t, names);
  const [own, dialler] =
    kind === "routes"
      ? [
          `cluster { name: C, listen: "127.0.0.1:${one}", no_advertise: true, ${checking}, routes: [ "nats://${known}:1" ] }`,
          `cluster { name: C, listen: "127.0.0.1:${otherPort}", ${dialling}, routes: [ "nats://localhost:${one}" ] }`,
        ]
      : [
          `gateway { name: A, listen: "127.0.0.1:${one}", ${checking}, gateways: [ { name: B, url: "nats://${known}:1" } ] }`,
          `gateway { name: B, listen: "127.0.0.1:${otherPort}", ${dialling}, gateways: [ { name: A, url: "nats://localhost:${one}" } ] }`,
        ];
  const server = await startServerProcess(t, { program, config: `debug: true\n${own}` });
  const other = await startServer({ configText: dialler, host: "127.0.0.1", port: -1 });
  t.after(() => other.close());
  const decided =
    /Router connection created|Route connection created|Inbound gateway connection from|Authorization Violation|Authentication Failure|authentication error/i;
  await until("the server has decided", () => decided.test(server.log));
  return server;
}

const IN = {
  routes: /registered|Registering remote route/i,
  gateways: /Inbound gateway connection from .* registered/,
};

for (const program of ["natsnode", "neighbour"] as const) {
  for (const kind of ["routes", "gateways"] as const) {
    for (const [what, known, check, names, isIn] of [
      ["of a known host", "one.example", "verify_cert_and_check_known_urls: true", { dns: ["One.Example"] }, true],
      [
        "of a known host by a wildcard",
        "one.example",
        "verify_cert_and_check_known_urls: true",
        { dns: ["*.example"] },
        true,
      ],
      ["of another host", "one.example", "verify_cert_and_check_known_urls: true", { dns: ["two.example"] }, false],
      ["of the user", "one.example", "verify_and_map: true", { dns: ["peer"] }, true],
      ["of nobody", "one.example", "verify_and_map: true", { dns: ["one.example"] }, false],
    ] as const) {
      test(`${program}, ${kind}: a certificate ${what} is ${isIn ? "let in" : "refused"}`, {
        skip: program === "neighbour" && withoutNeighbour(),
      }, async (t) => {
        const server = await meet(t, { kind, program, known, check, names });
        const refused = /Authorization Violation|Authentication Failure|authentication error/i;
        await until("it is in or refused", () => IN[kind].test(server.log) || refused.test(server.log));
        assert.equal(refused.test(server.log), !isIn, server.log);
      });
    }
  }
}
