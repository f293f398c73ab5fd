// Keys and JWTs for tests of operator mode, and logins with them.
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { encodeJwt, type JsonObject } from "../../src/auth/jwt/jwt.js";
import { type NkeyKind, publicNkey } from "../../src/auth/nkey.js";
import type { ServerOptions } from "../../src/options/options.js";
import type { SimulatedClient, SimulatedServer } from "./simulated-server.js";

const DER = { ed25519: "302e020100300506032b657004220420", x25519: "302e020100300506032b656e04220420" };

/** A pair of keys under its public nkey. */
export interface Pair {
  readonly nkey: string;
  readonly key: KeyObject;
}

export function pairOf(kind: NkeyKind): Pair {
  const header = Buffer.from(kind === "curve" ? DER.x25519 : DER.ed25519, "hex");
  const key = createPrivateKey({ key: Buffer.concat([header, randomBytes(32)]), format: "der", type: "pkcs8" });
  const bytes = createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32);
  return { nkey: publicNkey(kind, bytes), key };
}

/** Limits of an account without any. */
export const UNLIMITED = {
  ...{ subs: -1, data: -1, payload: -1, conn: -1, leaf: -1 },
  ...{ imports: -1, exports: -1, wildcards: true },
};

/** Claims that every JWT may have; times in seconds since 1970. */
export interface Common {
  readonly name?: string;
  readonly audience?: string;
  readonly issuedAt?: number;
  readonly expires?: number;
  readonly notBefore?: number;
}

export const ISSUED_AT = 1_600_000_000;

export function operatorJwt(operator: Pair, nats: JsonObject = {}): string {
  return encodeJwt({ subject: operator.nkey, issuedAt: ISSUED_AT, nats }, "operator", operator.nkey, operator.key);
}

export function accountJwt(operator: Pair, account: Pair, nats: JsonObject = {}, common: Common = {}): string {
  const limits = { ...UNLIMITED, ...(nats.limits as object | undefined) };
  const claims = { subject: account.nkey, issuedAt: ISSUED_AT, ...common, nats: { ...nats, limits } };
  return encodeJwt(claims, "account", operator.nkey, operator.key);
}

/** A user with no limits of its own. */
export function userJwt(signer: Pair, user: Pair, nats: JsonObject = {}, common: Common = {}): string {
  return bareUserJwt(signer, user, { subs: -1, data: -1, payload: -1, ...nats }, common);
}

/** A user that is granted nothing itself, as those of signing keys with a scope. */
export function bareUserJwt(signer: Pair, user: Pair, nats: JsonObject = {}, common: Common = {}): string {
  const claims = { subject: user.nkey, issuedAt: ISSUED_AT, ...common, nats };
  return encodeJwt(claims, "user", signer.nkey, signer.key);
}

/** How an official client logs in to an account as a user without limits. */
export function authenticatorOf(account: Pair, user: Pair): (nonce?: string) => { jwt: string; sig: string } {
  const jwt = userJwt(account, user);
  return (nonce = "") => ({ jwt, sig: sign(null, Buffer.from(nonce), user.key).toString("base64url") });
}

/** An operator, a system account and another account, as options. */
export class JwtWorld {
  readonly operator = pairOf("operator");
  readonly system = pairOf("account");
  readonly account = pairOf("account");
  readonly user = pairOf("user");

  /** Options with these accounts, by nkey, besides the system account. */
  options(accounts: Record<string, string> = this.preload(), more: ServerOptions = {}): ServerOptions {
    return {
      operators: [operatorJwt(this.operator, { system_account: this.system.nkey })],
      systemAccount: this.system.nkey,
      resolver: { type: "MEMORY" },
      resolverPreload: { [this.system.nkey]: accountJwt(this.operator, this.system), ...accounts },
      ...more,
    };
  }

  preload(nats: JsonObject = {}, common: Common = {}): Record<string, string> {
    return { [this.account.nkey]: accountJwt(this.operator, this.account, nats, common) };
  }

  /** A JWT of `user` in `account`. */
  userJwt(nats: JsonObject = {}, common: Common = {}): string {
    return userJwt(this.account, this.user, nats, common);
  }

  /** Connects with a JWT; `user` signs the nonce, null: nobody. */
  async login(
    sim: SimulatedServer,
    jwt = this.userJwt(),
    user: Pair | null = this.user,
    more: object = {},
    from?: string,
  ): Promise<SimulatedClient> {
    return loginSigned(sim, user, { jwt, ...more }, from);
  }
}

/** Connects, signs the nonce, and asks for a PONG. */
export async function loginSigned(
  sim: SimulatedServer,
  user: Pair | null,
  connect: object,
  from?: string,
): Promise<SimulatedClient> {
  const client = await sim.connect(from);
  const nonce = [...sim.server.clients.values()].at(-1)?.nonce ?? "";
  const sig = user === null ? undefined : sign(null, Buffer.from(nonce), user.key).toString("base64url");
  const json = { verbose: false, pedantic: false, sig, ...connect };
  client.send(`CONNECT ${JSON.stringify(json)}\r\nPING\r\n`);
  await sim.settle();
  return client;
}
