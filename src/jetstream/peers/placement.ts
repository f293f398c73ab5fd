// Where a new stream goes. The server that a request comes in at asks the coordinator, which gives each name to one server
// at a time and chooses that server; the server makes the stream, and its answer goes back the same way.
import type { Asked } from "../api/answering.js";
import { ApiError } from "../errors.js";
import type { JetStream } from "../jetstream.js";
import { type FreedName, type GivenName, GivenNames } from "./given-names.js";
import type { Peer } from "./peer.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";
import { type NewStream, readNewStream, type Site, siteFor } from "./sites.js";

/** How long a request of another server may be on its way behind the one that its client has sent. */
const CLAIM_MS = 250;
const CLAIMED_MS = 2000;
/** A request is forgotten after this long. */
const REQUEST_MS = 10_000;
/** A server waits so long for what the coordinator had heard of others. */
const HEAR_MS = 2000;
const MOST_HOPS = 5;
/** Requests that wait for an answer at a time. */
const MOST_REQUESTS = 10_000;

/** What a server does for another one that has taken a request. */
export interface Maker {
  /** Handles a request and hands the answer over, as JSON. */
  perform(asked: Pick<Asked, "account" | "rest" | "payload">, done: (text: string) => void): void;
  /** Sends an answer to the client. */
  respond(asked: Asked, text: string): void;
  /** The answer that a request is refused with. */
  refusal(asked: Pick<Asked, "rest">, error: ApiError): string;
}

interface Entry {
  readonly asked: Asked;
  /** The id of the server that was asked; undefined while nobody decides. */
  askedOf: string | undefined;
}

/** A request for a name. */
type Named = Pick<Placing, "account" | "name" | "reply">;

/** A request on its way through the servers. */
interface Placing {
  readonly id: string;
  /** The id of the server that the client is connected to. */
  readonly entry: string;
  readonly account: string;
  readonly name: string;
  readonly rest: string;
  readonly reply: string;
  readonly payload: string;
  /** How many servers that no longer decided it has come through. */
  readonly hops: number;
}

/** Servers, by their ids, with the last change of each that is known. */
type Revisions = Readonly<Record<string, number>>;

/** A request that waits until this server knows who decides, or may decide itself. */
interface Kept {
  readonly placing: Placing;
  readonly untilMs: number;
}

/** What a server that decided hands to the one that does now. */
interface Handover {
  readonly given: readonly GivenName[];
  readonly claims: readonly string[];
}

export class Placement {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #maker: Maker;
  readonly #entries = new Map<string, Entry>();
  readonly #given: GivenNames;
  /** Accounts and names, with reply subjects, of requests that a server has taken up. */
  readonly #claimed = new Set<string>();
  /** What this server was given and has not answered, by request. */
  readonly #making = new Map<string, GivenName>();
  #kept: Kept[] = [];
  #unheard: { readonly known: Revisions; readonly done: () => void }[] = [];

  constructor(js: JetStream, peers: Peers, maker: Maker) {
    this.#js = js;
    this.#peers = peers;
    this.#maker = maker;
    this.#given = new GivenNames(js, peers);
  }

  // ---------------------------------------------------------------- where the request comes in

  /** Takes up a request to make a stream that no server has. */
  take(asked: Asked): void {
    if (asked.source?.peer !== undefined) this.#watch(asked);
    else this.#enter(asked);
  }

  /** Another server has taken a request for a name. */
  leave(request: Named): void {
    this.#claim(claimOf(request));
  }

  // The server that it came in at asks; where that has no JetStream, nobody does.
  #watch(asked: Asked): void {
    const claim = claimOf({ account: asked.account.name, name: asked.stream, reply: asked.reply });
    this.#js.after(CLAIM_MS, () => {
      if (!this.#claimed.has(claim) && this.#peers.coordinator === "own") this.#enter(asked);
    });
  }

  #enter(asked: Asked): void {
    if (this.#entries.size >= MOST_REQUESTS) return;
    const id = this.#js.nuid();
    const entry: Entry = { asked, askedOf: undefined };
    this.#entries.set(id, entry);
    this.#js.after(REQUEST_MS, () => this.#entries.delete(id));
    this.#ask(id, entry);
  }

  #ask(id: string, entry: Entry): void {
    const { server } = this.#js;
    const { coordinatorId: decides } = this.#peers;
    if (decides === undefined) return;
    const { account, stream, rest, reply, payload } = entry.asked;
    const placing: Placing = {
      id,
      entry: server.id,
      account: account.name,
      name: stream,
      rest,
      reply,
      payload: payload.toString("base64"),
      hops: 0,
    };
    entry.askedOf = decides;
    this.#send(decides, { kind: "place", ...placing });
  }

  /** Who decides may be another now, or more is known. */
  changed(): void {
    this.#given.settle();
    const unheard = this.#unheard.filter(({ known }) => this.#hasHeard(known));
    this.#unheard = this.#unheard.filter((one) => !unheard.includes(one));
    for (const { done } of unheard) done();
    this.#placeKept();
    const { coordinatorId: decides } = this.#peers;
    if (decides === undefined) return;
    for (const [id, entry] of this.#entries) {
      // One that is still there has taken it up.
      const isAsked = entry.askedOf === decides || (entry.askedOf !== undefined && this.#peers.isThere(entry.askedOf));
      if (!isAsked) this.#ask(id, entry);
    }
  }

  // ---------------------------------------------------------------- between the servers

  heard(from: Pick<PeerSender, "id">, message: PeerMessage): void {
    if (this.#peers.isLeaving) return;
    switch (message.kind) {
      case "place":
        this.#place(message as unknown as Placing);
        return;
      case "make":
        this.#make(from.id, message as unknown as Placing & { known: Revisions });
        return;
      case "made":
        this.#made(message as unknown as { id: string; text: string });
        return;
      case "free":
        this.#given.free(message as unknown as FreedName);
        this.#placeKept();
        return;
      case "making?":
        this.#answerFor(from.id, message as unknown as { account: string; name: string; requests: string[] });
        return;
      case "handover":
        this.#takeOver(message as unknown as Handover);
    }
  }

  /** Tells the server that decides what was given, and what is being made here. */
  follow(): void {
    const { coordinator } = this.#peers;
    if (coordinator === undefined || coordinator === "own") return;
    const given = [...this.#given.all(), ...this.#making.values()];
    const handover: Handover = { given, claims: [...this.#claimed] };
    if (given.length > 0 || this.#claimed.size > 0) this.#send(coordinator.id, { kind: "handover", ...handover });
    this.#given.clear();
  }

  #takeOver({ given, claims }: Handover): void {
    for (const one of given) if (this.#peers.isThere(one.server)) this.#given.give(one);
    for (const claim of claims) this.#claim(claim);
  }

  #send(serverId: string, message: PeerMessage): void {
    if (serverId === this.#js.server.id) this.heard(this.#js.server, message);
    else this.#peers.tell(serverId, message);
  }

  // At the coordinator, or at the one before, which sends it on.
  #place(placing: Placing, untilMs = this.#nowMs + REQUEST_MS): void {
    this.#claim(claimOf(placing));
    const { coordinator, coordination } = this.#peers;
    const isClear = coordinator === "own" ? coordination.mayDecide : coordinator?.isUnknown === false;
    if (!isClear) this.#keep({ placing, untilMs });
    else if (coordinator === "own") this.#give(placing, untilMs);
    else if (placing.hops < MOST_HOPS && coordinator !== undefined) {
      this.#send(coordinator.id, { ...placing, hops: placing.hops + 1, kind: "place" });
    }
  }

  #claim(claim: string): void {
    if (this.#claimed.has(claim) || this.#claimed.size >= MOST_REQUESTS) return;
    this.#claimed.add(claim);
    this.#js.after(CLAIMED_MS, () => this.#claimed.delete(claim));
  }

  #keep(kept: Kept): void {
    if (this.#kept.length < MOST_REQUESTS) this.#kept.push(kept);
  }

  #placeKept(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const { placing, untilMs } of kept) if (untilMs > this.#nowMs) this.#place(placing, untilMs);
  }

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  #give(placing: Placing, untilMs: number): void {
    const { id, account, name, entry, rest } = placing;
    try {
      const wanted = readNewStream(Buffer.from(placing.payload, "base64"));
      const subjects = wanted?.subjects ?? [];
      // What comes of the other one decides on this one.
      if (this.#given.overlap(account, name, subjects)) {
        this.#keep({ placing, untilMs });
        return;
      }
      const server = this.#holderOf(placing) ?? this.#given.serverOf(account, name) ?? this.#siteOf(wanted, entry);
      this.#given.give({ account, name, request: id, server, subjects });
      this.#send(server, { ...placing, known: this.#known(), kind: "make" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#send(entry, { kind: "made", id, text: this.#maker.refusal({ rest }, error) });
    }
  }

  // Throws ApiError.
  #siteOf(wanted: NewStream | undefined, entry: string): string {
    return wanted === undefined ? this.#js.server.id : siteFor(wanted, entry, this.#sites()).id;
  }

  #known(): Revisions {
    return Object.fromEntries(this.#peers.online.map(({ id, revision }) => [id, revision ?? 0]));
  }

  // The id of the server that has the stream, or restores it. Throws ApiError.
  #holderOf({ account: accountName, name }: Placing): string | undefined {
    if (this.#js.hasName(accountName, name)) return this.#js.server.id;
    const holder = this.#peers.holder(accountName, name);
    if (holder?.isOnline === false) throw new ApiError("streamOffline");
    return holder?.id ?? this.#peers.restorer(accountName, name)?.id;
  }

  #sites(): Site[] {
    const { server } = this.#js;
    const of = ({ id, name, cluster }: Pick<Peer, "id" | "name" | "cluster">, said: Peer["introduction"]): Site[] =>
      said === undefined ? [] : [{ id, name, cluster, ...said }];
    const own = { id: server.id, name: server.name, cluster: server.clusterName ?? "" };
    return [...of(own, this.#peers.own), ...this.#peers.online.flatMap((peer) => of(peer, peer.introduction))];
  }

  // At the server that was chosen.
  #make(decides: string, { known, ...placing }: Placing & { known: Revisions }): void {
    if (!this.#peers.coordination.follows(decides)) {
      // Another server decides now, and may have given the name to somebody else.
      this.#place(placing);
      return;
    }
    const { id, account, name } = placing;
    const subjects = readNewStream(Buffer.from(placing.payload, "base64"))?.subjects ?? [];
    this.#making.set(id, { account, name, request: id, server: this.#js.server.id, subjects });
    const perform = (): void => this.#perform(decides, placing);
    if (this.#hasHeard(known)) perform();
    else this.#hear(known, perform);
  }

  // What the coordinator has heard of others is on its way to this server, too.
  #hear(known: Revisions, done: () => void): void {
    const one = {
      known,
      done: () => {
        timer.cancel();
        done();
      },
    };
    const timer = this.#js.after(HEAR_MS, () => {
      this.#unheard = this.#unheard.filter((other) => other !== one);
      done();
    });
    this.#unheard.push(one);
  }

  #hasHeard(known: Revisions): boolean {
    return Object.entries(known).every(([id, revision]) => !this.#peers.isThere(id) || this.#peers.knows(id, revision));
  }

  #perform(decides: string, placing: Placing): void {
    const { id, entry, account: accountName, name, rest, payload } = placing;
    const { accounts } = this.#js.server;
    const done = (text: string): void => {
      this.#making.delete(id);
      this.#free({ account: accountName, name, request: id });
      this.#send(entry, { kind: "made", id, text });
    };
    const perform = (): void => {
      const account = accounts.get(accountName);
      if (!this.#peers.coordination.follows(decides)) {
        // While it waited another server began to decide, or may have, unheard by this one.
        this.#making.delete(id);
        this.#place(placing);
      } else if (account === undefined) done(this.#maker.refusal({ rest }, new ApiError("notEnabledForAccount")));
      else this.#maker.perform({ account, rest, payload: Buffer.from(payload, "base64") }, done);
    };
    if (accounts.get(accountName) !== undefined) perform();
    else {
      this.#js.loading
        .load(accountName)
        .then(perform)
        .catch((error: unknown) => {
          this.#js.server.logger.error(`JetStream API ${rest}: ${(error as Error).stack ?? String(error)}`);
        });
    }
  }

  #free(freed: Omit<FreedName, "revision">, to = this.#peers.coordinatorId): void {
    if (to !== undefined) this.#send(to, { kind: "free", ...freed, revision: this.#peers.revision });
  }

  // What the coordinator waits for and is not being made here was answered, or its request was lost.
  #answerFor(
    decides: string,
    { account, name, requests }: { account: string; name: string; requests: string[] },
  ): void {
    for (const request of requests) {
      if (!this.#making.has(request)) this.#free({ account, name, request }, decides);
    }
  }

  // Back where it came in.
  #made({ id, text }: { id: string; text: string }): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry !== undefined) this.#maker.respond(entry.asked, text);
  }
}

const claimOf = ({ account, name, reply }: Named): string => `${account} ${name} ${reply}`;
