// The clients of simulated servers: they come and go, subscribe, publish, ask and answer, and the model hears of it all.
import type { SimulatedRuntime } from "../../src/runtime/simulated/index.js";
import {
  type ClusterModel,
  ModelError,
  type ModelMessage,
  type ModelRequest,
  type ModelSubscription,
} from "./cluster-model.js";
import { type AccountName, FEED, SHARED_SERVICE } from "./cluster-plan.js";
import type { Draw } from "./draw.js";
import type { Delivery, SimulationClient } from "./simulation-client.js";

const CLIENTS_PER_SERVER = 2;
const MOST_SUBSCRIPTIONS = 6;
/** Time for messages of calm times to come. */
const EXACT_LIMIT_MS = 3_000;
/** Nobody listens there. */
const NOBODY = "nobody.home";

/** What the clients of one account talk about. */
export interface Topics {
  readonly subjects: readonly string[];
  readonly patterns: readonly string[];
  /** Where they ask. */
  readonly services: readonly string[];
  /** Whether they answer there, and may count their messages: not where some come through an import. */
  readonly answers: boolean;
}
export type TopicsOf = Readonly<Partial<Record<AccountName, Topics>>>;

const A_SUBJECTS = ["a.1", "a.2", "b.1", `${FEED}.x`, `${FEED}.y`, "deep.a.b.c"];
const B_SUBJECTS = ["b.1", "b.2", `${FEED}.x`];
const PINNED_SUBJECTS = ["p.1", "p.2"];

/** In clusters. */
export const CLUSTER_TOPICS: TopicsOf = {
  A: {
    subjects: A_SUBJECTS,
    patterns: [...A_SUBJECTS, "a.*", "*.1", `${FEED}.*`, "*.*", "deep.>"],
    services: ["svc.a", SHARED_SERVICE],
    answers: true,
  },
  B: {
    subjects: B_SUBJECTS,
    patterns: [...B_SUBJECTS, "b.*", `${FEED}.*`, `${FEED}.>`],
    services: [SHARED_SERVICE],
    answers: false,
  },
  PINNED: {
    subjects: PINNED_SUBJECTS,
    patterns: [...PINNED_SUBJECTS, "p.*", "p.>"],
    services: ["svc.p"],
    answers: true,
  },
};

/** Servers that clients connect to. */
export interface TrafficWorld<Node extends { readonly name: string }> {
  readonly runtime: SimulatedRuntime;
  readonly nowMs: number;
  readonly running: readonly Node[];
  connect(node: Node, account: string): Promise<SimulationClient>;
  advance(ms: number): Promise<void>;
  settled(limitMs: number): Promise<void>;
  compareInterest(model: ClusterModel): void;
}

export class ClusterTraffic<Node extends { readonly name: string }> {
  readonly world: TrafficWorld<Node>;
  readonly model: ClusterModel;
  readonly clients = new Set<SimulationClient>();
  /** The first thing that went wrong. */
  failure: Error | undefined;
  readonly #draw: Draw;
  readonly #topics: TopicsOf;
  // What the server has confirmed when the PONG of this number has come.
  readonly #unconfirmed = new Map<SimulationClient, { pong: number; confirm: () => void }[]>();

  constructor(world: TrafficWorld<Node>, draw: Draw, model: ClusterModel, topics: TopicsOf) {
    this.world = world;
    this.model = model;
    this.#draw = draw;
    this.#topics = topics;
  }

  /** Gives every server its clients, and each of these something to hear. */
  async populate(): Promise<void> {
    for (const node of this.world.running) {
      const present = [...this.clients].filter(({ server }) => server === node.name).length;
      for (let i = present; i < CLIENTS_PER_SERVER; i++) {
        const client = await this.join(node);
        for (let count = this.#draw.between(1, 3); count > 0; count--) this.subscribe(client);
      }
    }
  }

  async join(node: Node): Promise<SimulationClient> {
    const client = await this.world.connect(node, this.#draw.pick(Object.keys(this.#topics)));
    client.onMessage = (delivery) => this.#arrived(delivery);
    client.onPong = (count) => this.#confirmed(client, count);
    this.clients.add(client);
    return client;
  }

  leave(client: SimulationClient): void {
    this.clients.delete(client);
    this.#unconfirmed.delete(client);
    client.leave();
    this.model.left(client);
  }

  /** The clients of a server that has ended. */
  serverLost(name: string): void {
    for (const client of [...this.clients]) if (client.server === name) this.leave(client);
  }

  /** One random thing that a client does. */
  step(): void {
    if (this.clients.size === 0) return;
    const client = this.#draw.pick([...this.clients]);
    const fate = this.#draw.between(1, 100);
    if (fate <= 60) this.publish(client);
    else if (fate <= 70) this.subscribe(client);
    else if (fate <= 82) this.unsubscribe(client);
    else if (fate <= 94) this.request(client);
    else if (fate <= 96) this.leave(client);
    else for (let i = 0; i < 10; i++) this.publish(client);
  }

  publish(client: SimulationClient): ModelMessage {
    const message = this.model.send(client, client.account as AccountName, this.#draw.pick(this.#of(client).subjects));
    this.#put(client, message);
    return message;
  }

  subscribe(client: SimulationClient): void {
    const draw = this.#draw;
    const own = [...this.model.subscriptions].filter((one) => one.client === client);
    if (own.length >= MOST_SUBSCRIPTIONS) return;
    const { account } = client;
    const { patterns, services, answers } = this.#of(client);
    const fate = draw.between(1, 10);
    if (fate <= 2 && answers) {
      this.#sub(client, draw.pick(services), { queue: `workers${account}`, responds: true });
    } else if (fate <= 5) {
      this.#sub(client, draw.pick(patterns), { queue: `q${draw.between(1, 2)}${account}` });
    } else if (fate <= 6 && answers) {
      // With an import, messages that come through it do not count.
      this.#sub(client, draw.pick(patterns), { max: draw.between(1, 4) });
    } else this.#sub(client, draw.pick(patterns));
  }

  unsubscribe(client: SimulationClient): void {
    const own = [...this.model.subscriptions].filter((one) => one.client === client && one.state === "live");
    if (own.length > 0) this.#unsub(this.#draw.pick(own));
  }

  /** Asks on a fresh inbox, in one go. */
  request(client: SimulationClient): ModelRequest {
    const account = client.account as AccountName;
    const subject = this.#draw.chance(0.2) ? NOBODY : this.#draw.pick(this.#of(client).services);
    const message = this.model.send(client, account, subject);
    const inbox = this.#sub(client, `_INBOX.${client.server}.${message.id}`, { max: this.#draw.chance(0.5) ? 1 : 0 });
    this.#put(client, message, inbox.subject);
    return this.model.request(message, inbox);
  }

  /** Lets everything that clients have said be handled, and the servers hear of it. */
  async quiet(): Promise<void> {
    const { requests } = this.model;
    for (const { inbox } of requests.values()) if (inbox.state === "live") this.#unsub(inbox);
    const waiting = [...this.clients].map((client) => ({ client, pong: client.ping() }));
    const arrived = () => waiting.every(({ client, pong }) => client.pongs >= pong) || this.failure !== undefined;
    await this.world.runtime.clock.runUntil(arrived, 15_000);
    requests.clear();
    await this.world.settled(2_000);
    this.check();
    this.world.compareInterest(this.model);
  }

  /** Throws what went wrong so far. */
  check(): void {
    if (this.failure !== undefined) throw this.failure;
    for (const { closed, errors, server } of this.clients) {
      if (errors.length > 0) throw new ModelError(`a client of ${server} was told ${errors[0]}`);
      if (closed) throw new ModelError(`${server} has closed a client`);
    }
  }

  /** While all is well: every message comes to everybody who wants it, and every request is answered. */
  async exact(messages: number): Promise<void> {
    const clients = [...this.clients];
    const sent = Array.from({ length: messages }, () => {
      const client = this.#draw.pick(clients);
      if (this.#draw.chance(0.25)) return this.#expectAnswer(client);
      const message = this.publish(client);
      const audience = this.model.audience(message.account, message.subject, client.server);
      return () => this.model.missing(message, audience);
    });
    const open = () => sent.map((missing) => missing()).find((text) => text !== undefined);
    const untilMs = this.world.nowMs + EXACT_LIMIT_MS;
    while (this.world.nowMs < untilMs && open() !== undefined) await this.world.advance(20);
    this.check();
    const missing = open();
    if (missing !== undefined) throw new ModelError(missing);
    // What comes twice comes a little later.
    await this.world.advance(200);
    this.check();
  }

  #expectAnswer(client: SimulationClient): () => string | undefined {
    const request = this.request(client);
    const { account, subject } = request.message;
    const { groups, any } = this.model.audience(account, subject, client.server);
    const answered = [...groups].some((group) => group.startsWith("workers"));
    // Across an import, nobody knows who listens.
    const told = !any && subject !== SHARED_SERVICE;
    return () => {
      const { answers, noResponders } = request;
      if (answered && noResponders > 0) return `a request on ${subject} at ${client.server} was told of no responders`;
      if (answered && answers !== 1) return `a request on ${subject} of ${account} at ${client.server} has no answer`;
      if (told && noResponders !== 1)
        return `a request on ${subject} at ${client.server} was not told that nobody is there`;
      return undefined;
    };
  }

  #of({ account }: SimulationClient): Topics {
    return this.#topics[account as AccountName] as Topics;
  }

  #put(client: SimulationClient, { id, subject }: ModelMessage, reply = ""): void {
    const payload = String(id);
    client.send(`PUB ${subject} ${reply === "" ? "" : `${reply} `}${payload.length}\r\n${payload}\r\n`);
  }

  #sub(
    client: SimulationClient,
    subject: string,
    options: { queue?: string; max?: number; responds?: boolean } = {},
  ): ModelSubscription {
    const added = this.model.subscribe(client, subject, options);
    const { sid, queue, max } = added;
    client.send(`SUB ${subject} ${queue === undefined ? "" : `${queue} `}${sid}\r\n`);
    if (max > 0) {
      client.send(`UNSUB ${sid} ${max}\r\n`);
      this.#whenConfirmed(client, () => this.model.confirmMax(added));
    }
    return added;
  }

  #unsub(subscription: ModelSubscription): void {
    const { client, sid } = subscription;
    subscription.state = "ending";
    client.send(`UNSUB ${sid}\r\n`);
    this.#whenConfirmed(client, () => this.model.confirmEnd(subscription));
  }

  #whenConfirmed(client: SimulationClient, confirm: () => void): void {
    const unconfirmed = this.#unconfirmed.get(client) ?? [];
    this.#unconfirmed.set(client, unconfirmed);
    unconfirmed.push({ pong: client.ping(), confirm });
  }

  #confirmed(client: SimulationClient, count: number): void {
    const unconfirmed = this.#unconfirmed.get(client) ?? [];
    while (unconfirmed.length > 0 && unconfirmed[0].pong <= count) unconfirmed.shift()!.confirm();
  }

  #arrived(delivery: Delivery): void {
    try {
      const { message, to } = this.model.deliver(delivery);
      if (to.responds && delivery.reply !== undefined) this.#answer(delivery, message);
      else {
        const asked = [...this.model.requests.values()].find(({ inbox }) => inbox === to);
        if (asked !== undefined && asked.message !== message) asked.answers++;
      }
    } catch (error) {
      this.failure ??= error as Error;
      // Whoever moves time hears of it at once: what follows may be endless.
      throw error;
    }
  }

  #answer({ client, reply }: Delivery, message: ModelMessage): void {
    const request = this.model.requests.get(message.id);
    if (request === undefined) return;
    this.#put(client, { ...this.model.answer(client, request), subject: reply as string });
  }
}
