// Logins where operators are trusted: every client shows the JWT of a user, and a signature of the nonce unless the JWT
// says that it is enough by itself (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).

import type { Admission, Credentials, Origin } from "../authenticator.js";
import { type CalloutVerdict, type CalloutWorld, callOut, keptFromAsking, rawUserOf } from "../callout.js";
import type { FairQueue } from "../fair-queue.js";
import { signed, userKey } from "../nkey.js";
import { type AccountClaims, EVERYBODY, isRevoked } from "./account-claims.js";
import { CalloutError } from "./callout-claims.js";
import type { ClaimedAccount, ClaimedAccounts } from "./claimed-accounts.js";
import { permissionsOption } from "./claims-reader.js";
import { JwtError } from "./jwt.js";
import {
  admissionOf,
  admitFrom,
  admitNow,
  admitThrough,
  grantsOf,
  LoginRefused,
  type LoginReview,
  maySignUsers,
  reviewLogin,
} from "./jwt-login.js";
import type { TrustedOperators } from "./operator-claims.js";
import { decodeUserClaims, type UserClaims, userFault } from "./user-claims.js";

export interface JwtUsersParts {
  readonly operators: TrustedOperators;
  readonly accounts: ClaimedAccounts;
  /** Logins whose account is not known yet: whoever makes up accounts keeps nobody else from theirs. */
  readonly lookups: FairQueue;
  readonly callouts: CalloutWorld;
  /** User JWT of clients that show none; "" for none. */
  readonly defaultSentinel: string;
  /** Undefined: users of every account may connect. */
  readonly pinnedAccounts: ReadonlySet<string> | undefined;
}

export class JwtUsers {
  readonly #parts: JwtUsersParts;

  constructor(parts: JwtUsersParts) {
    this.#parts = parts;
  }

  /**
   * Decides on a login; undefined: refused. A promise when the account has to be looked up, or a service decides; it rejects
   * with a LoginsBusyError when too many accounts wait to be looked up.
   */
  authenticate(credentials: Credentials, origin: Origin): Admission | undefined | Promise<Admission | undefined> {
    const shown = this.#shown(credentials, origin);
    if (shown === undefined) return undefined;
    const { claims } = shown;
    return attempt(origin, () => {
      admitThrough(claims.grants, origin);
      const fault = userFault(claims, Math.floor(this.#clock.nowMs() / 1000));
      if (fault !== undefined) throw new LoginRefused(`User JWT no longer valid: ${fault}`);
      if (this.#parts.pinnedAccounts?.has(claims.account) === false) {
        throw new LoginRefused(`Account ${claims.account} not listed as operator pinned account`);
      }
      const found = this.#lookup(claims.account, origin);
      const decide = (account: ClaimedAccount | undefined): Admission | undefined | Promise<Admission | undefined> =>
        this.#decide(shown, account, credentials, origin);
      if (found instanceof Promise) return found.then((account) => attempt(origin, () => decide(account)));
      return decide(found);
    });
  }

  #lookup(name: string, origin: Origin): ReturnType<ClaimedAccounts["lookup"]> {
    const { accounts, lookups } = this.#parts;
    if (accounts.get(name) !== undefined) return accounts.lookup(name);
    const { remoteAddress: source, isGone } = origin;
    return lookups.run({ source, name, isGone }, async () => accounts.lookup(name));
  }

  /** What new claims of its account mean for a connected user. */
  review(admission: Admission): LoginReview {
    const account = this.#parts.accounts.get(admission.account.name);
    if (account === undefined) return { outcome: "kept", admission, permissionsChanged: false };
    return reviewLogin(admission, account, this.#parts.operators);
  }

  get #clock(): CalloutWorld["clock"] {
    return this.#parts.callouts.clock;
  }

  // The client's JWT, or the one for clients without a usable one.
  #shown({ jwt = "" }: Credentials, { note }: Origin): { jwt: string; claims: UserClaims } | undefined {
    for (const candidate of [jwt, this.#parts.defaultSentinel]) {
      if (candidate === "") continue;
      try {
        return { jwt: candidate, claims: decodeUserClaims(candidate) };
      } catch (error) {
        if (!(error instanceof JwtError)) throw error;
        note?.(`User JWT not valid: ${error.message}`, "debug");
      }
    }
    note?.("Authentication requires a user JWT", "debug");
    return undefined;
  }

  #decide(
    shown: { jwt: string; claims: UserClaims },
    account: ClaimedAccount | undefined,
    credentials: Credentials,
    origin: Origin,
  ): Admission | undefined | Promise<Admission | undefined> {
    const { claims } = shown;
    if (account === undefined || account.expired) throw new LoginRefused("Account JWT lookup error");
    const { operators } = this.#parts;
    if (!operators.trusts(account.claims.issuer)) throw new LoginRefused("Account JWT not signed by trusted operator");
    const { grants, scope } = grantsOf(claims, account, operators);
    if (grants.bearer && !account.claims.bearerAllowed) throw new LoginRefused("Account does not allow bearer tokens");
    if (!grants.bearer && !isSigned(claims, credentials, origin)) throw new LoginRefused("Signature not verified");
    if (isRevoked(account.claims.revocations, claims.subject, claims.issuedAt)) {
      throw new LoginRefused("User authentication revoked");
    }
    admitFrom(grants, origin);
    admitThrough(grants, origin);
    const lastsMs = admitNow(claims, grants, this.#clock);
    const defaults = permissionsOption(account.claims.defaultPermissions);
    const admission = admissionOf({ claims, grants, scope, fromCallout: false, lastsMs }, account.account, defaults);
    origin.note?.(`Authenticated JWT: ${whoSigned(claims, account)}`, "debug");
    const { callout } = account.claims;
    if (callout === undefined) return admission;
    const name = account.account.name;
    if (callout.authUsers.includes(rawUserOf({ ...credentials, jwt: shown.jwt }, claims.subject))) {
      return keptFromAsking(admission, name);
    }
    return this.#callOut(shown, account, credentials, origin).then((decided) => keptFromAsking(decided, name));
  }

  #callOut(
    { jwt, claims }: { jwt: string; claims: UserClaims },
    account: ClaimedAccount,
    credentials: Credentials,
    origin: Origin,
  ): Promise<Admission | undefined> {
    const { subject, name, tags } = claims;
    return callOut(
      {
        account: account.account,
        subject: account.account.name,
        xkey: account.claims.callout?.xkey ?? "",
        credentials: { ...credentials, jwt },
        origin,
        user: { jwt, subject, name, tags },
        admit: (answer) => this.#admitAnswered(answer, account, origin),
      },
      this.#parts.callouts,
    );
  }

  async #admitAnswered(answer: CalloutVerdict, account: ClaimedAccount, origin: Origin): Promise<Admission> {
    const { operators, accounts } = this.#parts;
    const { name } = account.account;
    const { issuer, issuerAccount, sealed } = answer;
    const isOwn = issuerAccount === "" || issuerAccount === name;
    if (!sealed && !(isOwn && (issuer === name || maySignUsers(account, issuer, operators)))) {
      throw new CalloutError("auth callout signing key is unknown");
    }
    const claims = decodeUserClaims(answer.jwt);
    admitThrough(claims.grants, origin);
    const fault = userFault(claims, Math.floor(this.#clock.nowMs() / 1000));
    if (fault !== undefined) throw new CalloutError(`Error validating user JWT: ${fault}`);
    if (claims.subject !== answer.userNkey) {
      throw new CalloutError(
        `Expected authorized user of "${answer.userNkey}" but got "${claims.subject}" on account "${name}"`,
      );
    }
    const allowed = account.claims.callout?.allowedAccounts ?? [];
    const isAllowed = claims.account === name || allowed.includes(claims.account) || isAnyAccount(allowed);
    if (!isAllowed) {
      const words = `account "${claims.issuer}" not permitted as valid account option`;
      throw new CalloutError(`${words} for auth callout for account "${name}"`);
    }
    const target = await accounts.lookup(claims.account);
    if (target === undefined) {
      throw new CalloutError(`no valid account "${claims.account}" for auth callout response on account "${name}"`);
    }
    const { grants, scope } = grantsOf(claims, target, operators);
    admitThrough(grants, origin);
    if (isRevoked(target.claims.revocations, claims.subject, claims.issuedAt)) {
      throw new CalloutError("User authentication revoked");
    }
    const lastsMs = admitNow(claims, grants, this.#clock);
    const defaults = permissionsOption(target.claims.defaultPermissions);
    return admissionOf({ claims, grants, scope, fromCallout: true, lastsMs }, target.account, defaults);
  }
}

// Refusals of every kind look the same to the client; the log tells them apart.
function attempt<T>(origin: Origin, decide: () => T): T | undefined {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof LoginRefused || error instanceof JwtError)) throw error;
    origin.note?.(error.message, error instanceof LoginRefused ? error.level : "debug");
    return undefined;
  }
}

function whoSigned(user: UserClaims, { claims: account }: ClaimedAccount): string {
  const shown = ({ subject, name, tags }: UserClaims | AccountClaims): string =>
    `${JSON.stringify(subject)} (claim-name: ${JSON.stringify(name)}, claim-tags: [${tags.map((tag) => JSON.stringify(tag)).join(" ")}])`;
  const client = `Client ${shown(user)} signed with "${user.issuer}"`;
  return `${client} by Account ${shown(account)} signed with "${account.issuer}"`;
}

function isSigned(claims: UserClaims, { sig = "" }: Credentials, { nonce }: Origin): boolean {
  const key = userKey(claims.subject);
  return key !== undefined && nonce !== "" && signed(key, nonce, sig);
}

function isAnyAccount(allowed: readonly string[]): boolean {
  return allowed.length === 1 && allowed[0] === EVERYBODY;
}
