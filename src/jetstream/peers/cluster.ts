// JetStream of several servers: takes what the rooms below it know of each other together. Without replication a stream is on
// one server; every server of the cluster and super-cluster reaches it (docs/architecture.md, "One JetStream of many servers").
import type { Account } from "../../accounts/account.js";
import type { DeliveryTarget } from "../../accounts/subscription.js";
import { serverHash } from "../../server/server-hash.js";
import { Answering, type Asked, type AskedDirectly, type Verdict } from "../api/answering.js";
import type { Admission, Api, DirectRequest } from "../api/api.js";
import { ApiError } from "../errors.js";
import type { JetStream } from "../jetstream.js";
import { statusBlock } from "../streams/publish-headers.js";
import { FORWARDED, ForwardedRequests } from "./forwarded-requests.js";
import { type Delivery, type ForwardedRequest, Forwarding } from "./forwarding.js";
import { NeighbourApi } from "./neighbour-api.js";
import { PeerChannel, type PeerMessage, type PeerSender } from "./peer-channel.js";
import { PeerQuestions, type Question } from "./peer-questions.js";
import type { PeerWork } from "./peer-work.js";
import { Peers } from "./peers.js";
import { Placement } from "./placement.js";
import { ServerRemoval } from "./server-removal.js";
import { type TakenRequest, Takers } from "./takers.js";
import { UsageElsewhere } from "./usage-elsewhere.js";
import { answerQuestion } from "./whole-account.js";

/** Requests that wait until somebody can decide, and how long they do. */
const MOST_WAITING = 10_000;
const WAIT_MS = 10_000;
/** A server that has come says within this time that it is natsnode, and what it has. */
const JOIN_MS = 1500;
/** After this long interest of nats-servers is known. */
const STRANGERS_MS = 250;
/** Subjects of requests that make a stream. */
const MAKES = /\.STREAM\.(?:CREATE|RESTORE)\./;
const NO_BYTES = Buffer.alloc(0);
const NOBODY: ReadonlySet<string> = new Set();

/** What is sent to another server of a request. */
type Kept = Pick<Asked, "subject" | "reply" | "payload" | "headerBlock">;

interface Waiting {
  readonly again: () => void;
  readonly untilMs: number;
}

export class JetStreamCluster implements Admission, PeerWork {
  readonly peers: Peers;
  readonly questions: PeerQuestions;
  readonly usage: UsageElsewhere;
  readonly #js: JetStream;
  readonly #api: Api;
  readonly #answering: Answering;
  readonly #takers: Takers;
  readonly #placement: Placement;
  readonly #removal: ServerRemoval;
  readonly #forwarding: Forwarding;
  readonly #forwarded: ForwardedRequests;
  readonly #neighbours: NeighbourApi;
  #waiting: Waiting[] = [];
  /** Ids of the servers whose streams are known. */
  #known = "";
  #decides = false;
  #stop: (() => void) | undefined;
  /** When a server of the cluster has come, monotonic. */
  #joinedMs = Number.NEGATIVE_INFINITY;
  #whenReady: (() => void) | undefined;

  constructor(js: JetStream, api: Api, system: Account) {
    this.#js = js;
    this.#api = api;
    this.peers = new Peers(js, (listener) => new PeerChannel(js.server, system, listener));
    this.peers.work = this;
    this.questions = new PeerQuestions(js, this.peers, (question: Question) =>
      question.what === "taken" ? this.#hasTaken(question) : answerQuestion(js, question),
    );
    this.#takers = new Takers(js, this.peers, this.questions);
    this.usage = new UsageElsewhere(js, this.peers);
    this.#answering = new Answering(this.peers);
    this.#removal = new ServerRemoval(js, system, this.peers);
    this.#neighbours = new NeighbourApi(js.server, system);
    this.#forwarding = new Forwarding(js.server, (serverId, message) => this.peers.tell(serverId, message));
    this.#forwarded = new ForwardedRequests(js, this.peers, api);
    this.#placement = new Placement(js, this.peers, api);
  }

  start(): void {
    this.#removal.start();
    this.#stop = this.#js.server.events.on("peerJoined", () => {
      this.#joinedMs = this.#nowMs;
    });
    this.peers.start();
    this.usage.start();
  }

  close(): void {
    this.#removal.close();
    this.#stop?.();
    this.usage.close();
    this.peers.close();
  }

  /** Calls back when this server knows what the others have. */
  whenReady(done: () => void): void {
    if (this.peers.isReady) done();
    else this.#whenReady = done;
  }

  whenTold(done: () => void): void {
    this.peers.whenTold(done);
  }

  serves(account: Account): void {
    this.#forwarded.serves(account);
  }

  admit(asked: Asked, run: () => void): void {
    const { account, subject, reply, source } = asked;
    if (this.#forwarded.isNew(account, subject, reply, source))
      this.#admit(asked, run, this.#forwarding.delivery(account));
  }

  #admit(asked: Asked, run: () => void, delivery: Delivery): void {
    const verdict = this.#answering.judge(asked);
    const { account, subject, stream, reply, source } = asked;
    const request = { account: account.name, stream, subject, reply };
    // What another server has forwarded, it leaves to this one, which may know better.
    if (source === FORWARDED) this.#performForwarded(asked, run, delivery, this.#takers.forwarded(request));
    else if (verdict instanceof ApiError && this.#nowMs - this.#joinedMs < JOIN_MS) {
      // Perhaps the server that was offline.
      this.#wait(delivery, () => this.#admit(asked, run, delivery));
    } else if (this.#takes(verdict, request, source?.peer)) {
      this.#takers.claim(request, () => this.#takeOn(asked, run, delivery));
    } else {
      if (isLeft(verdict)) this.#takers.passed(request);
      this.#perform(verdict, asked, run, delivery);
    }
  }

  #performForwarded(asked: Asked, run: () => void, delivery: Delivery, isFirst: boolean): void {
    const verdict = this.#answering.judge(asked);
    if (verdict === "later") this.#wait(delivery, () => this.#performForwarded(asked, run, delivery, isFirst));
    else if (!isLeft(verdict)) this.#perform(verdict, asked, run, delivery);
    else if (isFirst) this.#forward(asked, { ...delivery, hearers: NOBODY }, asked);
  }

  // Whether this server answers, or has to see that somebody does.
  #takes(verdict: Verdict, request: TakenRequest, peer: DeliveryTarget["peer"]): boolean {
    if (verdict === "answer" || verdict instanceof ApiError) return true;
    // Those that believe the stream to be here are silent.
    if (verdict === "place") return peer === undefined || this.#takers.wasHere(request);
    const isWatched = this.peers.coordinator === "own" || this.#takers.isExpectedHere(request);
    return isLeft(verdict) && isWatched && !this.#takers.isSettled(request);
  }

  #hasTaken(question: Question): boolean {
    const has = this.#takers.hasTaken(question);
    if (!has && MAKES.test(String(question["subject"]))) {
      this.#placement.leave({
        account: question.account,
        name: String(question["stream"]),
        reply: String(question["reply"]),
      });
    }
    return has;
  }

  // Nobody else takes it, so that whoever is to answer now hears of it from here.
  #takeOn(asked: Asked, run: () => void, delivery: Delivery): void {
    const verdict = this.#answering.judge(asked);
    if (isLeft(verdict)) this.#forward({ ...asked, source: undefined }, { ...delivery, hearers: NOBODY }, asked);
    else this.#perform(verdict, verdict === "place" ? { ...asked, source: undefined } : asked, run, delivery);
  }

  #perform(verdict: Verdict, asked: Asked, run: () => void, delivery: Delivery): void {
    const { account, rest, reply, payload, source } = asked;
    if (verdict === "answer") run();
    else if (verdict === "neighbours") this.#neighbours.ask(account, rest, reply, payload, source);
    else if (verdict === "place") this.#placement.take(asked);
    else if (verdict === "later") this.#wait(delivery, () => this.#admit(asked, run, delivery));
    else if (isLeft(verdict)) this.#forward(asked, delivery, asked);
    else if (verdict instanceof ApiError) this.#api.respond(asked, this.#api.refusal(asked, verdict));
  }

  admitDirect(asked: AskedDirectly, { message, payload, headerBlock, reply }: DirectRequest): boolean {
    const { account, source } = asked;
    const { subject } = message;
    if (!this.#forwarded.isNew(account, subject, reply, source)) return false;
    const verdict = this.#answering.judgeDirect(asked);
    if (verdict === "no responders") this.#tellNobody(asked, reply);
    else if (isLeft(verdict)) {
      this.#forwardDirect(asked, { subject, reply, payload, headerBlock });
      if (this.#isGoneHere(asked)) this.#tellNobody(asked, reply);
    } else if (verdict === "later" && reply !== "") {
      const kept = { subject, reply, payload: Buffer.from(payload), headerBlock: Buffer.from(headerBlock) };
      this.#admitLate(asked, this.#forwarding.delivery(account), kept);
    }
    return verdict === "answer";
  }

  // Of what another server has forwarded this one judges alone, and passes it on once.
  #forwardDirect(asked: AskedDirectly, request: Kept): void {
    if (asked.source !== FORWARDED) this.#forward(asked, undefined, request);
    else if (this.#takers.forwarded(takenDirectly(asked, request.reply))) {
      this.#forward(asked, { ...this.#forwarding.delivery(asked.account), hearers: NOBODY }, request);
    }
  }

  // Others may believe that it is still here, and be silent.
  #isGoneHere({ account, stream }: AskedDirectly): boolean {
    const wasHere = this.#takers.wasHere({ account: account.name, stream });
    return wasHere && this.peers.holder(account.name, stream) === undefined;
  }

  // The request itself is gone when it is known who has the stream.
  #admitLate(asked: AskedDirectly, delivery: Delivery, request: Kept): void {
    this.#wait(delivery, () => {
      const verdict = this.#answering.judgeDirect(asked);
      if (verdict === "answer" || verdict === "no responders") this.#tellNobody(asked, request.reply);
      else if (verdict === "later") this.#admitLate(asked, delivery, request);
      else this.#forward(asked, delivery, request);
    });
  }

  // What a client of this server asks is answered by another one, which may not hear it. Accounts that are not of JWTs are
  // everywhere from the beginning: only what was asked before the servers knew each other was not heard.
  #forward(
    { account, stream, rest, source }: AskedDirectly,
    delivery: Delivery | undefined,
    { subject, reply, payload, headerBlock: headers }: Kept,
  ): void {
    if (source?.peer !== undefined) return;
    if (delivery === undefined && this.#js.server.operatorMode === undefined) return;
    const { coordinator } = this.peers;
    const to = this.peers.holder(account.name, stream) ?? coordinator;
    if (to === undefined || to === "own") return;
    this.#forwarding.send(to, account, delivery ?? this.#forwarding.delivery(account), {
      rest,
      subject,
      reply,
      payload,
      headers,
    });
  }

  nobody(asked: AskedDirectly, reply: string): void {
    this.#tellNobody(asked, reply);
  }

  #tellNobody(asked: AskedDirectly, reply: string): void {
    if (reply === "" || this.#answering.isOfStrangers(asked)) return;
    // What nats-servers have just made is perhaps not known to listen yet.
    if (this.peers.hasStrangers(asked.domain)) {
      this.#js.after(STRANGERS_MS, () => this.#tellNobodyStill(asked, reply));
      return;
    }
    this.#sendNobody(asked, reply);
  }

  #tellNobodyStill(asked: AskedDirectly, reply: string): void {
    if (!this.#answering.isOfStrangers(asked)) this.#sendNobody(asked, reply);
  }

  #sendNobody(asked: AskedDirectly, reply: string): void {
    this.#takers.claim(takenDirectly(asked, reply), () => {
      // It may have come to another server while the others were asked.
      if (!this.#answering.isElsewhere(asked)) this.#js.send(asked.account, reply, NO_BYTES, statusBlock("503"));
    });
  }

  #wait({ atMs }: Delivery, again: () => void): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ again, untilMs: atMs + WAIT_MS });
  }

  /** Where streams of this server are, for answers. */
  get place(): { readonly name: string | undefined; readonly leader: string } {
    const { server } = this.#js;
    return { name: server.clusterName, leader: server.name };
  }

  /** The servers and who decides, as /jsz shows a meta group. */
  describe(): object {
    const { server } = this.#js;
    const { coordinator } = this.peers;
    const leader = coordinator === "own" ? server.name : coordinator?.name;
    const replicas = [...this.peers.all].map(({ name, isOnline, isReady, heardMs }) => ({
      name,
      current: isReady,
      offline: isOnline ? undefined : true,
      active: Math.round((this.#nowMs - heardMs) * 1e6),
      peer: serverHash(name),
    }));
    return {
      name: server.clusterName,
      leader,
      peer: leader === undefined ? undefined : serverHash(leader),
      replicas: replicas.length > 0 ? replicas : undefined,
      cluster_size: replicas.length + 1,
      pending: 0,
      pending_requests: 0,
      pending_infos: 0,
    };
  }

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  heard(from: PeerSender, message: PeerMessage): void {
    if (message.kind === "ask" || message.kind === "answer") this.questions.heard(from, message);
    else if (message.kind === "forward") {
      this.#forwarded.heard(from, message as unknown as ForwardedRequest).catch((error: unknown) => {
        this.#js.server.logger.error(`JetStream: what server ${from.name} has forwarded: ${String(error)}`);
      });
    } else if (message.kind === "hears") this.#forwarding.heard(from, String(message["account"]));
    else if (message.kind === "usage") this.usage.heard(from, message);
    else if (message.kind === "forget") this.#removal.heard(message);
    else this.#placement.heard(from, message);
  }

  lost(serverId: string): void {
    this.#forwarding.forget(serverId);
  }

  nameChanged(account: string, name: string, isGoneHere: boolean): void {
    this.#takers.changed(account, name, isGoneHere);
  }

  follow(): void {
    this.#takers.allChanged();
    const decides = this.peers.coordinator === "own";
    if (this.#decides && !decides) this.#takers.decided();
    this.#decides = decides;
    this.#placement.follow();
  }

  changed(): void {
    const known = this.peers.online.flatMap(({ id, isUnknown }) => (isUnknown ? [] : id)).join();
    if (known !== this.#known) this.#takers.allChanged();
    this.#known = known;
    if (this.peers.coordinator === undefined) return;
    const waiting = this.#waiting.filter(({ untilMs }) => untilMs > this.#nowMs);
    this.#waiting = [];
    for (const { again } of waiting) again();
    this.#placement.changed();
    for (const { fed } of this.#js.accounts.values()) for (const { inflows } of fed) inflows?.originsMoved();
    if (!this.peers.isReady) return;
    const ready = this.#whenReady;
    this.#whenReady = undefined;
    ready?.();
  }
}

/** Whether another server answers. */
const isLeft = (verdict: unknown): boolean => verdict === "silence" || verdict === "coordinator";

const takenDirectly = ({ account, stream, rest }: AskedDirectly, reply: string): TakenRequest => ({
  account: account.name,
  stream,
  subject: rest,
  reply,
  isDirect: true,
});
