// The first version of NATS JWTs, which nsc issued until 2021 and servers still take: the type stands beside the common
// claims, and only the claims are signed, without the header (https://github.com/nats-io/jwt, "v1").
import type { JsonObject, JwtType } from "./jwt.js";

const NO_LIMIT = -1;
/** What accounts were limited in; JetStream was not there yet. */
const ACCOUNT_LIMITS = [
  "subs",
  "data",
  "payload",
  "imports",
  "exports",
  "wildcards",
  "disallow_bearer",
  "conn",
  "leaf",
];

/** Whether claims are of the first version. */
export function isVersion1(raw: JsonObject): boolean {
  return typeof raw.type === "string" && raw.type !== "";
}

/** What belongs to a type of the first version, as the second one says it. Types that came later are not known in it. */
export function natsOfVersion1(raw: JsonObject, nats: JsonObject): JsonObject {
  const { type, tags, issuer_account } = raw;
  const moved = { type, version: 2, ...(tags === undefined ? {} : { tags }) };
  switch (type as JwtType) {
    case "user":
      return { subs: NO_LIMIT, data: NO_LIMIT, payload: NO_LIMIT, ...nats, ...moved, issuer_account };
    case "account": {
      const limits = (nats.limits ?? {}) as JsonObject;
      const known = Object.fromEntries(ACCOUNT_LIMITS.map((name) => [name, limits[name]]));
      const { imports, exports, signing_keys, revocations } = nats;
      return { imports, exports, signing_keys, revocations, limits: known, ...moved };
    }
    case "operator": {
      const { signing_keys, account_server_url, operator_service_urls, system_account } = nats;
      return { signing_keys, account_server_url, operator_service_urls, system_account, ...moved };
    }
    case "activation":
      return { subject: nats.subject, kind: nats.type, issuer_account, ...moved };
    default:
      return { ...nats, type, version: 1 };
  }
}
