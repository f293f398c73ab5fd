// What a cluster should do, as a model: who has subscribed to what, who may get which message, and what has arrived. Every
// delivery is checked when it comes; messages of calm times are checked to have come to everybody.
import { type AccountName, FEED, SHARED_SERVICE } from "./cluster-plan.js";
import type { Delivery, SimulationClient } from "./simulation-client.js";

export interface ModelSubscription {
  readonly client: SimulationClient;
  readonly sid: number;
  readonly subject: string;
  readonly queue: string | undefined;
  /** Ends after this many messages; 0 for no end. */
  readonly max: number;
  /** Whether the server has confirmed `max`; until then more may come, as UNSUB may reach it later than SUB. */
  maxConfirmed: boolean;
  /** Whether it answers requests. */
  readonly responds: boolean;
  /** "ending" from UNSUB on, "ended" when the server has confirmed it. */
  state: "live" | "ending" | "ended";
  delivered: number;
  /** The latest message of each publisher. */
  readonly latest: Map<SimulationClient, number>;
}

export interface ModelMessage {
  readonly id: number;
  readonly from: SimulationClient;
  readonly account: AccountName;
  readonly subject: string;
  readonly atMs: number;
  readonly got: ModelSubscription[];
}

export interface ModelRequest {
  readonly message: ModelMessage;
  readonly inbox: ModelSubscription;
  answers: number;
  noResponders: number;
}

/** Who must get a message that is sent in calm times. */
export interface Audience {
  readonly plain: ReadonlySet<ModelSubscription>;
  /** Queue groups, each of which gets it once. */
  readonly groups: ReadonlySet<string>;
  /** Whether anybody at all may get it. */
  readonly any: boolean;
}

/** Whether a subscription may get what is sent in an account, at a server, on a subject. */
export type MayReach = (account: AccountName, subject: string, from: string, to: ModelSubscription) => boolean;

export class ModelError extends Error {}

export class ClusterModel {
  readonly subscriptions = new Set<ModelSubscription>();
  readonly messages = new Map<number, ModelMessage>();
  readonly requests = new Map<number, ModelRequest>();
  deliveries = 0;
  readonly #bySid = new Map<SimulationClient, Map<number, ModelSubscription>>();
  readonly #now: () => number;
  readonly #mayReach: MayReach;
  #sent = 0;

  constructor(now: () => number, mayReach: MayReach = reachesInCluster) {
    this.#now = now;
    this.#mayReach = mayReach;
  }

  subscribe(
    client: SimulationClient,
    subject: string,
    { queue, max = 0, responds = false }: { queue?: string | undefined; max?: number; responds?: boolean } = {},
  ): ModelSubscription {
    const of = this.#bySid.get(client) ?? new Map<number, ModelSubscription>();
    this.#bySid.set(client, of);
    const sid = of.size + 1;
    const latest = new Map<SimulationClient, number>();
    const begin = { maxConfirmed: false, state: "live" as const, delivered: 0, latest };
    const added = { client, sid, subject, queue, max, responds, ...begin };
    of.set(sid, added);
    this.subscriptions.add(added);
    return added;
  }

  /** The server has confirmed that a subscription ends after `max` messages; with so many it has ended. */
  confirmMax(subscription: ModelSubscription): void {
    subscription.maxConfirmed = true;
    if (subscription.delivered >= subscription.max) this.confirmEnd(subscription);
  }

  /** The server has confirmed what a client has ended before; nothing may come for it any more. */
  confirmEnd(subscription: ModelSubscription): void {
    subscription.state = "ended";
    this.subscriptions.delete(subscription);
  }

  /** A client has gone, and its subscriptions with it. */
  left(client: SimulationClient): void {
    for (const subscription of this.#bySid.get(client)?.values() ?? []) this.confirmEnd(subscription);
    this.#bySid.delete(client);
  }

  send(from: SimulationClient, account: AccountName, subject: string): ModelMessage {
    const message = { id: ++this.#sent, from, account, subject, atMs: this.#now(), got: [] };
    this.messages.set(message.id, message);
    return message;
  }

  request(message: ModelMessage, inbox: ModelSubscription): ModelRequest {
    const made = { message, inbox, answers: 0, noResponders: 0 };
    this.requests.set(message.id, made);
    return made;
  }

  /** An answer to a request: a message to its inbox, in the account of who asks. */
  answer(from: SimulationClient, request: ModelRequest): ModelMessage {
    const { message, inbox } = request;
    return this.send(from, message.account, inbox.subject);
  }

  audience(account: AccountName, subject: string, from: string): Audience {
    const plain = new Set<ModelSubscription>();
    const groups = new Set<string>();
    let any = false;
    for (const one of this.subscriptions) {
      if (one.state !== "live" || !this.#mayReach(account, subject, from, one)) continue;
      any = true;
      if (one.queue !== undefined) groups.add(groupOf(one));
      else if (one.max === 0) plain.add(one);
    }
    return { plain, groups, any };
  }

  /** Checks a delivery, and returns the message and whom it came to. */
  deliver({ client, sid, subject, headers, payload }: Delivery): { message: ModelMessage; to: ModelSubscription } {
    const to = this.#bySid.get(client)?.get(sid);
    const what = `${payload} on ${subject} for ${sid} of a client of ${client.account} at ${client.server}`;
    if (to === undefined) throw new ModelError(`${what}: there is no such subscription`);
    if (headers.startsWith("NATS/1.0 503")) return this.#noResponders(to, what);
    const message = this.messages.get(Number(payload));
    if (message === undefined) throw new ModelError(`${what}: nobody has sent that`);
    if (to.state === "ended") throw new ModelError(`${what}: it has ended`);
    if (message.subject !== subject) throw new ModelError(`${what}: it was sent on ${message.subject}`);
    if (!this.#mayReach(message.account, subject, message.from.server, to)) {
      throw new ModelError(`${what}: ${to.subject} does not want what ${message.account} sends there`);
    }
    if (message.got.includes(to)) throw new ModelError(`${what}: it came twice`);
    if (to.queue !== undefined) {
      const group = groupOf(to);
      const other = message.got.find((one) => one.queue !== undefined && groupOf(one) === group);
      if (other !== undefined) {
        throw new ModelError(`${what}: another member of ${group}, at ${other.client.server}, has it`);
      }
    }
    const latest = to.latest.get(message.from) ?? 0;
    if (latest > message.id) throw new ModelError(`${what}: it comes after ${latest} of the same publisher`);
    to.latest.set(message.from, message.id);
    message.got.push(to);
    this.deliveries++;
    to.delivered++;
    if (to.maxConfirmed && to.delivered >= to.max) this.confirmEnd(to);
    return { message, to };
  }

  #noResponders(to: ModelSubscription, what: string): { message: ModelMessage; to: ModelSubscription } {
    const request = [...this.requests.values()].find(({ inbox }) => inbox === to);
    if (request === undefined) throw new ModelError(`${what}: it has not asked`);
    request.noResponders++;
    if (request.answers + request.noResponders > 1) throw new ModelError(`${what}: the request was answered already`);
    return { message: request.message, to };
  }

  /** What is wrong with a message of calm times; undefined when everybody has it. */
  missing(message: ModelMessage, { plain, groups }: Audience): string | undefined {
    const got = new Set(message.got);
    for (const one of plain) {
      if (!got.has(one)) {
        const { client, subject } = one;
        return `${describe(message)} did not come to ${subject} of ${client.account} at ${client.server}`;
      }
    }
    const reached = new Set(message.got.filter(({ queue }) => queue !== undefined).map(groupOf));
    for (const group of groups)
      if (!reached.has(group)) return `${describe(message)} did not come to the group ${group}`;
    return undefined;
  }

  /** What a server should tell of an account: weights by "subject", or "subject queue". */
  interestAt(server: string, account: AccountName): Map<string, number> {
    const found = new Map<string, number>();
    for (const { client, subject, queue, state } of this.subscriptions) {
      const imports = account === "A" && client.account === "B" && subject.startsWith(`${FEED}.`);
      if (state !== "live" || client.server !== server || (client.account !== account && !imports)) continue;
      const key = queue === undefined ? subject : `${subject} ${queue}`;
      found.set(key, queue === undefined ? 1 : (found.get(key) ?? 0) + 1);
    }
    return found;
  }
}

function describe({ id, account, subject, from, atMs }: ModelMessage): string {
  return `message ${id} of ${(atMs / 1000).toFixed(3)} s, on ${subject} of ${account} at ${from.server},`;
}

function groupOf({ client, queue }: ModelSubscription): string {
  return `${queue} of ${client.account}`;
}

/** Whether a subscription wants what is sent on a subject in an account, which B's imports from A carry over. */
function reachesInCluster(
  account: AccountName,
  subject: string,
  _from: string,
  { client, subject: pattern }: ModelSubscription,
): boolean {
  if (!fits(subject, pattern)) return false;
  if (client.account === account) return true;
  if (account === "A") return client.account === "B" && subject.startsWith(`${FEED}.`);
  return account === "B" && client.account === "A" && subject === SHARED_SERVICE;
}

/** Whether a subject matches a pattern; written anew, to check the servers' own. */
export function fits(subject: string, pattern: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  for (const [i, token] of wanted.entries()) {
    if (token === ">") return tokens.length > i;
    if (i >= tokens.length || (token !== "*" && token !== tokens[i])) return false;
  }
  return tokens.length === wanted.length;
}
