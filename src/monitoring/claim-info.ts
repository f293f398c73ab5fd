// What /accountz shows of an account that comes from a JWT.
import { formatMs } from "../protocol/rfc3339.js";
import type { Server } from "../server/server.js";

/** The members that a JWT adds or changes; undefined for an account of the options. */
export function claimInfo(server: Server, name: string): object | undefined {
  const known = server.operatorMode?.accounts.get(name);
  if (known === undefined) return undefined;
  const { claims, jwt, updatedMs, expired, account } = known;
  const revoked = Array.from(claims.revocations, ([key, seconds]) => [key, formatMs(seconds * 1000)] as const);
  return {
    update_time: formatMs(updatedMs),
    expired,
    complete: claims.imports.length <= account.streamImports.length + account.serviceImports.length,
    jwt: jwt || undefined,
    issuer_key: claims.issuer,
    name_tag: account.label,
    tags: claims.tags.length > 0 ? claims.tags : undefined,
    decoded_jwt: jwt === "" ? undefined : accountPayload(jwt),
    revoked_user: revoked.length > 0 ? new Map(revoked) : undefined,
  };
}

/** What /varz shows of the operators that a server trusts. */
export function operatorsVarz(jwts: readonly string[]): object {
  if (jwts.length === 0) return {};
  return { trusted_operators_jwt: jwts, trusted_operators_claim: jwts.map(payloadOf) };
}

// With the members that are there whether the JWT has them or not.
function accountPayload(jwt: string): object {
  const payload = payloadOf(jwt);
  return { ...payload, nats: { default_permissions: { pub: {}, sub: {} }, authorization: {}, ...payload.nats } };
}

function payloadOf(jwt: string): { readonly nats?: object } {
  return JSON.parse(Buffer.from(jwt.split(".")[1], "base64url").toString("utf8"));
}
