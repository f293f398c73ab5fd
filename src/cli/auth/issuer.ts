// Signs the JWTs of the folder: the operator by itself, accounts by the operator or one of its signing keys, users by their
// account or one of its signing keys (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
import { accountFault, decodeAccountClaims, EVERYBODY } from "../../auth/jwt/account-claims.js";
import { flag, text, texts, times } from "../../auth/jwt/claims-reader.js";
import { type Claims, encodeJwt, type JsonObject } from "../../auth/jwt/jwt.js";
import { decodeUserClaims, userFault } from "../../auth/jwt/user-claims.js";
import type { Clock } from "../../runtime/clock.js";
import { CommandError } from "../subcommand.js";
import type { KeyPair } from "./key-pair.js";
import { type SigningKey, signingKeysOf } from "./signing-keys.js";
import type { AuthStore, Entity } from "./store.js";

/** What a JWT says beside its kind's own claims. */
export interface Frame {
  readonly name: string;
  readonly subject: string;
  /** Seconds since 1970; 0: never. */
  readonly expires: number;
  readonly nats: JsonObject;
}

export class Issuer {
  readonly #store: AuthStore;
  readonly #clock: Pick<Clock, "nowMs">;

  constructor(store: AuthStore, clock: Pick<Clock, "nowMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Seconds since 1970. */
  get nowSeconds(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  /** Signs and writes the operator. */
  operator(frame: Frame, previous?: Claims): Entity {
    const key = this.#need(frame.subject, `operator ${frame.name}`);
    const token = encodeJwt(
      { ...frame, issuedAt: this.#issuedAt(previous) },
      "operator",
      key.publicKey,
      key.privateKey,
    );
    this.#store.writeOperator(token);
    return this.#store.operator();
  }

  /**
   * Signs and writes an account.
   * @throws {CommandError} COMMAND_INVALID when a server would refuse it
   */
  account(frame: Frame, previous?: Claims): Entity {
    const key = this.#operatorKey();
    const token = encodeJwt({ ...frame, issuedAt: this.#issuedAt(previous) }, "account", key.publicKey, key.privateKey);
    check(() => accountFault(decodeAccountClaims(token), this.nowSeconds));
    this.#store.writeAccount(frame.name, token);
    return this.#store.account(frame.name);
  }

  /** The same account with other claims. */
  editAccount({ name, claims }: Entity, nats: JsonObject, expires = claims.expires): Entity {
    return this.account({ name, subject: claims.subject, expires, nats }, claims);
  }

  /**
   * Signs and writes a user.
   * @param named the signing key to use: its role or public key; undefined: the account's own key where it may be used
   * @throws {CommandError} COMMAND_INVALID when a server would refuse it
   */
  user(account: Entity, frame: Frame, named: string | undefined, previous?: Claims): Entity {
    const { key, isAccountsOwn } = this.userKey(account, named);
    const nats = { ...frame.nats, issuer_account: isAccountsOwn ? undefined : account.claims.subject };
    const issuedAt = Math.max(this.#issuedAt(previous), revokedUntil(account, frame.subject) + 1);
    const token = encodeJwt({ ...frame, nats, issuedAt }, "user", key.publicKey, key.privateKey);
    check(() => userFault(decodeUserClaims(token), this.nowSeconds));
    this.#store.writeUser(account.name, frame.name, token);
    return this.#store.user(account.name, frame.name);
  }

  /** Signs leave for `importer` to import a subject that `exporter` exports to those with a token only. */
  activation(exporter: Entity, importer: string, kind: "stream" | "service", subject: string): string {
    const { key, isAccountsOwn } = this.userKey(exporter, undefined);
    const nats = { subject, kind, issuer_account: isAccountsOwn ? undefined : exporter.claims.subject };
    const claims = { subject: importer, name: subject, issuedAt: this.#issuedAt(undefined), nats };
    return encodeJwt(claims, "activation", key.publicKey, key.privateKey);
  }

  /** The key that signs an account's users, and its scope if it has one. */
  userKey(account: Entity, named: string | undefined): UserKey {
    const signingKeys = signingKeysOf(account.claims);
    const { subject } = account.claims;
    if (named === undefined) {
      const strict = flag(this.#store.operator().claims.nats, "strict_signing_key_usage");
      const free = signingKeys.find(({ scope, key }) => scope === undefined && this.#store.key(key) !== undefined);
      if (!strict) return { key: this.#need(subject, `account ${account.name}`), isAccountsOwn: true };
      if (free !== undefined) return { key: this.#need(free.key, account.name), isAccountsOwn: false };
      const hint = `make one with "natsnode auth account key add ${account.name}"`;
      throw new CommandError("COMMAND_UNKNOWN", `account ${account.name} needs a signing key; ${hint}`);
    }
    const found = signingKeys.filter(({ key, scope }) => key === named || scope?.role === named);
    if (found.length === 0) {
      throw new CommandError("COMMAND_UNKNOWN", `account ${account.name} has no signing key "${named}"`);
    }
    const used = found.find(({ key }) => this.#store.key(key) !== undefined) ?? found[0];
    return { key: this.#need(used.key, `signing key ${named}`), isAccountsOwn: false, scope: used.scope };
  }

  #operatorKey(): KeyPair {
    const { name, claims } = this.#store.operator();
    for (const key of texts(claims.nats, "signing_keys")) {
      const pair = this.#store.key(key);
      if (pair !== undefined) return pair;
    }
    if (flag(claims.nats, "strict_signing_key_usage")) {
      throw new CommandError("COMMAND_UNKNOWN", `operator ${name} requires a signing key, and the folder has none`);
    }
    return this.#need(claims.subject, `operator ${name}`);
  }

  #need(publicKey: string, whose: string): KeyPair {
    const pair = this.#store.key(publicKey);
    if (pair !== undefined) return pair;
    throw new CommandError("COMMAND_UNKNOWN", `the seed of ${whose} (${publicKey}) is not in ${this.#store.folder}`);
  }

  /** Later than the JWT that it replaces: servers keep the newest by this time, which has whole seconds. */
  #issuedAt(previous: Claims | undefined): number {
    return Math.max(this.nowSeconds, (previous?.issuedAt ?? 0) + 1);
  }
}

export interface UserKey {
  readonly key: KeyPair;
  /** Whether it is the account's identity rather than one of its signing keys. */
  readonly isAccountsOwn: boolean;
  readonly scope?: SigningKey["scope"];
}

/** The time in seconds up to which JWTs of a user are void. */
function revokedUntil({ claims }: Entity, user: string): number {
  const revocations = times(claims.nats, "revocations");
  return Math.max(0, revocations.get(user) ?? 0, revocations.get(EVERYBODY) ?? 0);
}

function check(fault: () => string | undefined): void {
  let found: string | undefined;
  try {
    found = fault();
  } catch (error) {
    found = (error as Error).message;
  }
  if (found !== undefined) throw new CommandError("COMMAND_INVALID", found);
}

/** The role or key that signed a user, for signing it again; undefined for the account's own key. */
export function signerOf(user: Claims): string | undefined {
  return text(user.nats, "issuer_account") === "" ? undefined : user.issuer;
}
