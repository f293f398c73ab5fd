// Logins that the application around the server decides: its `authenticate` function gets plain data of a client and
// answers with an account, or not. What it throws, and a grant that makes no sense, refuse the client.
import type { Account } from "../accounts/account.js";
import { type Accounts, GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import { OptionsError } from "../options/errors.js";
import {
  type PermissionsOptions,
  type ResolvedOptions,
  type ResolvedPermissions,
  resolvePermissions,
} from "../options/options.js";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Admission, Credentials, Origin } from "./authenticator.js";
import { signed, userKey } from "./nkey.js";
import { Permissions } from "./permissions.js";

/** A client that wants to log in. Texts that it did not send are "". */
export interface ConnectingClient {
  /** The server's number for it, as in events. */
  readonly id: number;
  /** Where it comes from; "" for connections without a socket. */
  readonly remoteAddress: string;
  readonly inProcess: boolean;
  /** Undefined without TLS. */
  readonly tls?: {
    readonly version: "1.2" | "1.3";
    /** The IANA name. */
    readonly cipherSuite: string;
    /** What it has shown, in DER, its own certificate first; verified, and empty unless the server asks for one. */
    readonly certificates: readonly Uint8Array[];
  };
  /** As the client calls itself. */
  readonly name: string;
  /** The client library and its version. */
  readonly lang: string;
  readonly version: string;
  readonly user: string;
  readonly password: string;
  readonly token: string;
  /** As it was sent: nothing of it has been checked. Its subject must be `nkey`, unless it is a bearer's. */
  readonly jwt: string;
  /** The public nkey of a user whose key the client holds: it has signed the server's nonce with it. "" otherwise. */
  readonly nkey: string;
}

/** What a client is let in as. */
export interface LoginGrant {
  /** An account of the options. Default: `$G`. */
  account?: string;
  /** The name it goes by in events and on the monitoring pages. Default: the user or nkey that it logged in with. */
  user?: string;
  /** As in the options. Default: `defaultPermissions` of the account, or else everything. */
  permissions?: PermissionsOptions;
}

/**
 * Decides on a login: a grant lets the client in, undefined refuses it. Only this client waits for a promise, and at most
 * `authorization.timeoutMs`.
 */
export type Authenticate = (client: ConnectingClient) => LoginGrant | undefined | Promise<LoginGrant | undefined>;

export interface ApplicationLoginWorld {
  readonly clock: Clock;
  readonly logger: () => Logger;
  /** Hears of what the function threw, and what was wrong with its grants. */
  failed(error: Error): void;
}

export class ApplicationLogin {
  readonly authenticate: Authenticate;
  readonly #options: ResolvedOptions;
  readonly #accounts: Accounts;
  readonly #world: ApplicationLoginWorld;

  /** @throws {OptionsError} OPTIONS_VALUE: the options have users of their own */
  constructor(authenticate: Authenticate, options: ResolvedOptions, accounts: Accounts, world: ApplicationLoginWorld) {
    const other = otherLogin(options);
    if (other !== undefined) {
      throw new OptionsError("OPTIONS_VALUE", "authenticate", `authenticate and ${other} cannot both be given`);
    }
    this.authenticate = authenticate;
    this.#options = options;
    this.#accounts = accounts;
    this.#world = world;
  }

  /** Never rejects. */
  decide(credentials: Credentials, origin: Origin): Admission | undefined | Promise<Admission | undefined> {
    const client = describe(credentials, origin);
    const admit = (grant: unknown): Admission | undefined =>
      this.#attempt(client, () => this.#admissionOf(grant, client));
    const answer = this.#attempt(client, () => this.authenticate(client));
    return isThenable(answer) ? this.#within(client, answer).then(admit) : admit(answer);
  }

  #within(client: ConnectingClient, answer: PromiseLike<unknown>): Promise<unknown> {
    const { clock, logger } = this.#world;
    return new Promise((resolve) => {
      const timer = clock.after(this.#options.authorization.timeoutMs, () => {
        logger().warn(`cid:${client.id} - authenticate did not answer in time`);
        resolve(undefined);
      });
      answer.then(
        (grant) => {
          timer.cancel();
          resolve(grant);
        },
        (error: unknown) => {
          timer.cancel();
          this.#failed(client, error);
          resolve(undefined);
        },
      );
    });
  }

  #admissionOf(grant: unknown, client: ConnectingClient): Admission | undefined {
    if (grant === undefined || grant === null) return undefined;
    if (typeof grant !== "object") throw wrong("", `a grant must be an object, got ${typeof grant}`);
    const {
      account: accountName = GLOBAL_ACCOUNT,
      user = client.user || client.nkey,
      permissions,
    } = grant as LoginGrant;
    for (const [name, value] of Object.entries({ account: accountName, user })) {
      if (typeof value !== "string") throw wrong(name, `${name} must be a string, got ${typeof value}`);
    }
    const account = this.#accounts.get(accountName);
    if (account === undefined) throw wrong("account", `"${accountName}" account not defined`);
    const option =
      permissions === undefined ? this.#defaultPermissions(account) : resolvePermissions(permissions, "permissions");
    const compiled = Permissions.of(option);
    return {
      account,
      user: {
        name: user,
        nkey: undefined,
        password: "",
        accountName,
        connectionTypes: undefined,
        proxyRequired: false,
        permissionsOption: option,
        permissions: compiled,
        key: undefined,
      },
      permissions: compiled?.forConnection(),
      authenticate: this.authenticate,
    };
  }

  #defaultPermissions({ name }: Account): ResolvedPermissions | undefined {
    const { accounts, authorization } = this.#options;
    if (name === GLOBAL_ACCOUNT) return authorization.defaultPermissions;
    return Object.hasOwn(accounts, name) ? accounts[name].defaultPermissions : undefined;
  }

  #attempt<T>(client: ConnectingClient, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.#failed(client, error);
      return undefined;
    }
  }

  // The message may hold what the client sent, so it goes to the application and not into the log.
  #failed(client: ConnectingClient, error: unknown): void {
    this.#world.logger().warn(`cid:${client.id} - authenticate failed`);
    this.#world.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

function describe(credentials: Credentials, origin: Origin): ConnectingClient {
  const { user = "", pass = "", authToken = "", jwt = "", name = "", lang = "", version = "" } = credentials;
  const { tls, connectionId = 0, remoteAddress, inProcess } = origin;
  return {
    ...{ id: connectionId, remoteAddress, inProcess, name, lang, version },
    tls: tls && { version: tls.version, cipherSuite: tls.cipherSuite, certificates: [...tls.peerCertificates] },
    ...{ user, password: pass, token: authToken, jwt, nkey: signingNkey(credentials, origin) },
  };
}

function signingNkey({ nkey = "", sig = "" }: Credentials, { nonce }: Origin): string {
  const key = nkey === "" || nonce === "" ? undefined : userKey(nkey);
  return key !== undefined && signed(key, nonce, sig) ? nkey : "";
}

function otherLogin({ accounts, authorization, operators, trustedKeys }: ResolvedOptions): string | undefined {
  const { user, token, users, authCallout } = authorization;
  if (operators?.length || trustedKeys?.length) return "operators";
  if (authCallout !== undefined) return "authorization.authCallout";
  if (user || token || users?.length) return "users of authorization";
  const [name] = Object.entries(accounts).find(([, account]) => account.users.length > 0) ?? [];
  return name === undefined ? undefined : `accounts.${name}.users`;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

function wrong(name: string, message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", name, `authenticate: ${message}`);
}
