// What every server answers in its system account: the monitoring pages for all or one server, for an account or a user,
// and what an operator may ask a server to do.
import type { ConfigSource } from "../monitoring/config-source.js";
import type { Pages } from "../monitoring/pages.js";
import { bytesAsText } from "../protocol/json.js";
import { collectSubscriptions } from "../server/account-status.js";
import { kickClient, sendClientAway } from "../server/clients/client-commands.js";
import { type ConnectionState, requesterOf } from "../server/connection-status.js";
import type { JszOptions } from "../server/jetstream-source.js";
import type { Server } from "../server/server.js";
import { isLiteral, isSubsetOf, subjectMatches } from "../subjects/validity.js";
import type { Events } from "./events.js";
import { type BodyError, type Fields, type FieldTypes, readFields } from "./fields.js";
import type { OtherServers } from "./other-servers.js";
import type { SystemPublisher } from "./publisher.js";
import { type Answer, answering, FILTER_FIELDS, isForOthers, NO_ANSWER } from "./requests.js";
import type { ServiceMessage, Services } from "./services.js";
import { statsz } from "./statsz.js";
import { userInfo } from "./user-info.js";

const ACCOUNT_TOKEN = 3;
const STATES: readonly ConnectionState[] = ["open", "closed", "any"];

const CONNZ_FIELDS = {
  sort: "string",
  auth: "boolean",
  subscriptions: "boolean",
  subscriptions_detail: "boolean",
  offset: "integer",
  limit: "integer",
  cid: "integer",
  mqtt_client: "string",
  state: "integer",
  user: "string",
  acc: "string",
  filter_subject: "string",
} as const;
const SUBSZ_FIELDS = {
  offset: "integer",
  limit: "integer",
  subscriptions: "boolean",
  account: "string",
  test: "string",
} as const;
const GATEWAYZ_FIELDS = {
  name: "string",
  accounts: "boolean",
  account_name: "string",
  subscriptions: "boolean",
  subscriptions_detail: "boolean",
} as const;
const STATZ_FIELDS = { accounts: "strings", include_unused: "boolean" } as const;
const HEALTHZ_FIELDS = { account: "string", stream: "string", consumer: "string", details: "boolean" } as const;
const JSZ_FIELDS = {
  account: "string",
  accounts: "boolean",
  streams: "boolean",
  consumer: "boolean",
  direct_consumer: "boolean",
  raft: "boolean",
  config: "boolean",
  leader_only: "boolean",
  offset: "integer",
  limit: "integer",
} as const;

export interface ServiceParts {
  readonly server: Server;
  readonly pages: Pages;
  readonly config: ConfigSource | undefined;
  readonly publisher: SystemPublisher;
  readonly services: Services;
  readonly events: Events;
  readonly others: OtherServers;
}

/** Starts all services. */
export function serveSystem(parts: ServiceParts): void {
  servePages(parts);
  serveAccounts(parts);
  serveCommands(parts);
  parts.others.start(parts.services, (account, subject, queue) =>
    countSubscribers(parts.server, account, subject, queue),
  );
}

function servePages({ server, pages, publisher, services, events, others }: ServiceParts): void {
  const serve = (kind: string, handler: (message: ServiceMessage) => void | Promise<void>): void => {
    services.serve(`$SYS.REQ.SERVER.${server.id}.${kind}`, handler);
    services.serve(`$SYS.REQ.SERVER.PING.${kind}`, handler);
  };
  const page = <const S extends FieldTypes>(kind: string, types: S, answer: Answer<S>): void =>
    serve(kind, answering(server, publisher, types, answer));

  const answerStatsz = async (message: ServiceMessage): Promise<void> => {
    if (message.reply === "") {
      await events.sendStatsz();
      return;
    }
    try {
      if (isForOthers(server, readFields(message.payload, FILTER_FIELDS))) return;
    } catch (error) {
      const failure = { code: 400, description: (error as BodyError).message };
      publisher.send(message.reply, { server: publisher.serverInfo(), error: failure });
      return;
    }
    publisher.send(message.reply, { server: publisher.serverInfo(), statsz: await statsz(server, 1 + others.count) });
  };
  services.serve("$SYS.REQ.SERVER.PING", answerStatsz);
  serve("STATSZ", answerStatsz);
  serve("IDZ", ({ reply }) => {
    if (reply !== "") publisher.send(reply, { name: server.name, host: server.advertised.host, id: server.id });
  });
  page("VARZ", {}, () => pages.varz());
  page("CONNZ", CONNZ_FIELDS, (options) => pages.connz({ ...connzOptions(options), account: options.acc }));
  page("SUBSZ", SUBSZ_FIELDS, (options) => pages.subsz(options));
  page("ROUTEZ", { subscriptions: "boolean", subscriptions_detail: "boolean" }, (options) =>
    pages.routez({ subscriptions: options.subscriptions, subscriptionsDetail: options.subscriptions_detail }),
  );
  page("GATEWAYZ", GATEWAYZ_FIELDS, ({ account_name, subscriptions_detail, ...options }) =>
    pages.gatewayz({ ...options, account: account_name, subscriptionsDetail: subscriptions_detail }),
  );
  page("LEAFZ", { subscriptions: "boolean", account: "string" }, (options) => pages.leafz(options));
  page("ACCOUNTZ", { account: "string" }, (options) => pages.accountz(options));
  page("JSZ", JSZ_FIELDS, async ({ leader_only: leaderOnly, ...options }) =>
    leaderOnly && server.jetStream?.isLeader !== true ? NO_ANSWER : pages.jsz(jszOptions(options)),
  );
  page("HEALTHZ", HEALTHZ_FIELDS, async (options) => {
    const { status, statusCode, error, errors } = pages.healthz(options);
    return { status, status_code: statusCode, error, errors };
  });
  page("EXPVARZ", {}, async () => {
    const { memstats, cmdline } = await pages.expvarz();
    return { memstats, cmdline };
  });
  page("IPQUEUESZ", { all: "boolean", filter: "string" }, async () => ({}));
  page("RAFTZ", { account: "string", group: "string" }, async () => ({}));
  page("PROFILEZ", { name: "string", debug: "integer", duration: "integer" }, async ({ name = "" }) => ({
    profile: null,
    error: name === "" ? "Profile name not specified" : `Profile ${JSON.stringify(name)} not found`,
  }));
}

function jszOptions(options: Partial<Fields<typeof JSZ_FIELDS>>): JszOptions {
  const { consumer, direct_consumer: directConsumers, ...same } = options;
  return { ...same, consumers: consumer, directConsumers };
}

function connzOptions(options: { state?: number; subscriptions_detail?: boolean; filter_subject?: string }): object {
  const { state = 0, subscriptions_detail, filter_subject } = options;
  return {
    ...options,
    state: STATES[state],
    subscriptionsDetail: subscriptions_detail,
    filterSubject: filter_subject,
  };
}

function serveAccounts({ server, pages, publisher, services, events, others }: ServiceParts): void {
  const serve = <const S extends FieldTypes>(
    kind: string,
    types: S,
    answer: (account: string, ...rest: Parameters<Answer<S>>) => ReturnType<Answer<S>>,
  ): void =>
    services.serve(
      `$SYS.REQ.ACCOUNT.*.${kind}`,
      answering(server, publisher, types, (options, message) => answer(accountOf(message), options, message)),
    );
  serve("CONNZ", CONNZ_FIELDS, (account, options) => pages.connz({ ...connzOptions(options), account }));
  serve("SUBSZ", SUBSZ_FIELDS, (account, options) => pages.subsz({ ...options, subscriptions: true, account }));
  serve("LEAFZ", { subscriptions: "boolean" }, (account, options) => pages.leafz({ ...options, account }));
  serve("JSZ", JSZ_FIELDS, async (account, options) => {
    const { accounts, jetStream } = server;
    if (jetStream === undefined) throw new Error("jetstream not enabled");
    if (accounts.get(account) === undefined) throw new Error(`account ${JSON.stringify(account)} not found`);
    const detail = jetStream.accountDetail(account, jszOptions(options));
    if (detail === undefined) throw new Error(`account ${JSON.stringify(account)} not jetstream enabled`);
    return detail;
  });
  serve("INFO", {}, (account) => pages.accountInfo(account));
  const statz = async (
    accounts: readonly string[],
    includeUnused: boolean | undefined,
  ): Promise<object | typeof NO_ANSWER> => {
    const page = await pages.accstatz({ accounts, includeUnused });
    return page.account_statz.length > 0 || includeUnused ? page : NO_ANSWER;
  };
  serve("STATZ", STATZ_FIELDS, async (account, options) =>
    account === "PING" ? NO_ANSWER : statz([account], options.include_unused),
  );
  services.serve(
    "$SYS.REQ.ACCOUNT.PING.STATZ",
    answering(server, publisher, STATZ_FIELDS, (options) => statz(options.accounts ?? [], options.include_unused)),
  );
  services.serve("$SYS.REQ.ACCOUNT.*.CONNS", (message) => events.answerConnections(accountOf(message), message.reply));
  services.serve(
    "$SYS.REQ.USER.*.INFO",
    answering(server, publisher, {}, async (_, { source }) => userInfo(requesterOf(source)), false),
  );
  services.serve("$SYS.DEBUG.SUBSCRIBERS", async (message) => {
    if (message.reply === "") return;
    const [subject, queue] = message.payload.toString("latin1").trim().split(" ");
    const account = requesterOf(message.source)?.account;
    if (account === undefined) return;
    const [here, elsewhere] = await Promise.all([
      countSubscribers(server, account, subject, queue),
      others.countElsewhere(account, subject, queue),
    ]);
    publisher.send(message.reply, Buffer.from(String(here + elsewhere)));
  });
}

function accountOf({ subject }: ServiceMessage): string {
  return bytesAsText(subject.split(".")[ACCOUNT_TOKEN]);
}

// Clients' subscriptions that get messages of a subject, or lie within a wildcard subject; maybe of one queue group.
async function countSubscribers(
  server: Server,
  account: string,
  subject: string,
  queue: string | undefined,
): Promise<number> {
  const fits = isLiteral(subject)
    ? (other: string): boolean => subjectMatches(subject, other)
    : (other: string): boolean => isSubsetOf(other, subject);
  const all = await collectSubscriptions(server, account);
  const wanted = all.filter((one) => one.connection > 0 && (queue === undefined || one.queue === queue));
  return wanted.filter((one) => fits(one.subject)).length;
}

function serveCommands({ server, config, publisher, services }: ServiceParts): void {
  const serve = <const S extends FieldTypes>(kind: string, types: S, answer: Answer<S>): void =>
    services.serve(`$SYS.REQ.SERVER.${server.id}.${kind}`, answering(server, publisher, types, answer, false));
  serve("RELOAD", {}, async () => {
    if (config === undefined) throw new Error("can only reload config when a file is provided using -c or --config");
    await config.reload();
    return undefined;
  });
  const forClient = (kind: string, command: (id: number) => void): void => {
    const answer = answering(
      server,
      publisher,
      { cid: "integer" },
      async ({ cid = 0 }) => {
        command(cid);
        return undefined;
      },
      false,
    );
    services.serve(`$SYS.REQ.SERVER.${server.id}.${kind}`, (message) => {
      // As in nats-server, nothing is said to a request that cannot be read.
      if (message.payload.length === 0) throw new Error("the request needs a body");
      readFields(message.payload, { cid: "integer" });
      return answer(message);
    });
  };
  forClient("KICK", (id) => {
    if (!kickClient(server, id)) throw new Error("no such client or leafnode id");
  });
  forClient("LDM", (id) => {
    const outcome = sendClientAway(server, id);
    if (outcome === "unknown") throw new Error("no such client id");
    if (outcome === "deaf") {
      throw new Error("client does not support Lame Duck Mode or is not ready to receive the notification");
    }
  });
}
