// Where a new stream goes. The server that a request comes in at asks the coordinator, which gives each name to one server
// at a time and chooses that server; the server makes the stream, and its answer goes back the same way.
import type { Asked } from "./answering.js";
import { ApiError } from "./errors.js";
import type { JetStream } from "./jetstream.js";
import type { Peer } from "./peer.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";
import { readNewStream, type Site, siteFor } from "./sites.js";

/** A server that begins to decide first hears what others have made. */
const TAKEOVER_MS = 250;
/** How long a request of another server may be on its way behind the one that its client has sent. */
const CLAIM_MS = 250;
/** A server that was given a name has so long to make the stream. */
const GIVEN_MS = 10_000;
const MOST_HOPS = 3;
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

export class Placement {
  readonly #js: JetStream;
  readonly #peers: Peers;
  readonly #maker: Maker;
  readonly #entries = new Map<string, Entry>();
  /** Names that were given away, with the id of the server, until it has told of the stream. */
  readonly #given = new Map<string, string>();
  /** Names, with reply subjects, of requests that a server has taken up. */
  readonly #claimed = new Set<string>();

  constructor(js: JetStream, peers: Peers, maker: Maker) {
    this.#js = js;
    this.#peers = peers;
    this.#maker = maker;
  }

  // ---------------------------------------------------------------- where the request comes in

  /** Takes up a request to make a stream that no server has. */
  take(asked: Asked): void {
    if (asked.source?.peer !== undefined) this.#watch(asked);
    else this.#enter(asked);
  }

  // The server that it came in at asks; where that has no JetStream, nobody does.
  #watch(asked: Asked): void {
    if (this.#peers.coordinator !== "own") return;
    this.#js.after(CLAIM_MS, () => {
      if (!this.#claimed.has(claimOf(asked.stream, asked.reply)) && this.#peers.coordinator === "own")
        this.#enter(asked);
    });
  }

  #enter(asked: Asked): void {
    if (this.#entries.size >= MOST_REQUESTS) return;
    const id = this.#js.nuid();
    const entry: Entry = { asked, askedOf: undefined };
    this.#entries.set(id, entry);
    this.#js.after(GIVEN_MS, () => this.#entries.delete(id));
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

  /** Who decides may be another now. */
  changed(): void {
    const { coordinatorId: decides } = this.#peers;
    if (decides === undefined) return;
    for (const [id, entry] of this.#entries) {
      // One that is still there has taken it up.
      const isAsked = entry.askedOf === decides || (entry.askedOf !== undefined && this.#isThere(entry.askedOf));
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
        this.#make(from.id, message as unknown as Placing);
        return;
      case "made":
        this.#made(message as unknown as { id: string; text: string });
        return;
      case "free":
        this.#given.delete(keyOf(message as unknown as Placing));
    }
  }

  #send(serverId: string, message: PeerMessage): void {
    if (serverId === this.#js.server.id) this.heard(this.#js.server, message);
    else this.#peers.tell(serverId, message);
  }

  // At the coordinator, or at the one before, which sends it on.
  #place(placing: Placing): void {
    const { coordinator } = this.#peers;
    if (coordinator !== "own") {
      const hops = placing.hops + 1;
      if (coordinator !== undefined && hops <= MOST_HOPS)
        this.#send(coordinator.id, { ...placing, hops, kind: "place" });
      return;
    }
    const claim = claimOf(placing.name, placing.reply);
    this.#claimed.add(claim);
    this.#js.after(2 * CLAIM_MS, () => this.#claimed.delete(claim));
    const waitMs = this.#peers.decidesSinceMs + TAKEOVER_MS - this.#js.server.runtime.clock.monotonicMs();
    if (waitMs > 0 && this.#peers.online.length > 0) this.#js.after(waitMs, () => this.#give(placing));
    else this.#give(placing);
  }

  #give(placing: Placing): void {
    try {
      this.#send(this.#serverFor(placing), { ...placing, kind: "make" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { id, entry, rest } = placing;
      this.#send(entry, { kind: "made", id, text: this.#maker.refusal({ rest }, error) });
    }
  }

  // The id of the server that makes the stream, or has it already. Throws ApiError.
  #serverFor(placing: Placing): string {
    const { server } = this.#js;
    const key = keyOf(placing);
    const given = this.#given.get(key);
    const known = this.#holderOf(placing) ?? (given !== undefined && this.#isThere(given) ? given : undefined);
    if (known !== undefined) return known;
    const wanted = readNewStream(Buffer.from(placing.payload, "base64"));
    const { id } = wanted === undefined ? server : siteFor(wanted, placing.entry, this.#sites());
    this.#given.set(key, id);
    this.#js.after(GIVEN_MS, () => this.#given.delete(key));
    return id;
  }

  // The id of the server that has the stream, or restores it. Throws ApiError.
  #holderOf({ account: accountName, name }: Placing): string | undefined {
    if (this.#js.hasName(accountName, name)) return this.#js.server.id;
    const holder = this.#peers.holder(accountName, name);
    if (holder?.isOnline === false) throw new ApiError("streamOffline");
    return holder?.id ?? this.#peers.restorer(accountName, name)?.id;
  }

  #isThere(serverId: string): boolean {
    return serverId === this.#js.server.id || this.#peers.online.some(({ id }) => id === serverId);
  }

  #sites(): Site[] {
    const { server } = this.#js;
    const of = ({ id, name, cluster }: Pick<Peer, "id" | "name" | "cluster">, said: Peer["introduction"]): Site[] =>
      said === undefined ? [] : [{ id, name, cluster, ...said }];
    const own = { id: server.id, name: server.name, cluster: server.clusterName ?? "" };
    return [...of(own, this.#peers.own), ...this.#peers.online.flatMap((peer) => of(peer, peer.introduction))];
  }

  // At the server that was chosen.
  #make(decides: string, { id, entry, account: accountName, name, rest, payload }: Placing): void {
    const { accounts } = this.#js.server;
    const done = (text: string): void => {
      this.#send(decides, { kind: "free", account: accountName, name });
      this.#send(entry, { kind: "made", id, text });
    };
    const perform = (): void => {
      const account = accounts.get(accountName);
      if (account === undefined) done(this.#maker.refusal({ rest }, new ApiError("notEnabledForAccount")));
      else this.#maker.perform({ account, rest, payload: Buffer.from(payload, "base64") }, done);
    };
    if (accounts.get(accountName) !== undefined) perform();
    else void this.#js.loading.load(accountName).then(perform);
  }

  // Back where it came in.
  #made({ id, text }: { id: string; text: string }): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry !== undefined) this.#maker.respond(entry.asked, text);
  }
}

const claimOf = (name: string, reply: string): string => `${name} ${reply}`;
const keyOf = ({ account, name }: Pick<Placing, "account" | "name">): string => `${account} ${name}`;
