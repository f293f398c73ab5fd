// The operators that a server trusts: their JWTs, or only their public keys. They sign accounts
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
import { OptionsError } from "../../options/errors.js";
import type { ResolvedOptions } from "../../options/options.js";
import { isPublicNkey } from "../nkey.js";
import { flag, text, texts } from "./claims-reader.js";
import { decodeJwt } from "./jwt.js";

interface Operator {
  readonly subject: string;
  readonly issuer: string;
  readonly signingKeys: readonly string[];
  /** Whether its signing keys alone may sign accounts, and those of its accounts alone users. */
  readonly strict: boolean;
  readonly systemAccount: string;
  readonly accountServerUrl: string;
}

export class TrustedOperators {
  readonly #operators: readonly Operator[];
  readonly #keys: ReadonlySet<string>;
  readonly #strictKeys: ReadonlySet<string>;

  /** @throws {OptionsError} OPTIONS_VALUE: an operator's JWT or key is wrong */
  constructor(options: ResolvedOptions) {
    this.#operators = (options.operators ?? []).map(readOperator);
    const keysOf = ({ subject, signingKeys, strict }: Operator): readonly string[] =>
      strict ? signingKeys : [subject, ...signingKeys];
    this.#keys = new Set([...(options.trustedKeys ?? []), ...this.#operators.flatMap(keysOf)]);
    this.#strictKeys = new Set(this.#operators.filter(({ strict }) => strict).flatMap(keysOf));
    for (const key of this.#keys) {
      if (isPublicNkey(key, "operator")) continue;
      const path = options.operators?.length ? "operators" : "trustedKeys";
      throw invalid(path, `trusted Keys "${key}" are required to be a valid public operator nkey`);
    }
  }

  /** Whether the server is in operator mode at all. */
  get any(): boolean {
    return this.#keys.size > 0;
  }

  /** The only operator, or the first; undefined where only keys are trusted. */
  get first(): Operator | undefined {
    return this.#operators[0];
  }

  /** Whether an account signed by this key is to be believed. */
  trusts(issuer: string): boolean {
    return this.#keys.has(issuer);
  }

  /** Whether accounts signed by this key must not sign users themselves. */
  wantsSigningKeys(issuer: string): boolean {
    return this.#strictKeys.has(issuer);
  }

  /** Whether a key may ask for accounts to be deleted: one of the first operator's. */
  mayDelete(issuer: string): boolean {
    const { first } = this;
    if (first === undefined) return false;
    return first.signingKeys.includes(issuer) || (!first.strict && first.subject === issuer);
  }
}

function readOperator(token: string): Operator {
  try {
    const { subject, issuer, nats } = decodeJwt(token, "operator");
    return {
      subject,
      issuer,
      signingKeys: texts(nats, "signing_keys"),
      strict: flag(nats, "strict_signing_key_usage"),
      systemAccount: text(nats, "system_account"),
      accountServerUrl: text(nats, "account_server_url"),
    };
  } catch (error) {
    throw invalid("operators", `error parsing operator JWT: ${(error as Error).message}`);
  }
}

function invalid(path: string, message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", path, message);
}
