// Activation tokens: an account that exports privately signs who may import what
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt, "Exports and imports").
import { encodeSubject } from "../../options/subject-bytes.js";
import { isSubsetOf } from "../../subjects/validity.js";
import type { AccountClaims, ClaimedImport } from "./account-claims.js";
import { isRevoked } from "./account-claims.js";
import { text } from "./claims-reader.js";
import { type Claims, decodeJwt, JwtError, timeFault } from "./jwt.js";

export interface Activation extends Claims {
  /** The account that it speaks for when a signing key signed it; "" for the issuer itself. */
  readonly issuerAccount: string;
}

/** The activation of an import; undefined when it has none, or one that does not fit it. */
export function activationOf(imported: ClaimedImport, importer: string): Activation | undefined {
  if (imported.token === "") return undefined;
  let activation: Activation;
  try {
    const claims = decodeJwt(imported.token, "activation");
    activation = { ...claims, issuerAccount: text(claims.nats, "issuer_account") };
    const isFor = activation.issuer === imported.account || activation.issuerAccount === imported.account;
    const covers = isSubsetOf(imported.remote, encodeSubject(text(claims.nats, "subject")));
    const fits = isFor && covers && claims.subject === importer && text(claims.nats, "kind") === imported.kind;
    return fits ? activation : undefined;
  } catch (error) {
    if (error instanceof JwtError) return undefined;
    throw error;
  }
}

/** Whether an activation holds now, for an export of this exporter. */
export function isActivated(
  activation: Activation,
  exporter: AccountClaims,
  exported: { readonly kind: "stream" | "service"; readonly subject: string },
  nowSeconds: number,
): boolean {
  const { issuer, issuerAccount, subject, issuedAt, expires } = activation;
  if (timeFault(activation, nowSeconds) !== undefined || (expires > 0 && expires <= nowSeconds)) return false;
  const isOwn = issuer === exporter.subject;
  const isBySigner = issuerAccount === exporter.subject && (isOwn || exporter.signingKeys.has(issuer));
  if (issuerAccount === "" ? !isOwn : !isBySigner) return false;
  const found = exporter.exports.find((one) => one.kind === exported.kind && one.subject === exported.subject);
  return found !== undefined && !isRevoked(found.revocations, subject, issuedAt);
}
