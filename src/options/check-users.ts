// Which users go together: one user, a token or a list, and no name twice in all accounts.
import type { ServerOptions } from "./options.js";

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
