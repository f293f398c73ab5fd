// natsnode auth push: hands the accounts' JWTs to running servers with a full resolver, over their system account
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt/resolver).
import type * as TransportNode from "@nats-io/transport-node";
import { text } from "../../auth/jwt/claims-reader.js";
import { type Answer, type Call, type Command, CommandError } from "../subcommand.js";
import { type Desk, deskOf } from "./desk.js";
import type { Entity } from "./store.js";
import { durationMsOf } from "./values.js";

const UPDATE = "$SYS.REQ.CLAIMS.UPDATE";
const PACKAGE = "@nats-io/transport-node";
/** After the first server has answered, how long the others of a cluster have. */
const STALL_MS = 300;

export const pushCommand: Command = {
  words: "push",
  operands: ["[ACCOUNT...]"],
  summary: "Hand accounts (all, where none is named) to running servers that have a full resolver.",
  options: {
    server: { value: "URL", help: "A server (default: nats://127.0.0.1:4222)" },
    creds: { value: "FILE", help: "Credentials of a user of the system account (default: the first in the folder)" },
    "tls-ca": { value: "FILE", help: "Authority of the server's certificate" },
    timeout: { value: "DURATION", help: "For the connection and for each answer (default: 5s)" },
  },
  run: push,
};

interface Outcome {
  readonly account: string;
  readonly server: string;
  readonly ok: boolean;
  readonly message: string;
}

async function push(call: Call): Promise<Answer> {
  const desk = deskOf(call);
  const accounts =
    call.operands.length > 0 ? call.operands.map((name) => desk.store.account(name)) : desk.store.accounts();
  const timeoutMs = durationMsOf("timeout", call.text("timeout") ?? "5s");
  const creds = readCreds(call, call.text("creds") ?? systemCreds(desk));
  const client = await loadClient();
  const url = call.text("server") ?? "nats://127.0.0.1:4222";
  const connection = await connect(client, url, creds, call.text("tls-ca"), timeoutMs);
  const outcomes: Outcome[] = [];
  try {
    for (const account of accounts) outcomes.push(...(await pushOne(client, connection, account, timeoutMs)));
  } finally {
    await connection.close();
  }
  const lines = outcomes.map(
    ({ account, server, ok, message }) => `${account}: ${ok ? message : `failed: ${message}`} (${server})\n`,
  );
  return { text: lines.join(""), data: outcomes, exitCode: outcomes.every(({ ok }) => ok) ? 0 : 1 };
}

/** The first credential file of the system account. */
function systemCreds({ store }: Desk): string {
  const operator = store.operator();
  const key = text(operator.claims.nats, "system_account");
  const system = store.accounts().find(({ claims }) => claims.subject === key);
  const users = system === undefined ? [] : store.users(system.name);
  for (const { name } of users) {
    const path = store.credsPath(system!.name, name);
    if (path !== undefined) return path;
  }
  throw new CommandError("COMMAND_UNKNOWN", "the folder has no user of the system account; name one with --creds FILE");
}

function readCreds(call: Call, path: string): Buffer {
  try {
    return call.runtime.disk.readSync(path);
  } catch (error) {
    throw new CommandError("COMMAND_FILE", `cannot read ${path}: ${(error as Error).message}`, error);
  }
}

type Client = typeof TransportNode;

async function loadClient(): Promise<Client> {
  try {
    return await import("@nats-io/transport-node");
  } catch (error) {
    const hint = `npm install ${PACKAGE}; or restart the servers with the output of "natsnode auth server-config"`;
    throw new CommandError("COMMAND_PUSH", `this needs the official client, ${PACKAGE}: ${hint}`, error);
  }
}

async function connect(
  client: Client,
  url: string,
  creds: Buffer,
  caFile: string | undefined,
  timeoutMs: number,
): Promise<TransportNode.NatsConnection> {
  try {
    return await client.connect({
      servers: url,
      authenticator: client.credsAuthenticator(creds),
      tls: caFile === undefined ? undefined : { caFile },
      timeout: timeoutMs,
      reconnect: false,
      name: "natsnode auth push",
    });
  } catch (error) {
    throw new CommandError("COMMAND_PUSH", `cannot log in at ${url}: ${(error as Error).message}`, error);
  }
}

interface Reply {
  readonly server?: { readonly name?: string };
  readonly data?: { readonly code?: number; readonly message?: string };
  readonly error?: { readonly description?: string };
}

async function pushOne(
  client: Client,
  connection: TransportNode.NatsConnection,
  { name, token }: Entity,
  timeoutMs: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  try {
    const options = { strategy: "stall", maxWait: timeoutMs, stall: STALL_MS } as const;
    for await (const message of await connection.requestMany(UPDATE, token, options)) {
      const { server, data, error } = message.json<Reply>();
      const ok = error === undefined && data?.code === 200;
      const said = error?.description ?? data?.message ?? "no reason given";
      outcomes.push({ account: name, server: server?.name ?? "unnamed server", ok, message: said });
    }
  } catch (error) {
    if (!(error instanceof client.NoRespondersError)) {
      throw new CommandError("COMMAND_PUSH", `${name}: ${(error as Error).message}`, error);
    }
  }
  if (outcomes.length > 0) return outcomes;
  const reason = "no server takes new accounts: their resolver must be full, and the user one of the system account";
  throw new CommandError("COMMAND_PUSH", `${name}: ${reason}`);
}
