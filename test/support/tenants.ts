// Two tenants, RED and BLUE, and a provider, DEPOT, that exports to both: accounts for tests of who sees what of whom. Each
// has the users NAME and NAME-2; the system account has `sys`. The password is "p".
import type { ServerOptions } from "../../src/options/options.js";
import { type LocalServer, startLocalServer } from "./local-server.js";
import { connectClient, type Item, type RawClient } from "./raw-client.js";
import type { Scope } from "./temporary-folder.js";

type AccountOptions = NonNullable<ServerOptions["accounts"]>[string];

export const tenantUsers = (name: string): NonNullable<AccountOptions["users"]> =>
  [name, `${name}-2`].map((user) => ({ user, password: "p" }));

/** What everybody imports besides the service `depot.ask`. */
export const NEWS = { stream: "depot.news.>" };

const IMPORTS: AccountOptions["imports"] = [
  { service: { account: "DEPOT", subject: "depot.ask" } },
  { stream: { account: "DEPOT", subject: "depot.news.>" } },
];

/** The accounts; `more` is added to those that it names. */
export function tenants(more: Record<string, Partial<AccountOptions>> = {}): ServerOptions {
  return {
    systemAccount: "SYS",
    accounts: {
      SYS: { users: [{ user: "sys", password: "p" }] },
      DEPOT: {
        users: tenantUsers("depot"),
        exports: [{ service: "depot.ask" }, NEWS],
        ...more["DEPOT"],
      },
      RED: { users: tenantUsers("red"), imports: IMPORTS, ...more["RED"] },
      BLUE: { users: tenantUsers("blue"), imports: IMPORTS, ...more["BLUE"] },
    },
  };
}

export interface Tenants extends LocalServer {
  login(user: string, connect?: object): Promise<RawClient>;
}

export async function startTenants(scope: Scope, options: ServerOptions = tenants()): Promise<Tenants> {
  const local = await startLocalServer(scope, { serverName: "north", ...options });
  return { ...local, login: (user, connect) => connectClient(scope, local.port, { user, pass: "p", ...connect }) };
}

/** Sends, waits until the server has handled it, and tells what came back, each as a line with the payload after it. */
export async function says(client: RawClient, text = ""): Promise<string[]> {
  client.send(text);
  return (await client.sync()).map(shown);
}

const shown = ({ line, payload }: Item): string => (payload === "" ? line : `${line} ${payload}`);

/** A PUB. */
export function pub(subject: string, payload = "", reply = ""): string {
  return `PUB ${subject} ${reply && `${reply} `}${payload.length}\r\n${payload}\r\n`;
}

/** An HPUB with these header lines. */
export function hpub(subject: string, headers: readonly string[], payload = "", reply = ""): string {
  const block = `NATS/1.0\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
  const sizes = `${block.length} ${block.length + payload.length}`;
  return `HPUB ${subject} ${reply && `${reply} `}${sizes}\r\n${block}${payload}\r\n`;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member
export type Json = any;

/** Asks, as a client that is subscribed to nothing that matches `in.*` yet. "none" when nobody is there to answer. */
export async function asks(client: RawClient, subject: string, body: object | string = ""): Promise<Json> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  client.send(`SUB in.answer answer\r\n${pub(subject, text, "in.answer")}`);
  const { line, headers, payload } = await client.next();
  if (!/^H?MSG in\.answer /.test(line)) throw new Error(`the answer to ${subject} was ${line}`);
  client.send("UNSUB answer\r\n");
  await client.sync();
  if (headers.startsWith("NATS/1.0 503")) return "none";
  return JSON.parse(Buffer.from(payload, "latin1").toString("utf8"));
}
