// The signing keys of an account: each a bare public key, or one with a role and a template of what its users may do
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt, "Signing keys").
import type { Claims, JsonObject } from "../../auth/jwt/jwt.js";

export interface SigningKey {
  readonly key: string;
  /** Undefined: its users have the permissions that their own JWTs say. */
  readonly scope?: { readonly role: string; readonly template: JsonObject };
}

/** Reads `signing_keys` of an account's claims. */
export function signingKeysOf({ nats }: Claims): readonly SigningKey[] {
  const list = (nats.signing_keys ?? []) as readonly (string | Record<string, unknown>)[];
  return list.map((entry) => {
    if (typeof entry === "string") return { key: entry };
    const { key, role = "", template = {} } = entry;
    return { key: String(key), scope: { role: String(role), template: template as JsonObject } };
  });
}

/** The claims with these signing keys. */
export function withSigningKeys({ nats }: Claims, keys: readonly SigningKey[]): JsonObject {
  const list = keys.map(({ key, scope }) => (scope === undefined ? key : { kind: "user_scope", key, ...scope }));
  return { ...nats, signing_keys: list.length > 0 ? list : undefined };
}
