// What an account JWT says: limits, who may sign its users, what it offers and takes, who is shut out
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
import { type AccountLimits, NO_LIMITS } from "../../accounts/account.js";
import type { ResponseType } from "../../accounts/exports.js";
import type { ResolvedOptions } from "../../options/options.js";
import { encodeSubject } from "../../options/subject-bytes.js";
import { hasBlank, isValidSubject } from "../../subjects/validity.js";
import { isPublicNkey } from "../nkey.js";
import {
  type ClaimedPermissions,
  durationMs,
  flag,
  integer,
  object,
  objects,
  permissions,
  permissionsFault,
  subject,
  text,
  texts,
  times,
} from "./claims-reader.js";
import { type Claims, decodeJwt, type JsonObject, JwtError, timeFault } from "./jwt.js";
import { readGrants, type UserGrants } from "./user-claims.js";

/** Names everybody in revocations and allowed accounts. */
export const EVERYBODY = "*";

export interface ClaimedExport {
  readonly kind: "stream" | "service";
  readonly subject: string;
  readonly tokenRequired: boolean;
  /** Seconds up to which activations of an account are void, by account. */
  readonly revocations: ReadonlyMap<string, number>;
  readonly responseType: ResponseType;
  /** 0: the default. */
  readonly thresholdMs: number;
  readonly accountTokenPosition: number;
  readonly allowTrace: boolean;
  /** Where measurements of the service go, and percent of the requests that are measured (0: as headers say). */
  readonly latency: { readonly subject: string; readonly sampling: number } | undefined;
}

export interface ClaimedImport {
  readonly kind: "stream" | "service";
  readonly account: string;
  /** The exporter's subject. */
  readonly remote: string;
  /** The local subject; undefined: the same, behind `prefix` if there is one. */
  readonly local: string | undefined;
  readonly prefix: string | undefined;
  /** Activation token, "" for none. */
  readonly token: string;
  readonly share: boolean;
  readonly allowTrace: boolean;
}

/** Limits of JetStream in one tier; "" is the tier for all. */
export interface JetStreamTier {
  readonly memoryBytes: number;
  readonly storeBytes: number;
  readonly streams: number;
  readonly consumers: number;
  readonly maxAckPending: number;
  readonly memoryMaxStreamBytes: number;
  readonly storeMaxStreamBytes: number;
  readonly maxBytesRequired: boolean;
}

export interface AccountClaims extends Claims {
  readonly tags: readonly string[];
  readonly limits: AccountLimits;
  /** Bytes in total; nats-server reads and never enforces it. */
  readonly maxDataBytes: number;
  readonly bearerAllowed: boolean;
  readonly jetstream: ReadonlyMap<string, JetStreamTier>;
  /** Keys that may sign its users, each with what these may do; undefined: whatever they say. */
  readonly signingKeys: ReadonlyMap<string, UserGrants | undefined>;
  readonly revocations: ReadonlyMap<string, number>;
  readonly defaultPermissions: ClaimedPermissions;
  readonly mappings: ResolvedOptions["mappings"];
  readonly exports: readonly ClaimedExport[];
  readonly imports: readonly ClaimedImport[];
  readonly callout: AccountCallout | undefined;
  readonly traceDestination: string;
  /** Percent. */
  readonly traceSampling: number;
}

/** Logins of this account's users are decided by a service in it (ADR-26). */
export interface AccountCallout {
  readonly authUsers: readonly string[];
  readonly allowedAccounts: readonly string[];
  readonly xkey: string;
}

/** @throws {JwtError} see `decodeJwt` */
export function decodeAccountClaims(token: string): AccountClaims {
  const claims = decodeJwt(token, "account");
  const { nats } = claims;
  const limits = object(nats, "limits");
  const trace = object(nats, "trace");
  return {
    ...claims,
    tags: texts(nats, "tags"),
    limits: {
      maxConnections: integer(limits, "conn"),
      maxSubscriptions: integer(limits, "subs"),
      maxPayloadBytes: integer(limits, "payload"),
      maxLeafnodes: integer(limits, "leaf"),
    },
    maxDataBytes: integer(limits, "data"),
    bearerAllowed: !flag(limits, "disallow_bearer"),
    jetstream: readJetStream(limits),
    signingKeys: readSigningKeys(nats),
    revocations: times(nats, "revocations"),
    defaultPermissions: permissions(object(nats, "default_permissions")),
    mappings: readMappings(object(nats, "mappings")),
    exports: objects(nats, "exports").map(readExport),
    imports: objects(nats, "imports").map(readImport),
    callout: readCallout(object(nats, "authorization")),
    traceDestination: subject(trace, "dest"),
    traceSampling: integer(trace, "sampling") || 100,
  };
}

/**
 * What holds of a system account until its JWT is there: it may sign users, so that somebody can come and push the JWT.
 * @param issuer the operator that is expected to sign it
 */
export function bootstrapClaims(account: string, issuer: string): AccountClaims {
  return {
    ...{ subject: account, issuer, audience: "", name: "", id: "", issuedAt: 0, expires: 0, notBefore: 0, nats: {} },
    tags: [],
    limits: NO_LIMITS,
    maxDataBytes: -1,
    bearerAllowed: true,
    jetstream: new Map(),
    signingKeys: new Map([[account, undefined]]),
    revocations: new Map(),
    defaultPermissions: permissions({}),
    mappings: {},
    exports: [],
    imports: [],
    callout: undefined,
    traceDestination: "",
    traceSampling: 0,
  };
}

/** Whether something issued at a time (seconds) to a subject is void. */
export function isRevoked(revocations: ReadonlyMap<string, number>, of: string, issuedAt: number): boolean {
  return [of, EVERYBODY].some((key) => (revocations.get(key) ?? Number.NEGATIVE_INFINITY) >= issuedAt);
}

/** Why an account cannot be used; undefined when it can. */
export function accountFault(claims: AccountClaims, nowSeconds: number): string | undefined {
  return timeFault(claims, nowSeconds) ?? contentFault(claims);
}

/** The same, whatever the time. */
export function contentFault(claims: AccountClaims): string | undefined {
  const { exports, imports, signingKeys, callout, nats } = claims;
  const limits = object(nats, "limits");
  const [maxImports, maxExports] = [integer(limits, "imports"), integer(limits, "exports")];
  if (maxImports >= 0 && imports.length > maxImports) {
    return "the account contains more imports than allowed by the operator";
  }
  if (maxExports >= 0 && exports.length > maxExports) {
    return "the account contains more exports than allowed by the operator";
  }
  const isWild = ({ subject: of }: ClaimedExport): boolean => /(^|\.)[*>](\.|$)/.test(of);
  if (!flag(limits, "wildcards") && exports.some(isWild))
    return "the account contains wildcard exports that are not allowed by the operator";
  const badSubject = [...exports.map((one) => one.subject), ...imports.map((one) => one.remote)].find(
    (one) => !isValidSubject(one) || hasBlank(one),
  );
  if (badSubject !== undefined) return `subject "${badSubject}" is not valid`;
  for (const key of signingKeys.keys()) {
    if (!isPublicNkey(key, "account")) return `${key} is not an account public key`;
  }
  for (const [source, destinations] of Object.entries(claims.mappings)) {
    if (sumOfWeights(destinations) > 100)
      return `Mapping "${source}" exceeds 100% among all of it's weighted to mappings`;
  }
  if (callout !== undefined && callout.authUsers.length === 0) {
    return "External authorization cannot have accounts without users specified";
  }
  if (callout !== undefined && callout.xkey !== "" && !isPublicNkey(callout.xkey, "curve")) {
    return `"${callout.xkey}" is not a valid xkey public nkey`;
  }
  return permissionsFault(claims.defaultPermissions);
}

function sumOfWeights(destinations: ResolvedOptions["mappings"][string]): number {
  const sums = new Map<string, number>();
  for (const { weight, cluster = "" } of destinations) sums.set(cluster, (sums.get(cluster) ?? 0) + weight);
  return Math.max(0, ...sums.values());
}

function readExport(raw: JsonObject): ClaimedExport {
  return {
    kind: kindOf(raw),
    subject: subject(raw, "subject"),
    tokenRequired: flag(raw, "token_req"),
    revocations: times(raw, "revocations"),
    responseType: responseTypeOf(text(raw, "response_type")),
    thresholdMs: durationMs(raw, "response_threshold"),
    accountTokenPosition: integer(raw, "account_token_position"),
    allowTrace: flag(raw, "allow_trace"),
    latency: readLatency(object(raw, "service_latency")),
  };
}

function readLatency(raw: JsonObject): ClaimedExport["latency"] {
  const results = subject(raw, "results");
  if (results === "") return undefined;
  return { subject: results, sampling: raw.sampling === "headers" ? 0 : integer(raw, "sampling") };
}

function responseTypeOf(said: string): ResponseType {
  return said === "Stream" || said === "Chunked" ? said : "Singleton";
}

function readImport(raw: JsonObject): ClaimedImport {
  const kind = kindOf(raw);
  const [named, to, local] = [subject(raw, "subject"), subject(raw, "to"), subject(raw, "local_subject")];
  // The older `to` is the exporter's subject of a service, and a prefix of a stream.
  const isOldService = kind === "service" && local === "" && to !== "";
  return {
    kind,
    account: text(raw, "account"),
    remote: isOldService ? to : named,
    local: isOldService ? named : local || undefined,
    prefix: kind === "stream" && local === "" && to !== "" ? to : undefined,
    token: text(raw, "token"),
    share: flag(raw, "share"),
    allowTrace: flag(raw, "allow_trace"),
  };
}

function kindOf(raw: JsonObject): "stream" | "service" {
  const kind = text(raw, "type");
  if (kind === "stream" || kind === "service") return kind;
  throw new JwtError("JWT_CLAIMS", `unknown export type "${kind}"`);
}

function readSigningKeys(nats: JsonObject): ReadonlyMap<string, UserGrants | undefined> {
  const keys = new Map<string, UserGrants | undefined>();
  const list = nats.signing_keys ?? [];
  if (!Array.isArray(list)) throw new JwtError("JWT_CLAIMS", "signing_keys has the wrong type");
  for (const entry of list) {
    if (typeof entry === "string") {
      keys.set(entry, undefined);
      continue;
    }
    const scope = object({ entry }, "entry");
    if (text(scope, "kind") !== "user_scope") throw new JwtError("JWT_CLAIMS", "unknown scope of a signing key");
    keys.set(text(scope, "key"), readGrants(object(scope, "template")));
  }
  return keys;
}

function readMappings(raw: JsonObject): ResolvedOptions["mappings"] {
  const entries = Object.keys(raw).map((source) => [
    encodeSubject(source),
    objects(raw, source).map((one) => ({
      destination: subject(one, "subject"),
      weight: integer(one, "weight") || 100,
      cluster: text(one, "cluster") || undefined,
    })),
  ]);
  return Object.fromEntries(entries);
}

function readCallout(raw: JsonObject): AccountCallout | undefined {
  const callout = {
    authUsers: texts(raw, "auth_users"),
    allowedAccounts: texts(raw, "allowed_accounts"),
    xkey: text(raw, "xkey"),
  };
  const isAsked = callout.authUsers.length + callout.allowedAccounts.length > 0 || callout.xkey !== "";
  return isAsked ? callout : undefined;
}

function readJetStream(limits: JsonObject): ReadonlyMap<string, JetStreamTier> {
  const tier = (raw: JsonObject): JetStreamTier => ({
    memoryBytes: integer(raw, "mem_storage"),
    storeBytes: integer(raw, "disk_storage"),
    streams: integer(raw, "streams"),
    consumers: integer(raw, "consumer"),
    maxAckPending: integer(raw, "max_ack_pending") || -1,
    memoryMaxStreamBytes: integer(raw, "mem_max_stream_bytes") || -1,
    storeMaxStreamBytes: integer(raw, "disk_max_stream_bytes") || -1,
    maxBytesRequired: flag(raw, "max_bytes_required"),
  });
  const tiers = object(limits, "tiered_limits");
  const names = Object.keys(tiers).sort();
  if (names.length > 0) return new Map(names.map((name) => [name, tier(object(tiers, name))]));
  const forAll = tier(limits);
  return new Map(forAll.memoryBytes !== 0 || forAll.storeBytes !== 0 ? [["", forAll]] : []);
}
