import assert from "node:assert/strict";
import { test } from "node:test";
import { accountJwt, JwtWorld, pairOf } from "../../../test/support/jwt-world.js";
import { LinesLogger } from "../../../test/support/local-server.js";
import { TestWorld } from "../../accounts/test-world.js";
import { resolveOptions } from "../../options/options.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { ClaimedAccounts } from "./claimed-accounts.js";
import { TrustedOperators } from "./operator-claims.js";

/** An account that imports from another one, whose lookup takes until `answer` is called. */
function slowImport() {
  const jwts = new JwtWorld();
  const exporter = pairOf("account");
  const imports = [{ name: "s", subject: "s", type: "stream", account: exporter.nkey }];
  const jwt = (nats: object = {}): string => accountJwt(jwts.operator, jwts.account, { imports, ...nats });
  let answer = (): void => {};
  const pending = new Promise<undefined>((resolve) => {
    answer = () => resolve(undefined);
  });
  const accounts = new ClaimedAccounts({
    defaultJsDomain: () => ({}),
    accounts: new TestWorld({}).accounts,
    operators: new TrustedOperators(resolveOptions(jwts.options())),
    resolver: { find: async (name) => (name === exporter.nkey ? pending : jwt()) },
    clock: simulatedRuntime({ seed: 1 }).clock,
    logger: () => new LinesLogger(),
    changed: () => {},
  });
  return { accounts, name: jwts.account.nkey, jwt, answer };
}

test("a lookup gives the claims of the time when it ends, not those that it began with", async () => {
  const { accounts, name, jwt, answer } = slowImport();
  const found = accounts.lookup(name);
  // The account is there before those that it imports from.
  while (accounts.get(name) === undefined) await Promise.resolve();
  accounts.apply(name, jwt({ revocations: { "*": 1_700_000_000 } }));
  answer();
  assert.deepEqual((await found)?.claims.revocations, new Map([["*", 1_700_000_000]]));
});

test("an account that is shut down while it is looked up is not given out", async () => {
  for (const end of ["disable", "forget"] as const) {
    const { accounts, name, answer } = slowImport();
    const found = accounts.lookup(name);
    while (accounts.get(name) === undefined) await Promise.resolve();
    accounts[end](name);
    answer();
    assert.equal(await found, undefined, end);
  }
});
