// Who a client is, for log lines and monitoring: what it said of itself, its account, and the user it logged in as.
import { quoted } from "../../protocol/error-texts.js";
import type { ClientConnection } from "./client.js";

/** How a client has logged in, and as whom; "" and "" for one that has said nothing. A token is never told. */
export interface LoginName {
  readonly kind: "user" | "nkey" | "jwt" | "token" | "";
  readonly name: string;
}

export function loginName({ connect, admission }: ClientConnection): LoginName {
  const { user, login } = admission ?? {};
  if (login?.fromCallout && login.claims.name !== "") return { kind: "user", name: login.claims.name };
  if (connect.nkey !== "") return { kind: "nkey", name: connect.nkey };
  // The user of a certificate, and the one for those who say nothing, need not have been named.
  if (login === undefined && user !== undefined) return { kind: user.nkey ? "nkey" : "user", name: user.name };
  if (connect.user !== "") return { kind: "user", name: connect.user };
  if (login !== undefined) return { kind: "jwt", name: login.claims.subject };
  return connect.authToken === "" ? { kind: "", name: "" } : { kind: "token", name: "[REDACTED]" };
}

/** What follows a client's number in log lines after its login: ` - "v1.2.3:go:name" - "ACCOUNT/user:NAME"`; "" if all is unsaid. */
export function loggedInLabel(client: ClientConnection): string {
  const { version, lang, name } = client.connect;
  const said = [version && `v${version}`, lang, name].filter((part) => part !== "").join(":");
  const { kind, name: user } = loginName(client);
  const login = kind === "token" ? kind : `${kind}:${user}`;
  const parts = [said, kind && `${accountText(client)}/${login}`].filter((part) => part !== "");
  return parts.map((part) => ` - ${quotedText(part)}`).join("");
}

/** The log line of a refused login: it names who was refused, without secrets. */
export function refusedLoginText({ nkey, user, authToken }: ClientConnection["connect"]): string {
  if (nkey !== "") return `authentication error - Nkey ${quotedText(nkey)}`;
  if (user !== "") return `authentication error - User ${quotedText(user)}`;
  return authToken === "" ? "authentication error" : 'authentication error - Token "[REDACTED]"';
}

function accountText({ account }: ClientConnection): string {
  if (account === undefined) return "";
  const { name, label } = account;
  return label === name ? name : `${name}/${label}`;
}

// What CONNECT, options and JWTs say is text, not bytes.
function quotedText(text: string): string {
  return quoted(Buffer.from(text, "utf8").toString("latin1"));
}
