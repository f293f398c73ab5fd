// The callout of `authorization { auth_callout }`: it decides about everybody but its own users, and about users of
// accounts that it has no say in (ADR-26).
import type { Accounts } from "../accounts/accounts.js";
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import type { ResolvedAuthorization } from "../options/options.js";
import type { Admission, Credentials, Origin } from "./authenticator.js";
import { type CalloutVerdict, type CalloutWorld, callOut, keptFromAsking, rawUserOf } from "./callout.js";
import { CalloutError } from "./jwt/callout-claims.js";
import { admissionOf, admitNow, admitThrough } from "./jwt/jwt-login.js";
import { decodeUserClaims, userFault } from "./jwt/user-claims.js";

export type CalloutOption = NonNullable<ResolvedAuthorization["authCallout"]>;

export class ConfiguredCallout {
  readonly option: CalloutOption;
  readonly #accounts: Accounts;
  readonly #world: CalloutWorld;

  constructor(option: CalloutOption, accounts: Accounts, world: CalloutWorld) {
    this.option = option;
    this.#accounts = accounts;
    this.#world = world;
  }

  /** What becomes of a login that the configured users alone would decide like this. */
  decide(
    configured: Admission | undefined,
    credentials: Credentials,
    origin: Origin,
  ): Admission | undefined | Promise<Admission | undefined> {
    const { authUsers, allowedAccounts, account } = this.option;
    const accountName = configured?.account.name ?? GLOBAL_ACCOUNT;
    const isDelegated =
      accountName === GLOBAL_ACCOUNT || allowedAccounts.length === 0 || allowedAccounts.includes(accountName);
    if (!isDelegated) return configured;
    // Who says nothing may be the user for such.
    const name = rawUserOf(credentials) || configured?.user?.name || "";
    if (authUsers.includes(name)) return keptFromAsking(configured, account);
    return this.#ask(credentials, origin).then((admission) => keptFromAsking(admission, account));
  }

  async #ask(credentials: Credentials, origin: Origin): Promise<Admission | undefined> {
    const { issuer = "", account: name, xkey = "" } = this.option;
    const account = this.#accounts.get(name);
    if (account === undefined) {
      this.#world.logger().warn(`No valid account "${name}" for auth callout request: account missing`);
      return undefined;
    }
    return callOut(
      {
        ...{ account, subject: issuer, xkey, credentials, origin },
        user: { jwt: credentials.jwt ?? "", subject: "", name: "", tags: [] },
        admit: (answer) => this.#admit(answer, origin),
      },
      this.#world,
    );
  }

  #admit({ jwt, issuer: signer, sealed, userNkey }: CalloutVerdict, origin: Origin): Admission {
    const { issuer, account } = this.option;
    const { clock } = this.#world;
    if (!sealed && signer !== issuer) throw new CalloutError("auth callout signing key is unknown");
    const claims = decodeUserClaims(jwt);
    admitThrough(claims.grants, origin);
    const fault = userFault(claims, Math.floor(clock.nowMs() / 1000));
    if (fault !== undefined) throw new CalloutError(`Error validating user JWT: ${fault}`);
    if (claims.subject !== userNkey) {
      throw new CalloutError(
        `Expected authorized user of "${userNkey}" but got "${claims.subject}" on account "${account}"`,
      );
    }
    if (claims.issuerAccount !== "") {
      throw new CalloutError(`error non operator mode account "${account}": attempted to use issuer_account`);
    }
    if (claims.issuer !== issuer) {
      const words = `expected "${issuer}" got "${claims.issuer}"`;
      throw new CalloutError(`wrong issuer for auth callout response on account "${account}", ${words}`);
    }
    const target = this.#accounts.get(claims.audience);
    if (target === undefined) {
      const words = `no valid account "${claims.audience}" for auth callout response`;
      throw new CalloutError(`${words} on account "${account}": account missing`);
    }
    const { grants } = claims;
    const lastsMs = admitNow(claims, grants, clock);
    return admissionOf({ claims, grants, scope: undefined, fromCallout: true, lastsMs }, target, undefined);
  }
}
