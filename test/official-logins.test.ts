// The official client logs in by each method that it knows, and the server says who came.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from "@nats-io/jwt";
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys";
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { hash } from "bcryptjs";
import { type StartOptions, startServer } from "../src/index.js";
import { CertificateAuthority } from "./support/certificates.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

/** Starts a server, logs in, and tells who the server says it is; the name of the error when it is refused. */
async function whoIs(scope: Scope, options: StartOptions, login: ConnectionOptions): Promise<string> {
  const server = await startServer({ host: "127.0.0.1", port: -1, ...options });
  scope.after(() => server.close());
  try {
    const client = await connect({ servers: server.clientUrl, reconnect: false, ...login });
    const { data } = (await client.request("$SYS.REQ.USER.INFO")).json<{ data: { user: string; account: string } }>();
    await client.close();
    return `${data.account}/${data.user}`;
  } catch (error) {
    assert.ok(error instanceof AuthorizationError, String(error));
    return error.name;
  }
}

const UNLIMITED = {
  ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
};
const REFUSED = "AuthorizationError";

test("user and password, plain and hashed", async (t) => {
  const users = [
    { user: "ada", password: "countess" },
    { user: "bob", password: await hash("builder", 4) },
  ];
  const options = { accounts: { A: { users } } };
  assert.equal(await whoIs(t, options, { user: "ada", pass: "countess" }), "A/ada");
  assert.equal(
    await whoIs(t, options, {
      authenticator: usernamePasswordAuthenticator(
        () => "bob",
        () => "builder",
      ),
    }),
    "A/bob",
  );
  assert.equal(await whoIs(t, options, { user: "bob", pass: "countess" }), REFUSED);
  assert.equal(await whoIs(t, options, {}), REFUSED);
  assert.equal(await whoIs(t, { ...options, noAuthUser: "ada" }, {}), "A/ada");
});

test("a token, plain and hashed", async (t) => {
  for (const token of ["secret", await hash("secret", 4)]) {
    const options = { authorization: { token } };
    assert.match(await whoIs(t, options, { token: "secret" }), /^\$G\//);
    assert.match(await whoIs(t, options, { authenticator: tokenAuthenticator("secret") }), /^\$G\//);
    assert.equal(await whoIs(t, options, { token: "wrong" }), REFUSED);
  }
});

test("an nkey that signs the nonce", async (t) => {
  const [user, stranger] = [createUser(), createUser()];
  const options = { accounts: { A: { users: [{ nkey: user.getPublicKey() }] } } };
  const by = (pair: KeyPair): ConnectionOptions => ({ authenticator: nkeyAuthenticator(pair.getSeed()) });
  assert.equal(await whoIs(t, options, by(user)), `A/${user.getPublicKey()}`);
  assert.equal(await whoIs(t, options, by(stranger)), REFUSED);
});

test("a JWT with its seed, a bearer's JWT, and a file of credentials", async (t) => {
  const [operator, account, user] = [createOperator(), createAccount(), createUser()];
  const [operatorJwt, accountJwt] = [
    await encodeOperator("ACME", operator),
    await encodeAccount("A", account, { limits: UNLIMITED }, { signer: operator }),
  ];
  const options: StartOptions = {
    operators: [operatorJwt],
    resolver: { type: "MEMORY" },
    resolverPreload: { [account.getPublicKey()]: accountJwt },
  };
  const jwt = await encodeUser("ada", user, account, {});
  const bearer = await encodeUser("ada", user, account, { bearer_token: true });
  const expired = await encodeUser("ada", user, account, {}, { exp: Math.floor(Date.now() / 1000) - 60 });
  const who = `${account.getPublicKey()}/${user.getPublicKey()}`;
  const creds = Buffer.from(fmtCreds(jwt, user));
  for (const authenticator of [
    jwtAuthenticator(jwt, user.getSeed()),
    jwtAuthenticator(bearer),
    credsAuthenticator(creds),
  ]) {
    assert.equal(await whoIs(t, options, { authenticator }), who);
  }
  for (const authenticator of [
    jwtAuthenticator(jwt),
    jwtAuthenticator(jwt, createUser().getSeed()),
    jwtAuthenticator(expired, user.getSeed()),
    jwtAuthenticator(await encodeUser("ada", user, createAccount(), {}), user.getSeed()),
  ]) {
    assert.equal(await whoIs(t, options, { authenticator }), REFUSED);
  }
});

test("a client certificate that names the user, and one beside a password", async (t) => {
  const authority = new CertificateAuthority();
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [served, mine] = [authority.issue(), authority.issue({ emails: ["ada@acme.example"] })];
  const caFile = write("ca.pem", authority.certificate);
  const files = { certFile: write("cert.pem", served.certificate), keyFile: write("key.pem", served.key), caFile };
  const tls = { ca: authority.certificate, cert: mine.certificate, key: mine.key };
  const mapped = { accounts: { A: { users: [{ user: "ada@acme.example" }] } }, tls: { ...files, verifyAndMap: true } };
  assert.equal(await whoIs(t, mapped, { tls }), "A/ada@acme.example");
  const users = [{ user: "ada", password: "countess" }];
  const verified = { accounts: { A: { users } }, tls: { ...files, verify: true } };
  assert.equal(await whoIs(t, verified, { tls, user: "ada", pass: "countess" }), "A/ada");
  assert.equal(await whoIs(t, verified, { tls, user: "ada", pass: "wrong" }), REFUSED);
});
