// Who a connection is: token, user and password, nkey, certificate, or the user for those who say nothing
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro).
import { isDeepStrictEqual } from "node:util";
import type { Account } from "../accounts/account.js";
import { type Accounts, DEFAULT_SYSTEM_ACCOUNT } from "../accounts/accounts.js";
import { OptionsError } from "../options/errors.js";
import type { ResolvedOptions } from "../options/options.js";
import type { ApplicationLogin, Authenticate } from "./application-login.js";
import { CertificateUsers, waysWithCertificates } from "./certificates/certificate-users.js";
import type { ConfiguredCallout } from "./configured-callout.js";
import type { Credentials, Origin } from "./credentials.js";
import type { Place } from "./fair-queue.js";
import type { JwtLogin } from "./jwt/jwt-login.js";
import type { OperatorMode } from "./jwt/operator-mode.js";
import { signed } from "./nkey.js";
import type { Permissions } from "./permissions.js";
import { isHashed, type SecretCheck, sameText } from "./secret.js";
import { TrustedProxies } from "./trusted-proxies.js";
import { type ConnectionType, readUsers, type User, type Users } from "./users.js";

export type { Credentials, Origin } from "./credentials.js";
export type { ConnectionType, User } from "./users.js";

export interface Admission {
  readonly account: Account;
  /** Undefined for a token, for the single user of `authorization`, and where no login is required. */
  readonly user: User | undefined;
  /** This connection's own; undefined: everything is allowed. */
  readonly permissions: Permissions | undefined;
  /** The configured token or password that it was let in for, so that a reload need not compare hashes again. */
  readonly secret?: string;
  /** Of a login by JWT, shown by the client or given by a callout service. */
  readonly login?: JwtLogin;
  /** The application's function that has let it in. */
  readonly authenticate?: Authenticate;
}

/** Who decides besides the users of the options. */
export interface Deciders {
  /** Instead of them. */
  readonly operatorMode?: OperatorMode;
  /** About most of them. */
  readonly callout?: ConfiguredCallout;
  /** Where there are none: the application around the server. */
  readonly application?: ApplicationLogin;
}

/**
 * What became of a connected client by new options.
 * - `kept`: with this admission; `permissionsChanged` says whether its subscriptions have to be checked
 * - `moved`: its user is gone or belongs to another account
 * - `refused`: its credentials no longer hold
 */
export type Review =
  | { readonly outcome: "kept"; readonly admission: Admission; readonly permissionsChanged: boolean }
  | { readonly outcome: "moved" }
  | { readonly outcome: "refused" };

/** What clients without a user of their own show, and who those are that show nothing. */
interface CommonLogin {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly proxyRequired: boolean;
  readonly noAuthUser: User | undefined;
}

export class Authenticator {
  /** Whether clients have to log in that come in by a way without a login of its own. */
  readonly required: boolean;
  /** Whether some user or proxy signs a nonce. */
  readonly needsNonce: boolean;
  readonly trustedProxies: TrustedProxies;
  readonly #accounts: Accounts;
  readonly #deciders: Deciders;
  readonly #users: Users;
  readonly #secrets: SecretCheck;
  readonly #certificateUsers: CertificateUsers;
  // Where the certificate decides who a client is.
  readonly #certificateWays: ReadonlySet<ConnectionType>;
  readonly #login: CommonLogin;
  // Instead of it, for the ways in that have one of their own.
  readonly #ownLogins = new Map<ConnectionType, CommonLogin>();
  // Whether clients that say nothing get into the global account.
  readonly #guests: boolean;
  // A bcrypt hash to compare with when nobody has the name that was given.
  readonly #decoy: string | undefined;

  /**
   * Accounts are looked up by name at each login, so they may be changed after this.
   * @throws {OptionsError} OPTIONS_VALUE: users or keys that make no sense, or a no_auth_user that does not exist
   */
  constructor(options: ResolvedOptions, accounts: Accounts, secrets: SecretCheck, deciders: Deciders = {}) {
    const { authorization, noAuthUser } = options;
    this.#secrets = secrets;
    this.#accounts = accounts;
    this.#deciders = deciders;
    this.#users = readUsers(options);
    this.trustedProxies = new TrustedProxies(options.proxies);
    this.#certificateWays = waysWithCertificates(options);
    const { byName, byNkey } = this.#users;
    this.#certificateUsers = new CertificateUsers(this.#certificateWays.size > 0 ? byName : new Map());
    const hasUsers = byName.size + byNkey.size > 0;
    if (authorization.token && hasUsers) throw conflict("Can not have a token and a users array");
    if (authorization.token && authorization.user) throw conflict("Cannot have a user/pass and token");
    if (authorization.user && authorization.users?.length) {
      throw conflict("Can not have a single user/pass and a users array");
    }
    this.#login = { ...authorization, noAuthUser: noAuthUserOf(this.#users, "noAuthUser", noAuthUser) };
    const ofWebsocket = ownLogin(options.websocket, "websocket", this.#users);
    if (ofWebsocket !== undefined) this.#ownLogins.set("WEBSOCKET", ofWebsocket);
    const isOperated = deciders.operatorMode !== undefined || deciders.application !== undefined;
    this.#guests = !noAuthUser && !isOperated && isForSystemOnly(options);
    const hasSecret = Boolean(authorization.user) || Boolean(authorization.token);
    this.required = isOperated || hasUsers || this.#guests || hasSecret;
    this.needsNonce = isOperated || byNkey.size > 0 || this.trustedProxies.any;
    for (const { password } of byName.values()) if (isHashed(password)) this.#decoy ??= password;
  }

  /** The user of clients that say nothing. */
  get noAuthUser(): User | undefined {
    return this.#login.noAuthUser;
  }

  /** Whether clients that come in by a way have to log in. */
  requires(way: ConnectionType): boolean {
    return this.required || this.#ownLogins.has(way);
  }

  /** Whether clients need no CONNECT. A no_auth_user with an nkey is only for those who send one. */
  admitsAnonymous(way: ConnectionType): boolean {
    const user = silentUser(this.#loginOf(way));
    return (user !== undefined && user.nkey === undefined) || this.#guests || !this.requires(way);
  }

  /**
   * Decides on a login; undefined: refused. A promise for what takes time: bcrypt hashes, lookups, callouts. It rejects with
   * a LoginsBusyError when too many logins wait to be compared with hashes.
   */
  authenticate(credentials: Credentials, origin: Origin): Admission | undefined | Promise<Admission | undefined> {
    const { operatorMode, application, callout } = this.#deciders;
    if (operatorMode !== undefined) return operatorMode.authenticate(credentials, origin);
    if (application !== undefined) {
      return comesAsRequired(this.#login, origin) ? application.decide(credentials, origin) : undefined;
    }
    let lacksProxy = false;
    const onProxyRequired = (): void => {
      lacksProxy = true;
      origin.onProxyRequired?.();
    };
    const configured = this.#authenticateUser(credentials, { ...origin, onProxyRequired });
    if (callout === undefined || lacksProxy) return configured;
    return configured instanceof Promise
      ? configured.then((admission) => callout.decide(admission, credentials, origin))
      : callout.decide(configured, credentials, origin);
  }

  #authenticateUser(credentials: Credentials, origin: Origin): Admission | undefined | Promise<Admission | undefined> {
    if (!this.requires(origin.type)) return this.#admit(undefined);
    const login = this.#loginOf(origin.type);
    const { user: name, nkey, pass, authToken } = credentials;
    const { byName, byNkey } = this.#users;
    if (this.#certificateWays.has(origin.type) && byName.size > 0 && !(nkey && byNkey.size > 0)) {
      const user = this.#certificateUsers.find(origin.certificate, (one) => admits(one, origin));
      return user && comesAsRequired(user, origin) ? this.#ifFits(user.password, pass ?? "", user, origin) : undefined;
    }
    if (this.#saysNothing(credentials)) {
      const user = silentUser(login);
      if (user === undefined) return this.#guests ? this.#admit(undefined) : this.#refuseSimple(origin);
      return admits(user, origin) && comesAsRequired(user, origin) ? this.#admit(user) : undefined;
    }
    if (nkey && byNkey.size > 0) return this.#authenticateNkey(nkey, credentials.sig ?? "", origin, login);
    if (name && byName.size > 0) {
      const user = byName.get(name);
      if (user === undefined || !admits(user, origin)) return this.#refuseSlowly(pass ?? "", this.#decoy, origin);
      if (!comesAsRequired(user, origin) || this.#needsCertificate(user, login)) return undefined;
      return this.#ifFits(user.password, pass ?? "", user, origin);
    }
    if (!comesAsRequired(login, origin)) return undefined;
    const { token, user: onlyName, password = "" } = login;
    if (token) return this.#ifFits(token, authToken ?? "", undefined, origin);
    if (!onlyName) return undefined;
    const decoy = isHashed(password) ? password : undefined;
    return sameText(onlyName, name ?? "")
      ? this.#ifFits(password, pass ?? "", undefined, origin)
      : this.#refuseSlowly(pass ?? "", decoy, origin);
  }

  /**
   * What a connected client may do under this authenticator's options, after an earlier one let it in.
   * A signature is not asked for again.
   */
  review(before: Admission, credentials: Credentials, origin: Origin): Review | Promise<Review> {
    // New claims of its account are for a login by JWT what new options are for the others.
    if (before.login !== undefined) return this.#reviewLogin(before);
    if (before.authenticate !== undefined || this.#deciders.application !== undefined) {
      return this.#reviewGranted(before, credentials, origin);
    }
    if (!this.requires(origin.type)) {
      return before.user === undefined ? this.#keep(before, undefined) : { outcome: "moved" };
    }
    const login = this.#loginOf(origin.type);
    const { byName, byNkey } = this.#users;
    const onlyName = byName.size === 0 ? login.user : undefined;
    if (before.user !== undefined) {
      const { name, nkey, password, accountName } = before.user;
      const user = (nkey === undefined ? byName : byNkey).get(name);
      if (user === undefined || user.accountName !== accountName) return { outcome: "moved" };
      if (!admits(user, origin) || !comesAsRequired(user, origin)) return { outcome: "refused" };
      const holds = this.#saysNothing(credentials) ? user === silentUser(login) : user.password === password;
      if (holds) return this.#keep(before, user);
    } else {
      const { user: name } = credentials;
      if (name && !byName.has(name) && onlyName !== name) return { outcome: "moved" };
      const { token, password = "" } = login;
      const now = token || (name && onlyName === name ? password : undefined);
      if (!comesAsRequired(login, origin)) return { outcome: "refused" };
      if (now !== undefined && before.secret === now) return this.#keep(before, undefined);
    }
    const decide = (now: Admission | undefined): Review => {
      if (now === undefined) return { outcome: onlyName === undefined || !credentials.user ? "refused" : "moved" };
      return now.account === before.account ? this.#keep(before, now.user) : { outcome: "moved" };
    };
    const admission = this.authenticate(credentials, { ...origin, isConnected: true });
    return admission instanceof Promise ? admission.then(decide) : decide(admission);
  }

  #reviewLogin(before: Admission): Review {
    const { operatorMode, callout } = this.#deciders;
    const isSameService = operatorMode !== undefined || callout?.option.issuer === before.login?.claims.issuer;
    return isSameService ? { outcome: "kept", admission: before, permissionsChanged: false } : { outcome: "moved" };
  }

  // A grant holds until the application brings another function, or its account is gone.
  #reviewGranted(before: Admission, credentials: Credentials, origin: Origin): Review | Promise<Review> {
    const { application } = this.#deciders;
    if (application === undefined || this.#accounts.get(before.account.name) !== before.account) {
      return { outcome: "moved" };
    }
    if (!comesAsRequired(this.#login, origin)) return { outcome: "refused" };
    if (application.authenticate === before.authenticate) {
      return { outcome: "kept", admission: before, permissionsChanged: false };
    }
    const decide = (now: Admission | undefined): Review => {
      if (now === undefined) return { outcome: "refused" };
      if (now.account !== before.account) return { outcome: "moved" };
      return { outcome: "kept", admission: now, permissionsChanged: true };
    };
    const admission = application.decide(credentials, origin);
    return admission instanceof Promise ? admission.then(decide) : decide(admission);
  }

  #loginOf(way: ConnectionType): CommonLogin {
    return this.#ownLogins.get(way) ?? this.#login;
  }

  #refuseSimple(origin: Origin): undefined {
    comesAsRequired(this.#loginOf(origin.type), origin);
    return undefined;
  }

  // Without a password it is a user for certificates only, where there is a way in with them.
  #needsCertificate(user: User, { noAuthUser }: CommonLogin): boolean {
    if (user.password !== "" || user === noAuthUser) return false;
    return [...this.#certificateWays].some((way) => user.connectionTypes?.has(way) ?? true);
  }

  // Where no user has an nkey, those of clients mean nothing.
  #saysNothing({ user, pass, authToken, nkey }: Credentials): boolean {
    return !user && !pass && !authToken && !(nkey && this.#users.byNkey.size > 0);
  }

  #authenticateNkey(nkey: string, signature: string, origin: Origin, login: CommonLogin): Admission | undefined {
    const user = this.#users.byNkey.get(nkey);
    if (user?.key === undefined || !admits(user, origin) || !comesAsRequired(user, origin)) return undefined;
    // Whoever says nothing is let in as that user.
    if (user === login.noAuthUser) return this.#admit(user);
    if (origin.nonce !== "" && signed(user.key, origin.nonce, signature)) return this.#admit(user);
    origin.note?.("Signature not verified", "debug");
    return undefined;
  }

  #ifFits(
    secret: string,
    said: string,
    user: User | undefined,
    origin: Origin,
  ): Admission | undefined | Promise<Admission | undefined> {
    const fit = this.#secrets.fits(secret, said, placeOf(origin, user?.name ?? ""));
    const admit = (fitted: boolean): Admission | undefined => (fitted ? this.#admit(user, secret) : undefined);
    return fit instanceof Promise ? fit.then(admit) : admit(fit);
  }

  // After as much work as a wrong password would take.
  #refuseSlowly(said: string, decoy: string | undefined, origin: Origin): undefined | Promise<undefined> {
    if (decoy === undefined) return undefined;
    return Promise.resolve(this.#secrets.fits(decoy, said, placeOf(origin, ""))).then(() => undefined);
  }

  // Also undefined when the user's account has just gone.
  #admit(user: User | undefined, secret?: string): Admission | undefined {
    const account = user === undefined ? this.#accounts.global : this.#accounts.get(user.accountName);
    return account && { account, user, permissions: user?.permissions?.forConnection(), secret };
  }

  #keep(before: Admission, user: User | undefined): Review {
    const permissionsChanged = !isDeepStrictEqual(before.user?.permissionsOption, user?.permissionsOption);
    const { account } = before;
    const permissions = permissionsChanged ? user?.permissions?.forConnection() : before.permissions;
    const secret = user?.password ?? before.secret;
    return { outcome: "kept", admission: { account, user, permissions, secret }, permissionsChanged };
  }
}

function noAuthUserOf({ byName, byNkey }: Users, path: string, name: string | undefined): User | undefined {
  if (!name) return undefined;
  const user = byName.get(name) ?? byNkey.get(name);
  if (user !== undefined) return user;
  const where = "not present as user or nkey in authorization block or account configuration";
  throw new OptionsError("OPTIONS_VALUE", path, `no_auth_user: "${name}" ${where}`);
}

// A way in that names anybody of its own knows nothing of the others.
function ownLogin(options: ResolvedOptions["websocket"], path: string, users: Users): CommonLogin | undefined {
  if (!options?.port) return undefined;
  const { authorization, noAuthUser } = options;
  if (!authorization?.user && !authorization?.token && !noAuthUser) return undefined;
  const { user, password, token } = authorization ?? {};
  return {
    user,
    password,
    token,
    proxyRequired: false,
    noAuthUser: noAuthUserOf(users, `${path}.noAuthUser`, noAuthUser),
  };
}

// Where accounts were only written down for the users of the system account, everybody else is served as without them.
function isForSystemOnly({ accounts, systemAccount, authorization }: ResolvedOptions): boolean {
  const [only, ...others] = Object.keys(accounts);
  if (only === undefined || others.length > 0 || only !== (systemAccount ?? DEFAULT_SYSTEM_ACCOUNT)) return false;
  const { user, password, token, users, defaultPermissions, authCallout } = authorization;
  return [user, password, token, users, defaultPermissions, authCallout].every((option) => option === undefined);
}

// Whom those who say nothing are let in as. Nobody stands for a user whose password is a hash, as with nats-server.
function silentUser({ noAuthUser }: CommonLogin): User | undefined {
  return noAuthUser !== undefined && isHashed(noAuthUser.password) ? undefined : noAuthUser;
}

function placeOf({ remoteAddress, isGone, isConnected }: Origin, name: string): Place {
  return { source: remoteAddress, name, isGone, isConnected };
}

function admits(user: User, origin: Origin): boolean {
  if (user.connectionTypes === undefined) return true;
  return user.connectionTypes.has(origin.inProcess && origin.type === "STANDARD" ? "IN_PROCESS" : origin.type);
}

function comesAsRequired({ proxyRequired }: { readonly proxyRequired: boolean }, origin: Origin): boolean {
  if (!proxyRequired || origin.proxyKey !== undefined) return true;
  origin.onProxyRequired?.();
  return false;
}

function conflict(message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", "authorization", message);
}
