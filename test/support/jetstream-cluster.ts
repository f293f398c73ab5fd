// Servers with JetStream that are one: in a cluster, or in several; and requests of the API.
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, type StartOptions, startServer } from "../../src/index.js";
import { until } from "./local-cluster.js";
import { type Scope, temporaryFolder } from "./temporary-folder.js";

const LOCAL = { host: "127.0.0.1", port: -1 };

/** What the tests look at of answers. */
export interface Answer {
  readonly error?: { readonly err_code: number; readonly description: string };
  readonly config?: { readonly name: string; readonly description?: string };
  readonly cluster?: { readonly name: string; readonly leader?: string };
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly alternates?: readonly { readonly name: string; readonly cluster: string }[];
  readonly streams?: readonly (string | Answer)[];
  readonly missing?: readonly string[];
  readonly total?: number;
  readonly storage?: number;
  readonly consumers?: number;
}

/** A server, with a client of it. */
export interface Member {
  readonly server: NatsServer;
  readonly client: NatsConnection;
}

/** Where servers of a test are, and all of them. */
export interface World {
  readonly folder: string;
  readonly servers: NatsServer[];
}

/** Options of a server with a system account, and an account for all who say nothing. */
export const withSystem = {
  accounts: {
    SYS: { users: [{ user: "sys", password: "sys" }] },
    A: { jetstream: { enabled: true }, users: [{ user: "a", password: "a" }] },
  },
  systemAccount: "SYS",
  noAuthUser: "a",
};

/** Its servers are closed when the test ends. */
export function newWorld(scope: Scope): World {
  const servers: NatsServer[] = [];
  // Before the folder is removed.
  scope.after(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  return { folder: temporaryFolder(scope), servers };
}

/** Starts a server of cluster C that has routes to others; `options` are added. */
export async function startMember(
  { folder, servers }: World,
  name: string,
  others: readonly Member[],
  options: StartOptions = {},
): Promise<Member> {
  const routes = others.map(({ server }) => `nats-route://127.0.0.1:${server.addresses["cluster"].port}`);
  const server = await startServer({
    ...LOCAL,
    serverName: name,
    jetstream: { storeDir: join(folder, name) },
    ...options,
    cluster: { name: "C", ...LOCAL, routes, ...options.cluster },
  });
  servers.push(server);
  return { server, client: await server.connect() };
}

/** Servers S1, S2, ...; resolves when each answers for all. */
export async function startMembers(scope: Scope, size: number): Promise<[World, ...Member[]]> {
  const world = newWorld(scope);
  const members: Member[] = [];
  for (let at = 1; at <= size; at++) members.push(await startMember(world, `S${at}`, members.slice(0, 1)));
  await together(members);
  return [world, ...members];
}

/** Waits until a stream of each server is known to every other. */
export async function together(members: readonly Member[]): Promise<void> {
  for (const { client, server } of members) await make(client, `AT_${server.name}`);
  for (const { client } of members) {
    await until("the servers know each other's streams", async () => {
      const { streams } = await ask(client, "STREAM.NAMES");
      return members.every(({ server }) => streams?.includes(`AT_${server.name}`));
    });
  }
  for (const { client, server } of members) await ask(client, `STREAM.DELETE.AT_${server.name}`);
}

/** Asks the API. */
export async function ask(client: NatsConnection, subject: string, body: object | "" = ""): Promise<Answer> {
  const payload = body === "" ? "" : JSON.stringify(body);
  return (await client.request(`$JS.API.${subject}`, payload, { timeout: 5000 })).json<Answer>();
}

/** Makes a stream of the subjects `name.>`, in small letters. */
export function make(client: NatsConnection, name: string, more: object = {}): Promise<Answer> {
  return ask(client, `STREAM.CREATE.${name}`, { name, subjects: [`${name.toLowerCase()}.>`], ...more });
}
