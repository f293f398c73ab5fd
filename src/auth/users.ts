// The users of a server: those of its accounts and those of `authorization`, by name or by nkey.
import type { KeyObject } from "node:crypto";
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import { OptionsError } from "../options/errors.js";
import type { ResolvedOptions, ResolvedPermissions, ResolvedUser } from "../options/options.js";
import { userKey } from "./nkey.js";
import { Permissions } from "./permissions.js";

/** A way in, as `allowed_connection_types` names it. */
export type ConnectionType = "STANDARD" | "WEBSOCKET" | "LEAFNODE" | "LEAFNODE_WS" | "MQTT" | "MQTT_WS" | "IN_PROCESS";

export interface User {
  /** The user's name, or the public nkey. */
  readonly name: string;
  readonly nkey: string | undefined;
  /** Password or its bcrypt hash; "" for a user with an nkey. */
  readonly password: string;
  readonly accountName: string;
  /** Undefined: every way in. */
  readonly connectionTypes: ReadonlySet<string> | undefined;
  /** Only through a trusted proxy. */
  readonly proxyRequired: boolean;
  /** What the options say, defaults applied, and the same compiled; undefined: everything is allowed. */
  readonly permissionsOption: ResolvedPermissions | undefined;
  readonly permissions: Permissions | undefined;
  /** The key of `nkey`. */
  readonly key: KeyObject | undefined;
}

export interface Users {
  readonly byName: ReadonlyMap<string, User>;
  readonly byNkey: ReadonlyMap<string, User>;
}

/**
 * Reads all users.
 * @throws {OptionsError} OPTIONS_VALUE: a name or nkey twice, neither of them, both, a malformed nkey or permission
 */
export function readUsers(options: ResolvedOptions): Users {
  const byName = new Map<string, User>();
  const byNkey = new Map<string, User>();
  const add = (
    raw: ResolvedUser,
    path: string,
    accountName: string,
    defaults: ResolvedPermissions | undefined,
  ): void => {
    const user = readUser(raw, path, accountName, defaults);
    const known = user.nkey === undefined ? byName : byNkey;
    if (known.has(user.name)) {
      throw invalid(path, `Duplicate ${user.nkey === undefined ? "user" : "nkey"} "${user.name}" detected`);
    }
    known.set(user.name, user);
  };
  for (const [name, account] of Object.entries(options.accounts)) {
    for (const [at, raw] of account.users.entries()) {
      add(raw, `accounts.${name}.users[${at}]`, name, account.defaultPermissions);
    }
  }
  const { users, defaultPermissions } = options.authorization;
  for (const [at, raw] of (users ?? []).entries()) {
    add(raw, `authorization.users[${at}]`, GLOBAL_ACCOUNT, defaultPermissions);
  }
  return { byName, byNkey };
}

function readUser(
  raw: ResolvedUser,
  path: string,
  accountName: string,
  defaults: ResolvedPermissions | undefined,
): User {
  const { user, password, nkey, allowedConnectionTypes, proxyRequired } = raw;
  const permissionsOption = raw.permissions ?? defaults;
  const key = nkey === undefined ? undefined : userKey(nkey);
  if (nkey !== undefined) {
    if (user || password) throw invalid(path, "Nkey users do not take usernames or passwords");
    if (key === undefined) throw invalid(path, "Not a valid public nkey for a user");
  } else if (!user) {
    throw invalid(path, "User entry requires a user");
  }
  return {
    name: nkey ?? (user as string),
    nkey,
    password: password ?? "",
    accountName,
    connectionTypes: allowedConnectionTypes?.length
      ? new Set(allowedConnectionTypes.map((type) => type.toUpperCase()))
      : undefined,
    proxyRequired,
    permissionsOption,
    permissions: Permissions.of(permissionsOption, `${path}.permissions`),
    key,
  };
}

function invalid(path: string, message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", path, message);
}
