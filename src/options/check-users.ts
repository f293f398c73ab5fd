// Which users go together: one user, a token or a list, no name twice in all accounts; and who needs them to exist.
import { OptionsError } from "./errors.js";
import type { ResolvedOptions, ServerOptions } from "./options.js";

/** What is wrong, at a dotted path of the options. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** Faults between the authorization block and the users of the accounts, in the reference's words. */
export function userFaults(options: ServerOptions): Fault[] {
  const faults: Fault[] = [];
  const { user, password, token, users } = options.authorization ?? {};
  const path = "authorization";
  if ((user || password) && token) faults.push({ path, message: "Cannot have a user/pass and token" });
  const accounts = Object.entries(options.accounts ?? {});
  const hasUsers = users !== undefined || accounts.some(([, account]) => (account.users ?? []).length > 0);
  if (hasUsers && user) faults.push({ path, message: "Can not have a single user/pass and a users array" });
  if (hasUsers && token) faults.push({ path, message: "Can not have a token and a users array" });
  const seen = new Set<string>();
  const lists = [
    ["authorization", users ?? []],
    ...accounts.map(([name, { users = [] }]) => [`accounts.${name}`, users]),
  ];
  for (const [owner, list] of lists as [string, { user?: string; nkey?: string }[]][]) {
    for (const { user: name, nkey } of list) {
      const id = nkey ?? name ?? "";
      const what = nkey === undefined ? "user" : "nkey";
      if (seen.has(id)) faults.push({ path: `${owner}.users`, message: `Duplicate ${what} "${id}" detected` });
      seen.add(id);
    }
  }
  return faults;
}

/** @throws {OptionsError} OPTIONS_VALUE, always */
export function refuse(path: string, message: string): never {
  throw new OptionsError("OPTIONS_VALUE", path, message);
}

/** Whether anybody has a user of their own. */
export function hasUsers(options: ResolvedOptions): boolean {
  return (
    (options.authorization.users ?? []).length > 0 ||
    Object.values(options.accounts).some((account) => account.users.length > 0)
  );
}

/** A user without credentials must be one of the configured users. */
export function checkNoAuthUser(options: ResolvedOptions, path: string, name: string | undefined): void {
  if (!name) return;
  if (options.operators?.length) refuse(path, "no_auth_user not compatible with Trusted Operator");
  const users = [...(options.authorization.users ?? []), ...Object.values(options.accounts).flatMap((a) => a.users)];
  if (users.length === 0 && options.authorization.users === undefined) {
    refuse(path, `no_auth_user: "${name}" present, but users/nkeys are not defined`);
  }
  if (users.some(({ user, nkey }) => user === name || nkey === name)) return;
  const where = "in authorization block or account configuration";
  refuse(path, `no_auth_user: "${name}" not present as user or nkey ${where}`);
}

/** Ways in with a login of their own do not go with users. */
export function checkOwnLogin(
  options: ResolvedOptions,
  path: string,
  what: string,
  login: { readonly user?: string; readonly token?: string } | undefined,
): void {
  if (!login || !hasUsers(options)) return;
  const conflict = "not compatible with presence of users/nkeys";
  if (login.user) refuse(`${path}.user`, `${what} authentication username ${conflict}`);
  if (login.token) refuse(`${path}.token`, `${what} authentication token ${conflict}`);
}
