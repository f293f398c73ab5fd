// Logins of other servers with a password that the options keep as a bcrypt hash: the password fits, the hash does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { startLocalServer } from "./support/local-server.js";
import { connectRaw } from "./support/raw-client.js";

const PASSWORD = "s3cret!pass";
/** Of PASSWORD, cost 4. */
const { hashSync } = (await import("bcryptjs")).default;
const HASH = hashSync(PASSWORD, 4);
const authorization = { user: "peer", password: HASH };
const listening = { host: "127.0.0.1", port: -1 };

const WAYS: readonly (readonly [string, ServerOptions, object])[] = [
  ["cluster", { cluster: { ...listening, name: "C", authorization } }, { cluster: "C", name: "N" }],
  ["gateway", { gateway: { ...listening, name: "G", authorization } }, { gateway: "OTHER", name: "N" }],
  ["leafnode", { leafnodes: { ...listening, authorization } }, { cluster: "EDGE", name: "N", headers: true }],
  [
    "leafnode",
    { leafnodes: { ...listening, authorization: { users: [authorization] } } },
    { cluster: "EDGE", name: "N", headers: true },
  ],
];

for (const [listener, options, connect] of WAYS) {
  const several = JSON.stringify(options).includes('"users"') ? " (several users)" : "";
  test(`${listener}${several}: the password fits a hash, the hash itself does not`, async (t) => {
    const { server } = await startLocalServer(t, { ...options, serverName: "S" });
    const { port } = server.addresses[listener];
    const said = async (pass: string): Promise<string> => {
      const client = await connectRaw(t, port);
      await client.info();
      client.send(`CONNECT ${JSON.stringify({ ...connect, user: "peer", pass })}\r\nPING\r\n`);
      for (;;) {
        const { line } = await client.next();
        if (line.startsWith("-ERR") || line === "PONG") return line;
      }
    };
    assert.equal(await said(PASSWORD), "PONG");
    assert.equal(await said(HASH), "-ERR 'Authorization Violation'");
    assert.equal(await said("something else"), "-ERR 'Authorization Violation'");
  });
}
