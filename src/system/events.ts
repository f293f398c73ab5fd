// What a server tells its system account unasked: clients that come, go or are refused, numbers of accounts and of the
// server, and its end (https://docs.nats.io/running-a-nats-service/configuration/sys_accounts#available-events-and-services).
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import { accountStat } from "../monitoring/accstatz.js";
import { encodeSubject } from "../options/subject-bytes.js";
import { nanoseconds } from "../protocol/durations.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { Timer } from "../runtime/clock.js";
import { collectAccount, linksOfAccount } from "../server/account-status.js";
import { CloseReason } from "../server/close-reason.js";
import { type ConnectionStatus, connectionStatus, leafConnectionStatus } from "../server/connection-status.js";
import { eventId } from "../server/event-id.js";
import type { LeafStatus } from "../server/peers/peer-reports.js";
import type { Server } from "../server/server.js";
import { sendOcspAdvisories } from "./ocsp-advisories.js";
import type { SystemPublisher } from "./publisher.js";
import { statsz } from "./statsz.js";

const FIRST_STATSZ_MS = 250;
const STATSZ_PERIOD_MS = 10_000;
const ACCOUNT_PERIOD_MS = 30_000;

/** In the account of a client whose login was refused. */
const REFUSED = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
const CONNECT_TYPE = "io.nats.server.advisory.v1.client_connect";
const DISCONNECT_TYPE = "io.nats.server.advisory.v1.client_disconnect";
const CONNECTIONS_TYPE = "io.nats.server.advisory.v1.account_connections";

export class Events {
  readonly #server: Server;
  readonly #publisher: SystemPublisher;
  readonly #accountTimers = new Map<string, Timer>();
  readonly #stops: (() => void)[] = [];
  /** The other servers, once they are listened to. */
  others: { readonly count: number } | undefined;
  #statszTimer: Timer | undefined;
  #stopped = false;

  constructor(server: Server, publisher: SystemPublisher) {
    this.#server = server;
    this.#publisher = publisher;
  }

  start(): void {
    const { events } = this.#server;
    this.#stops.push(
      events.on("connect", (client) => this.#connected(connectionStatus(client, false))),
      events.on("disconnect", (client) => this.#disconnected(connectionStatus(client, false))),
      events.on("leafJoined", (account) => void this.#accountChanged(account)),
      events.on("leafLeft", (leaf, reason) => this.#leafLeft(leaf, reason)),
      events.on("refused", (client, reason) => {
        if (reason !== CloseReason.authenticationViolation) return;
        const stoppedMs = this.#server.runtime.clock.nowMs();
        this.#refused({ ...connectionStatus(client, false), reason, stoppedMs }, client.connected);
      }),
      ...sendOcspAdvisories(events, (type, subject, content) =>
        this.#send(`$SYS.SERVER.${this.#server.id}.${subject}`, () => ({
          ...this.#typed(type),
          ...content(this.#publisher.serverInfo()),
        })),
      ),
      events.on("lameDuck", () => this.#sendOwnEnd("LAMEDUCK")),
      events.on("closing", () => {
        this.#sendOwnEnd("SHUTDOWN");
        this.stop();
      }),
    );
    this.#scheduleStatsz(FIRST_STATSZ_MS);
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    this.#statszTimer?.cancel();
    for (const timer of this.#accountTimers.values()) timer.cancel();
    this.#accountTimers.clear();
  }

  /** Sends the server's numbers to all, if somebody listens. */
  async sendStatsz(): Promise<void> {
    const subject = `$SYS.SERVER.${this.#server.id}.STATSZ`;
    if (this.#stopped || !this.#publisher.isWanted(subject)) return;
    const numbers = await statsz(this.#server, 1 + (this.others?.count ?? 0));
    if (this.#stopped) return;
    const server = this.#publisher.serverInfo();
    // Nats-servers count who says so as one of those that elect their JetStream's first leader, and wait for its vote.
    const told = this.#server.clusterName === undefined ? server : { ...server, jetstream: false };
    this.#publisher.send(subject, { server: told, statsz: numbers });
  }

  /** Answers with an account's numbers; nothing for one without clients. */
  async answerConnections(account: string, reply: string): Promise<void> {
    const message = reply === "" ? undefined : await this.#connections(account);
    if (message !== undefined && message.conns > 0) this.#publisher.send(reply, message.content());
  }

  #scheduleStatsz(delayMs: number): void {
    this.#statszTimer = this.#server.runtime.clock.after(delayMs, () => {
      void this.sendStatsz();
      this.#scheduleStatsz(Math.min(delayMs * 2, STATSZ_PERIOD_MS));
    });
  }

  #connected(client: ConnectionStatus): void {
    void this.#accountChanged(client.account);
    this.#send(`$SYS.ACCOUNT.${encodeSubject(client.account)}.CONNECT`, () => ({
      ...this.#typed(CONNECT_TYPE),
      server: this.#publisher.serverInfo(),
      client: clientInfo(client),
    }));
  }

  #disconnected(client: ConnectionStatus): void {
    void this.#accountChanged(client.account);
    this.#send(`$SYS.ACCOUNT.${encodeSubject(client.account)}.DISCONNECT`, () => this.#ended(client));
  }

  // Of leaf nodes only the end is told.
  #leafLeft(leaf: LeafStatus, reason: string): void {
    void this.#accountChanged(leaf.account);
    if (leaf.isSpoke) return;
    const status = leafConnectionStatus(leaf, { stoppedMs: this.#server.runtime.clock.nowMs(), reason });
    this.#send(`$SYS.ACCOUNT.${encodeSubject(leaf.account)}.DISCONNECT`, () => this.#ended(status));
  }

  // Told to the system account and, of a client that has said who it is, to the account that it would be in.
  #refused(client: ConnectionStatus, hasConnected: boolean): void {
    const name = this.#accountOfRefused(client);
    const account = hasConnected ? this.#server.accounts.get(name) : undefined;
    if (account !== undefined && !this.#stopped && this.#publisher.isWanted(REFUSED, account)) {
      this.#publisher.send(REFUSED, this.#ended({ ...client, account: name }), undefined, account);
    }
    this.#send(`$SYS.SERVER.${this.#server.id}.CLIENT.AUTH.ERR`, () => this.#ended(client));
  }

  // That of the auth callout, where it was asked.
  #accountOfRefused({ user, account }: ConnectionStatus): string {
    const { authCallout } = this.#server.options.authorization;
    const wasAsked = authCallout !== undefined && account === GLOBAL_ACCOUNT && !authCallout.authUsers.includes(user);
    return wasAsked ? authCallout.account : account;
  }

  #ended(client: ConnectionStatus): object {
    return {
      ...this.#typed(DISCONNECT_TYPE),
      server: this.#publisher.serverInfo(),
      client: clientInfo(client),
      sent: { msgs: client.inMsgs, bytes: client.inBytes },
      received: { msgs: client.outMsgs, bytes: client.outBytes },
      reason: client.reason,
    };
  }

  // The number of an account's clients has changed. It is told again from time to time while there are some.
  async #accountChanged(account: string): Promise<void> {
    if (this.#stopped || account === GLOBAL_ACCOUNT) return;
    this.#accountTimers.get(account)?.cancel();
    this.#accountTimers.delete(account);
    if (linksOfAccount(this.#server, account) > 0) {
      const again = this.#server.runtime.clock.after(ACCOUNT_PERIOD_MS, () => void this.#accountChanged(account));
      this.#accountTimers.set(account, again);
    }
    const name = encodeSubject(account);
    const subjects = [`$SYS.SERVER.ACCOUNT.${name}.CONNS`, `$SYS.ACCOUNT.${name}.SERVER.CONNS`];
    if (!subjects.some((subject) => this.#publisher.isWanted(subject))) return;
    const message = await this.#connections(account);
    if (message === undefined) return;
    for (const subject of subjects) this.#send(subject, message.content);
  }

  async #connections(name: string): Promise<{ conns: number; content: () => object } | undefined> {
    const account = await collectAccount(this.#server, name);
    if (account === undefined) return undefined;
    const typed = this.#typed(CONNECTIONS_TYPE);
    return {
      conns: account.connections + account.leafnodes,
      content: () => ({ ...typed, server: this.#publisher.serverInfo(), ...accountStat(account) }),
    };
  }

  #sendOwnEnd(event: "LAMEDUCK" | "SHUTDOWN"): void {
    this.#send(`$SYS.SERVER.${this.#server.id}.${event}`, () => this.#publisher.serverInfo());
  }

  #send(subject: string, content: () => object): void {
    if (!this.#stopped && this.#publisher.isWanted(subject)) this.#publisher.send(subject, content());
  }

  #typed(type: string): object {
    const { clock, random } = this.#server.runtime;
    return { type, id: eventId(random), timestamp: formatMs(clock.nowMs()) };
  }
}

function clientInfo(client: ConnectionStatus): object {
  const { stoppedMs, rttMs, account } = client;
  return {
    start: formatMs(client.startedMs),
    host: client.host || undefined,
    id: client.id,
    acc: account,
    user: client.user || undefined,
    name: client.name || undefined,
    lang: client.lang || undefined,
    ver: client.version || undefined,
    rtt: stoppedMs === undefined ? undefined : nanoseconds(rttMs) || undefined,
    stop: stoppedMs === undefined ? undefined : formatMs(stoppedMs),
    issuer_key: client.issuerKey || undefined,
    name_tag: client.accountLabel,
    kind: client.kind,
    client_type: client.type,
  };
}
