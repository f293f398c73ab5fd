// An authenticator of some options and its accounts, for tests.
import { Accounts } from "../accounts/accounts.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { Authenticator, type Credentials, type Origin } from "./authenticator.js";
import { testSecrets } from "./test-secrets.js";

/** A bcrypt hash, and the password it is of. */
export const HASH = "$2a$04$nCa21vuNW2s/KuO9dbn2VOknsypsg8ytPkyb2gNA.t7bwObKNZGEm";
export const HASHED = "correct horse battery staple!A1";
export const STANDARD: Origin = { type: "STANDARD", nonce: "", remoteAddress: "127.0.0.1", inProcess: false };

/** The accounts of these options. */
export function accountsFor(input: ServerOptions): Accounts {
  return new Accounts(resolveOptions(input), {
    random: { float: () => 0, below: () => 0, bytes: (count) => new Uint8Array(count) },
    clock: undefined as never,
    publish: () => 0,
  });
}

/** Who decides on logins by these options. */
export function authenticator(input: ServerOptions, accounts = accountsFor(input)): Authenticator {
  return new Authenticator(resolveOptions(input), accounts, testSecrets());
}

/** "account/user" of who is let in, "refused", in words for assertions. */
export async function login(a: Authenticator, credentials: Credentials, origin: Partial<Origin> = {}): Promise<string> {
  const admission = await a.authenticate(credentials, { ...STANDARD, ...origin });
  return admission === undefined ? "refused" : `${admission.account.name}/${admission.user?.name ?? ""}`;
}
