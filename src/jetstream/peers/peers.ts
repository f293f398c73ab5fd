// The other natsnode servers of the cluster and super-cluster that have JetStream: who is there, which streams they have, and
// which of all decides on what belongs to none (docs/architecture.md, "One JetStream of many servers").
import type { Timer } from "../../runtime/clock.js";
import type { JetStream } from "../jetstream.js";
import type { JetStreamAccount } from "../js-account.js";
import type { StreamConfig } from "../streams/stream-config.js";
import { changedNames } from "./changed-names.js";
import { Coordination, type Coordinator, LEASE_MS } from "./coordination.js";
import { type Introduction, Peer, type PeerStream, type ToldPart, type ToldStream, toldStream } from "./peer.js";
import type { PeerChannel, PeerListener, PeerMessage, PeerSender } from "./peer-channel.js";
import type { PeerWork } from "./peer-work.js";
import { Strangers } from "./strangers.js";
import { ToldChanges } from "./told-changes.js";
import { Twins } from "./twins.js";

const BEAT_MS = 1000;
const INTEREST_MS = 100;
/** A server that does not tell the streams that it was asked for is asked again. */
const ASK_AGAIN_MS = 900;
/** A server that says nothing for this long is offline. */
const SILENT_MS = 7000;
const MOST_PEERS = 1000;

export class Peers implements PeerListener {
  readonly #js: JetStream;
  readonly #channel: PeerChannel;
  readonly #peers = new Map<string, Peer>();
  readonly #told: ToldChanges;
  /** Nats-servers with JetStream. */
  readonly #strangers = new Strangers();
  readonly #stops: (() => void)[] = [];
  readonly twins: Twins;
  readonly #coordination: Coordination;
  #beat: Timer | undefined;
  #beatMs = 0;
  work: PeerWork | undefined;
  /** This server ends: it takes no part in anything new. */
  isLeaving = false;

  constructor(js: JetStream, channel: (listener: PeerListener) => PeerChannel) {
    this.#js = js;
    this.#channel = channel(this);
    this.twins = new Twins(js, this.#peers);
    this.#coordination = new Coordination(js, this.#peers);
    this.#told = new ToldChanges(js, this.#channel);
  }

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  start(): void {
    const { server } = this.#js;
    this.#beatMs = this.#nowMs;
    this.#channel.open();
    this.#stops.push(
      // Once the two have told each other their interest.
      server.events.on("peerJoined", () => this.#js.after(INTEREST_MS, () => this.#introduce())),
      server.events.on("peerLeft", (id) => this.heardOfEnd(id)),
      server.events.on("closing", () => {
        this.isLeaving = true;
        this.#channel.tellAll({ kind: "bye" });
      }),
    );
    this.#introduce();
    this.#beat = server.runtime.clock.every(BEAT_MS, () => this.#pulse());
    for (const ms of Coordination.looksMs) this.#js.after(ms, () => this.#look());
  }

  close(): void {
    this.#beat?.cancel();
    for (const stop of this.#stops) stop();
    this.#channel.close();
    this.#told.confirmed(Number.POSITIVE_INFINITY);
  }

  // ---------------------------------------------------------------- what is known

  /** Whether this server knows the streams of the others. */
  get isReady(): boolean {
    return this.#coordination.isReady;
  }

  /** Who decides on what belongs to no server; undefined while nobody is ready. */
  get coordinator(): Coordinator {
    return this.#coordination.coordinator;
  }

  /** Who decides, and when it may. */
  get coordination(): Coordination {
    return this.#coordination;
  }

  /** The id of the server that decides. */
  get coordinatorId(): string | undefined {
    return this.#coordination.coordinatorId;
  }

  /** How many changes of its streams this server has told. */
  get revision(): number {
    return this.#told.revision;
  }

  /** Whether a server, by its id, is online; this one is. */
  isThere(serverId: string): boolean {
    return serverId === this.#js.server.id || this.#withId(serverId)?.isOnline === true;
  }

  /** Whether the streams of a server, by its id, are known up to a change. */
  knows(serverId: string, revision: number): boolean {
    return serverId === this.#js.server.id || (this.#withId(serverId)?.revision ?? -1) >= revision;
  }

  #withId(serverId: string): Peer | undefined {
    for (const peer of this.#peers.values()) if (peer.id === serverId) return peer;
    return undefined;
  }

  get online(): Peer[] {
    return [...this.#peers.values()].filter(({ isOnline }) => isOnline);
  }

  get all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** The servers beside this one that have a stream of this name, those that are online first. */
  holder(account: string, name: string): Peer | undefined {
    let offline: Peer | undefined;
    for (const peer of this.#peers.values()) {
      if (peer.stream(account, name) === undefined) continue;
      if (peer.isOnline) return peer;
      offline = peer;
    }
    return offline;
  }

  /** The server beside this one that is online and restores a stream of this name. */
  restorer(account: string, name: string): Peer | undefined {
    return this.online.find((peer) => peer.holds(account, name));
  }

  /** Whether this server has the stream, and answers for it: of two of one name the older one counts. */
  isOwn(account: JetStreamAccount, name: string): boolean {
    const own = account.streams.get(name);
    return own !== undefined && this.twins.older(account.account.name, name, own.createdNs) === undefined;
  }

  /** Streams of the other servers in an account; one that several have comes once. */
  streams(account: string): Map<string, { readonly peer: Peer; readonly stream: PeerStream }> {
    const all = new Map<string, { peer: Peer; stream: PeerStream }>();
    for (const peer of this.#peers.values()) {
      for (const [name, stream] of peer.streams.get(account) ?? []) {
        if (peer.isOnline || !all.has(name)) all.set(name, { peer, stream });
      }
    }
    return all;
  }

  *configs(account: string): IterableIterator<StreamConfig> {
    for (const { stream } of this.streams(account).values()) yield stream.config;
  }

  /** Whether nats-servers answer what no natsnode does. */
  hasStrangers(domain: string | undefined): boolean {
    return this.#strangers.answer(domain, this.#nowMs);
  }

  // ---------------------------------------------------------------- what this server tells

  tell(serverId: string, message: PeerMessage): void {
    this.#channel.tell(serverId, message);
  }

  tellAll(message: PeerMessage): void {
    this.#channel.tellAll(message);
  }

  #introduce(serverId?: string): void {
    const message: PeerMessage = { kind: "hello", ...this.own };
    if (serverId === undefined) this.#channel.tellAll(message);
    else this.#channel.tell(serverId, message);
  }

  /** What this server says of itself. */
  get own(): Introduction {
    const { accounts, limits, reserved, server } = this.#js;
    let streams = 0;
    for (const account of accounts.values()) streams += account.streams.size;
    return {
      ready: this.isReady,
      decides: this.coordinatorId,
      revision: this.#told.revision,
      others: this.online.map(({ name }) => name),
      tags: server.options.serverTags,
      streams,
      memory: limits.memory - reserved.memory,
      file: limits.file - reserved.file,
    };
  }

  /** A stream of this server has come or changed, or is gone (without `stream`). @param isUpdate it was there before */
  changed(account: string, name: string, stream?: PeerStream, isUpdate = false): void {
    this.#told.tell(stream === undefined ? { account, name } : toldStream(account, stream));
    this.twins.look(account, name);
    if (!isUpdate) this.work?.nameChanged(account, name, stream === undefined);
  }

  /** A stream of this name is being restored by this server, or (`held` is false) is no longer and is not there. */
  restoring(account: string, name: string, held: boolean): void {
    this.#told.tell({ account, name, held: held || undefined });
  }

  /** Calls back when the coordinator knows of all changes so far. */
  whenTold(done: () => void): void {
    const { coordinator } = this;
    const isKnown = coordinator === "own" || coordinator === undefined || coordinator.seen >= this.#told.revision;
    if (isKnown) done();
    else this.#told.whenConfirmed(done);
  }

  // ---------------------------------------------------------------- what others tell

  heard(from: PeerSender, message: PeerMessage): void {
    this.#strangers.forget(from.id);
    // A server without JetStream may forward a request, too, which makes it none of these.
    if (message.kind === "forward") {
      this.work?.heard(from, message);
      return;
    }
    if (from.domain !== (this.#js.domain ?? "")) return;
    const peer = this.#know(from);
    if (peer === undefined) return;
    const silentMs = this.#nowMs - peer.heardMs;
    peer.heardMs = this.#nowMs;
    // It, this server or what joins them was held up, and much may be old that comes now.
    if (silentMs > LEASE_MS && peer.revision !== undefined) this.#doubt(peer);
    switch (message.kind) {
      case "hello":
        this.#greeted(peer, message as unknown as Introduction);
        return;
      case "bye":
        this.#lost(peer);
        return;
      case "want":
        this.#told.tellEverything(peer.id);
        if (peer === this.coordinator) this.work?.follow();
        return;
      case "streams":
        this.#takeStreams(peer, message as unknown as ToldPart);
        return;
      case "change":
        this.#changedThere(peer, message as unknown as { revision: number; stream: ToldStream });
        return;
      case "seen":
        peer.seen = Math.max(peer.seen, Number(message["revision"]));
        if (peer === this.coordinator) this.#told.confirmed(peer.seen);
        return;
      default:
        this.work?.heard(from, message);
    }
  }

  #know({ id, name, cluster }: PeerSender): Peer | undefined {
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      if (this.#peers.size >= MOST_PEERS || name === this.#js.server.name) return undefined;
      peer = new Peer(name, id, cluster);
      this.#peers.set(name, peer);
      this.#meet(peer);
    } else if (peer.id !== id || !peer.isOnline) {
      this.work?.lost(peer.id);
      peer.id = id;
      peer.cluster = cluster;
      peer.begin();
      this.#meet(peer);
    }
    return peer;
  }

  // What it has is to be told anew, by answers to what is asked now.
  #doubt(peer: Peer): void {
    peer.doubt();
    this.#meet(peer);
  }

  #meet(peer: Peer): void {
    peer.metMs = this.#nowMs;
    peer.heardMs = this.#nowMs;
    this.#introduce(peer.id);
    this.#ask(peer);
  }

  #greeted(peer: Peer, introduction: Introduction): void {
    peer.introduction = introduction;
    // Something it has told did not arrive.
    if (peer.revision !== undefined && peer.revision !== introduction.revision) this.#ask(peer);
    this.#look();
  }

  #ask(peer: Peer): void {
    peer.askedMs = this.#nowMs;
    this.#channel.tell(peer.id, { kind: "want" });
  }

  #takeStreams(peer: Peer, told: ToldPart): void {
    peer.askedMs = this.#nowMs;
    const before = peer.revision === undefined && peer.streams.size === 0 ? undefined : peer.streams;
    if (!peer.takePart(told)) {
      // The rest of a telling whose beginning was lost comes without an end; a new one was asked for already.
      if (told.last) this.#ask(peer);
      return;
    }
    if (!told.last) return;
    this.#seen(peer);
    for (const [account, of] of peer.streams) for (const name of of.keys()) this.twins.look(account, name);
    for (const one of changedNames(before, peer.streams)) this.work?.nameChanged(one.account, one.name, false);
    this.#look();
  }

  #changedThere(peer: Peer, { revision, stream }: { revision: number; stream: ToldStream }): void {
    // All of its streams are on their way.
    if (peer.revision === undefined) return;
    if (revision !== peer.revision + 1) {
      this.#ask(peer);
      return;
    }
    peer.revision = revision;
    const { account, name, config } = stream;
    const isUpdate = config !== undefined && peer.stream(account, name) !== undefined;
    peer.take(stream);
    this.twins.look(account, name);
    if (!isUpdate) this.work?.nameChanged(account, name, false);
    this.#seen(peer);
    this.work?.changed();
  }

  #seen({ id, revision }: Peer): void {
    if (this.coordinator === "own") this.#channel.tell(id, { kind: "seen", revision });
  }

  heardOfJetStream(server: PeerSender): void {
    // If it is a natsnode it answers.
    if (this.#strangers.heard(server, this.#nowMs)) this.#introduce(server.id);
  }

  heardOfEnd(serverId: string): void {
    this.#strangers.forget(serverId);
    for (const peer of this.#peers.values()) if (peer.id === serverId) this.#lost(peer);
  }

  // ---------------------------------------------------------------- time

  #pulse(): void {
    const now = this.#nowMs;
    // Then this server itself was held up, and what the others have said is still to be read.
    const wasHeldUp = now - this.#beatMs > LEASE_MS;
    this.#beatMs = now;
    if (wasHeldUp) for (const peer of this.online) this.#doubt(peer);
    this.#introduce();
    this.#strangers.forgetSilent(now);
    for (const peer of this.#peers.values()) {
      if (peer.isOnline && now - peer.heardMs > SILENT_MS) this.#lost(peer);
      else if (peer.isUnknown && now - peer.askedMs > ASK_AGAIN_MS) this.#ask(peer);
    }
    this.#look();
  }

  #lost(peer: Peer): void {
    if (!peer.isOnline) return;
    peer.end();
    this.work?.lost(peer.id);
    const { size } = peer.streams;
    if (size > 0) this.#js.server.logger.warn(`JetStream of server ${peer.name} is offline, with its streams`);
    this.#look();
  }

  /** Forgets a server that does not come back, with its streams. Returns false for one that is not known, or is online. */
  forget(name: string): boolean {
    const peer = this.#peers.get(name);
    if (peer === undefined || peer.isOnline) return false;
    this.#peers.delete(name);
    this.#js.cluster?.usage.forget(name);
    this.#look();
    return true;
  }

  // Whether this server is ready, and who decides now.
  #look(): void {
    const before = this.coordinator;
    const hasChanged = this.#coordination.look();
    if (this.coordinator === "own" && before !== "own") {
      for (const peer of this.online) if (peer.revision !== undefined) this.#seen(peer);
      this.#told.confirmed(Number.POSITIVE_INFINITY);
    }
    if (this.coordinator !== before) this.work?.follow();
    if (hasChanged) this.#introduce();
    this.work?.changed();
  }
}
