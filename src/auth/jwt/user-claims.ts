// What a user JWT says: whose user it is, what it may do, and from where and when
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).

import { type ConnectTime, connectTimesFault, readConnectTimes } from "../connect-times.js";
import { isPublicNkey } from "../nkey.js";
import { isNetwork } from "../source-networks.js";
import {
  type ClaimedPermissions,
  flag,
  integer,
  objects,
  permissions,
  permissionsFault,
  text,
  texts,
} from "./claims-reader.js";
import { type Claims, decodeJwt, type JsonObject, timeFault } from "./jwt.js";

/** What a user may do; a signing key with a scope says this for its users. */
export interface UserGrants {
  readonly permissions: ClaimedPermissions;
  /** Limits of one connection; -1: none. */
  readonly maxSubscriptions: number;
  readonly maxDataBytes: number;
  readonly maxPayloadBytes: number;
  /** Networks that it may come from; empty: all. */
  readonly sourceNetworks: readonly string[];
  /** Times of day at which it may be connected; empty: always. */
  readonly connectTimes: readonly ConnectTime[];
  /** IANA time zone of `connectTimes`; "" for the server's own. */
  readonly timeZone: string;
  /** Whether the JWT alone is enough, without a signature of the nonce. */
  readonly bearer: boolean;
  /** Empty: every way in. */
  readonly connectionTypes: readonly string[];
  readonly proxyRequired: boolean;
}

export interface UserClaims extends Claims {
  /** The account it belongs to. */
  readonly account: string;
  /** "" when the account itself signed it. */
  readonly issuerAccount: string;
  readonly tags: readonly string[];
  readonly grants: UserGrants;
}

/** @throws {JwtError} see `decodeJwt` */
export function decodeUserClaims(token: string): UserClaims {
  const claims = decodeJwt(token, "user");
  const issuerAccount = text(claims.nats, "issuer_account");
  return {
    ...claims,
    issuerAccount,
    account: issuerAccount || claims.issuer,
    tags: texts(claims.nats, "tags"),
    grants: readGrants(claims.nats),
  };
}

export function readGrants(from: JsonObject): UserGrants {
  return {
    permissions: permissions(from),
    maxSubscriptions: integer(from, "subs"),
    maxDataBytes: integer(from, "data"),
    maxPayloadBytes: integer(from, "payload"),
    sourceNetworks: typeof from.src === "string" ? from.src.split(",").filter(Boolean) : texts(from, "src"),
    connectTimes: readConnectTimes(objects(from, "times")),
    timeZone: text(from, "times_location"),
    bearer: flag(from, "bearer_token"),
    connectionTypes: texts(from, "allowed_connection_types"),
    proxyRequired: flag(from, "proxy_required"),
  };
}

/** Why a user cannot be let in whatever it signs; undefined when it can. */
export function userFault(claims: UserClaims, nowSeconds: number): string | undefined {
  const { issuerAccount, grants } = claims;
  if (issuerAccount !== "" && !isPublicNkey(issuerAccount, "account")) return "account_id is not an account public key";
  const network = grants.sourceNetworks.find((one) => !isNetwork(one));
  if (network !== undefined) return `invalid cidr "${network}" in user src limits`;
  return (
    timeFault(claims, nowSeconds) ??
    permissionsFault(grants.permissions) ??
    connectTimesFault(grants.connectTimes, grants.timeZone)
  );
}

/** Whether a JWT grants nothing itself, as users of a signing key with a scope have to. */
export function hasNoGrants({ grants }: UserClaims): boolean {
  const { publishAllow, publishDeny, subscribeAllow, subscribeDeny, responses } = grants.permissions;
  const { sourceNetworks, connectTimes, connectionTypes } = grants;
  const lists = [
    ...[publishAllow, publishDeny, subscribeAllow, subscribeDeny],
    ...[sourceNetworks, connectTimes, connectionTypes],
  ];
  const { maxSubscriptions, maxDataBytes, maxPayloadBytes, timeZone, bearer, proxyRequired } = grants;
  return (
    lists.every((list) => list.length === 0) &&
    [maxSubscriptions, maxDataBytes, maxPayloadBytes].every((limit) => limit === 0) &&
    !(responses || timeZone || bearer || proxyRequired)
  );
}
