// What the JWT of a user admits it to: the account that it is of, what it may do there, and for how long
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
import { isDeepStrictEqual } from "node:util";
import type { Account } from "../../accounts/account.js";
import type { ResolvedPermissions } from "../../options/options.js";
import type { Clock } from "../../runtime/clock.js";
import type { Admission, Origin } from "../authenticator.js";
import { connectTimeLeftMs } from "../connect-times.js";
import { Permissions } from "../permissions.js";
import { isFromNetwork } from "../source-networks.js";
import { isRevoked } from "./account-claims.js";
import type { ClaimedAccount } from "./claimed-accounts.js";
import { permissionsOption } from "./claims-reader.js";
import type { TrustedOperators } from "./operator-claims.js";
import { scopedGrants } from "./scope.js";
import type { UserClaims, UserGrants } from "./user-claims.js";

const CONNECTION_TYPES = new Set(["STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"]);

/** What is remembered of a login by JWT while the connection lives. */
export interface JwtLogin {
  readonly claims: UserClaims;
  readonly grants: UserGrants;
  /** What the signing key says of its users; undefined: nothing, or the account itself signed. */
  readonly scope: UserGrants | undefined;
  /** Whether a callout service gave the JWT; its limits do not count then. */
  readonly fromCallout: boolean;
  /** Limits of this connection; -1: none. */
  readonly maxSubscriptions: number;
  readonly maxPayloadBytes: number;
  /** How long after the login it ends; infinite: never. */
  readonly lastsMs: number;
}

/** Why a login is refused, in words for the log. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";
  readonly code = "LOGIN_REFUSED";
  /** Of its line in the log. */
  readonly level: "debug" | "error";

  constructor(reason: string, level: "debug" | "error" = "debug") {
    super(reason);
    this.level = level;
  }
}

/** What became of a login by a change of its account. */
export type LoginReview =
  | { readonly outcome: "kept"; readonly admission: Admission; readonly permissionsChanged: boolean }
  | { readonly outcome: "violation" | "revoked" | "signer gone" };

/** Whether a key may sign users of an account. */
export function maySignUsers({ claims }: ClaimedAccount, issuer: string, operators: TrustedOperators): boolean {
  if (claims.signingKeys.has(issuer)) return true;
  return issuer === claims.subject && !operators.wantsSigningKeys(claims.issuer);
}

/**
 * What a user may do: what its JWT says, or the scope of the key that signed it.
 * @throws {LoginRefused | JwtError} the key may not sign, or does not go with the user
 */
export function grantsOf(
  claims: UserClaims,
  account: ClaimedAccount,
  operators: TrustedOperators,
): { grants: UserGrants; scope: UserGrants | undefined } {
  if (!maySignUsers(account, claims.issuer, operators)) throw new LoginRefused("User JWT issuer is not known");
  const scope = account.claims.signingKeys.get(claims.issuer);
  if (scope === undefined) return { grants: claims.grants, scope };
  return { grants: scopedGrants(scope, claims, { name: account.claims.name, tags: account.claims.tags }), scope };
}

/**
 * Checks the way and the place that a user comes from; users of callout services may come from everywhere.
 * @throws {LoginRefused}
 */
export function admitFrom({ connectionTypes, sourceNetworks }: UserGrants, origin: Origin): void {
  const type = origin.inProcess && origin.type === "STANDARD" ? "IN_PROCESS" : origin.type;
  if (connectionTypes.length > 0 && !connectionTypes.some((one) => one.toUpperCase() === type)) {
    throw new LoginRefused("Connection type not allowed");
  }
  if (sourceNetworks.length > 0 && !isFromNetwork(origin.remoteAddress, sourceNetworks)) {
    throw new LoginRefused(`Bad src Ip ${origin.remoteAddress}`, "error");
  }
}

/**
 * Checks whether a user that has to come through a trusted proxy does; of users of callout services too.
 * @throws {LoginRefused}
 */
export function admitThrough({ proxyRequired }: UserGrants, origin: Origin): void {
  if (!proxyRequired || origin.proxyKey !== undefined) return;
  origin.onProxyRequired?.();
  throw new LoginRefused("proxy connection required");
}

/**
 * Checks what may keep a user out wherever it comes from. Returns how long it may stay.
 * @throws {LoginRefused}
 */
export function admitNow(claims: UserClaims, grants: UserGrants, clock: Clock): number {
  const { connectionTypes, connectTimes, timeZone } = grants;
  // Types that are not known are passed over, but a list of nothing else lets nobody in.
  if (connectionTypes.length > 0 && !connectionTypes.some((one) => CONNECTION_TYPES.has(one.toUpperCase()))) {
    throw new LoginRefused("invalid connection type");
  }
  const leftMs = connectTimeLeftMs(connectTimes, timeZone, clock);
  if (leftMs === 0) throw new LoginRefused("Outside connect times", "error");
  if (claims.expires === 0) return leftMs;
  return Math.max(0, Math.min(leftMs, claims.expires * 1000 - clock.nowMs()));
}

/** The admission of a user whose JWT was found good. */
export function admissionOf(
  login: Omit<JwtLogin, "maxSubscriptions" | "maxPayloadBytes">,
  account: Account,
  defaults: ResolvedPermissions | undefined,
): Admission {
  const { claims, grants, fromCallout } = login;
  const option = permissionsOption(grants.permissions) ?? defaults;
  const permissions = Permissions.of(option);
  const name = (fromCallout && claims.name) || claims.subject;
  return {
    account,
    user: {
      name,
      nkey: name === claims.subject ? name : undefined,
      password: "",
      accountName: account.name,
      connectionTypes: undefined,
      proxyRequired: false,
      permissionsOption: option,
      permissions,
      key: undefined,
    },
    permissions: permissions?.forConnection(),
    login: {
      ...login,
      maxSubscriptions: fromCallout ? -1 : grants.maxSubscriptions,
      maxPayloadBytes: fromCallout ? -1 : grants.maxPayloadBytes,
    },
  };
}

/** The same admission with one more subject that must not be published to. */
export function withPublishDenied(admission: Admission, subject: string): Admission {
  const { user } = admission;
  const before = user?.permissionsOption;
  const { allow, deny = [] } = before?.publish ?? {};
  const option = {
    subscribe: undefined,
    allowResponses: undefined,
    ...before,
    publish: { allow, deny: [...deny, subject] },
  };
  const permissions = Permissions.of(option);
  return {
    ...admission,
    user: user && { ...user, permissionsOption: option, permissions },
    permissions: permissions?.forConnection(),
  };
}

/** What the new claims of its account mean for a connected user. */
export function reviewLogin(admission: Admission, account: ClaimedAccount, operators: TrustedOperators): LoginReview {
  const { login, user } = admission;
  if (login === undefined) return { outcome: "kept", admission, permissionsChanged: false };
  const { claims, scope, fromCallout, grants } = login;
  if (!fromCallout && claims.grants.bearer && !account.claims.bearerAllowed) return { outcome: "violation" };
  if (isRevoked(account.claims.revocations, claims.subject, claims.issuedAt)) return { outcome: "revoked" };
  if (claims.issuerAccount !== "") {
    const isSigner = maySignUsers(account, claims.issuer, operators);
    if (!isSigner || !isDeepStrictEqual(account.claims.signingKeys.get(claims.issuer), scope)) {
      return { outcome: "signer gone" };
    }
  }
  if (permissionsOption(grants.permissions) !== undefined)
    return { outcome: "kept", admission, permissionsChanged: false };
  const defaults = permissionsOption(account.claims.defaultPermissions);
  if (isDeepStrictEqual(defaults, user?.permissionsOption))
    return { outcome: "kept", admission, permissionsChanged: false };
  return { outcome: "kept", admission: admissionOf(login, admission.account, defaults), permissionsChanged: true };
}
