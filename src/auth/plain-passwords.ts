// Whether passwords stand in the options as they are, which is worth a warning.
import type { ResolvedOptions } from "../options/options.js";
import { isHashed } from "./secret.js";

/** Whether any user's password is no bcrypt hash. A token does not count, as in nats-server. */
export function hasPlainPasswords({ authorization, accounts }: ResolvedOptions): boolean {
  const users = [...(authorization.users ?? []), ...Object.values(accounts).flatMap((account) => account.users)];
  const passwords = [authorization.password, ...users.map((user) => user.password)];
  return passwords.some((password) => password !== undefined && password !== "" && !isHashed(password));
}
