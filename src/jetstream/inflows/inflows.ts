// What flows into a stream from others: the origin that it mirrors, or its sources.
import { nextTurn } from "../../server/connection-status.js";
import type { OriginPosition } from "../meta.js";
import type { Stream } from "../streams/stream.js";
import { sourceKey } from "../streams/stream-checks.js";
import type { SourceConfig } from "../streams/stream-config.js";
import type { Inflow } from "./inflow.js";
import { LocalInflow } from "./local-inflow.js";
import { sourceFilters, sourceName } from "./origin-copy.js";
import { NO_IDENTITY } from "./origin-place.js";
import { isSameOrigin } from "./origin-reader.js";
import { RemoteInflow } from "./remote-inflow.js";
import { type SourcedMessage, sourcedMessage } from "./sourced-message.js";

const RETRY_MS = 1000;
/** At most so many messages are read at the start to find out how far origins were read. */
const MESSAGES_TO_SEARCH = 10_000;
/** As many are looked at before others have their turn. */
const LOOKS_PER_TURN = 256;

/** How far an origin was read, and the message that tells so; undefined where it is written down. */
interface Found {
  readonly position: OriginPosition;
  readonly held?: SourcedMessage;
}

function inflowFor(target: Stream, config: SourceConfig, isMirror: boolean): Inflow {
  return new (isElsewhere(target, config) ? RemoteInflow : LocalInflow)(target, config, isMirror);
}

// Whether the origin is behind an API: of another account or domain, or of another server of this JetStream; or read by a
// consumer that stays there.
function isElsewhere({ account }: Stream, { name, external, consumer }: SourceConfig): boolean {
  if (external?.api || consumer !== undefined) return true;
  const origin = account.streams.get(name);
  // Of one that lets go of messages it acknowledges what it has.
  if (origin !== undefined) return origin.config.retention !== "limits";
  return account.js.cluster?.peers.holder(account.account.name, name) !== undefined;
}

// Whether it goes on with the consumer that it has.
function keepsConsumer(inflow: Inflow, { consumer }: SourceConfig): boolean {
  if (inflow.config.consumer?.deliver_subject !== consumer?.deliver_subject) return false;
  return !(inflow instanceof RemoteInflow && inflow.isRenamed);
}

export class Inflows {
  readonly #stream: Stream;
  #inflows = new Map<string, Inflow>();
  #isChecking = false;
  // Whether what is written in this turn will have the places that removals would let be forgotten.
  #isRemembering = false;
  // Where the stream ended when all positions were written down.
  #writtenAt: number;
  // How far origins were read, of a stream in memory: of others the meta log knows.
  readonly #inMemory = new Map<string, OriginPosition>();
  // Those from streams of the account, by their names: they hear of every message.
  #local = new Map<string, LocalInflow[]>();

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#writtenAt = stream.store.state.lastSequence;
  }

  /** Begins, or goes on with what the configuration says now. */
  start(): void {
    const { mirror, sources = [] } = this.#stream.config;
    const wanted = new Map<string, Inflow>();
    for (const config of mirror === undefined ? sources : [mirror]) {
      const key = sourceKey(config);
      const known = this.#inflows.get(key);
      const isThere = known !== undefined && this.#isInPlace(known) && keepsConsumer(known, config);
      wanted.set(key, isThere ? known : inflowFor(this.#stream, config, mirror !== undefined));
    }
    const before = this.#inflows;
    this.#inflows = wanted;
    const isNew = (inflow: Inflow): inflow is RemoteInflow =>
      inflow instanceof RemoteInflow && before.get(inflow.key) !== inflow;
    const after = [...wanted.values()].filter(isNew);
    for (const [key, inflow] of before) {
      if (wanted.get(key) === inflow) continue;
      // Another one goes on there.
      if (wanted.has(key)) inflow.writeDown();
      if (inflow instanceof RemoteInflow) this.#leaveTo(after, inflow);
      inflow.stop();
    }
    for (const key of this.#inMemory.keys()) if (!wanted.has(key)) this.#inMemory.delete(key);
    this.#local = new Map();
    for (const inflow of wanted.values()) {
      if (!(inflow instanceof LocalInflow)) continue;
      const { name } = inflow.config;
      this.#local.set(name, [...(this.#local.get(name) ?? []), inflow]);
    }
    void this.#findPositions();
  }

  // An origin that lets go of what nobody waits for keeps it for the old consumer until those after it are there.
  #leaveTo(after: readonly RemoteInflow[], old: RemoteInflow): void {
    const ofOrigin = after.filter(({ config }) => isSameOrigin(config, old.config));
    const leave = (): void => {
      const isUsed = [...this.#inflows.values()].some((one) => one instanceof RemoteInflow && one.sharesConsumer(old));
      if (isUsed) old.made();
      else old.leave();
    };
    let open = ofOrigin.length;
    if (open === 0) leave();
    for (const inflow of ofOrigin) {
      inflow.whenMade(() => {
        open--;
        if (open === 0) leave();
      });
    }
  }

  #isInPlace(inflow: Inflow): boolean {
    return inflow instanceof RemoteInflow === isElsewhere(this.#stream, inflow.config);
  }

  /** Streams may be on other servers than before. */
  originsMoved(): void {
    for (const inflow of this.#inflows.values()) {
      if (this.#isInPlace(inflow)) continue;
      this.start();
      return;
    }
  }

  async #findPositions(): Promise<void> {
    const isOpen = ({ place, stopped }: Inflow): boolean => place.next === undefined && !stopped;
    const open = [...this.#inflows.values()].filter(isOpen);
    if (open.length === 0) return;
    const stream = this.#stream;
    const { js } = stream.account;
    let found: ReadonlyMap<Inflow, Found>;
    try {
      found = await this.#read(open);
    } catch (error) {
      for (const inflow of open) inflow.cannotBegin((error as Error).message);
      js.after(RETRY_MS, () => void this.#findPositions());
      return;
    }
    for (const inflow of open.filter(isOpen)) {
      const { position, held } = found.get(inflow) ?? {};
      inflow.resume(position, held);
      inflow.wake();
    }
  }

  // How far origins were read is written down now and then; what was taken from them since tells the rest. Throws StoreError.
  async #read(open: readonly Inflow[]): Promise<ReadonlyMap<Inflow, Found>> {
    const stream = this.#stream;
    const { store } = stream;
    const { lastSequence } = store.state;
    const known = this.#isInMemory ? this.#inMemory : stream.account.js.originsOf(stream);
    const found = new Map<Inflow, Found>();
    for (const inflow of open) {
      const position = known.get(inflow.key);
      if (inflow.isMirror) {
        // Its messages have the origin's sequences.
        const { identity = NO_IDENTITY } = position ?? {};
        found.set(inflow, { position: { identity, sequence: lastSequence, at: lastSequence } });
      } else if (position !== undefined) found.set(inflow, { position });
    }
    let missing = open.filter(({ isMirror }) => !isMirror);
    let looks = 0;
    for (let at = lastSequence; missing.length > 0; at--) {
      at = at === 0 ? 0 : store.previous(at);
      missing = missing.filter((inflow) => at > (found.get(inflow)?.position.at ?? 0));
      if (missing.length === 0) break;
      if (++looks % LOOKS_PER_TURN === 0) await nextTurn(stream.account.js.server);
      if (stream.closed) break;
      const stored = await store.load(at);
      const held = stored && sourcedMessage(stored);
      const inflow = missing.find(({ config }) => held?.origin === `${sourceName(config)} ${sourceFilters(config)}`);
      if (held === undefined || inflow === undefined) continue;
      const { identity, sequence } = held;
      found.set(inflow, { position: { identity, sequence, at }, held });
      missing = missing.filter((other) => other !== inflow);
    }
    return found;
  }

  /** Messages are about to be removed by what is written at once: a write that is torn there must have the places before. */
  beforeRemoval(): void {
    for (const inflow of this.#inflows.values()) if (inflow.isHeld) inflow.writeDown();
  }

  /** Messages were removed. */
  removed(): void {
    if (!this.#isInMemory) this.#rememberInTime();
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#stream.account.js.server.runtime.clock.endOfTurn(() => {
      this.#isChecking = false;
      if (this.#stream.closed) return;
      if (this.#isInMemory) this.#remember();
      for (const inflow of this.#inflows.values()) inflow.targetShrank();
    });
  }

  // With the removal itself, and before it: whoever starts after a kill must find both, or the message.
  #rememberInTime(): void {
    if (this.#isRemembering) return;
    try {
      this.#stream.account.js.beforeWriteEnds(this.#remember);
      this.#isRemembering = true;
    } catch {
      // While the disk takes nothing, removals and what is written here wait for it, in this order.
      this.#remember();
    }
  }

  readonly #remember = (): void => {
    this.#isRemembering = false;
    if (this.#stream.closed) return;
    for (const inflow of this.#inflows.values()) if (inflow.isForgotten) inflow.writeDown();
  };

  get #isInMemory(): boolean {
    return this.#stream.config.storage === "memory";
  }

  /** Writes down how far an origin was read. Throws StoreError. */
  write(key: string, position: OriginPosition): void {
    if (this.#isInMemory) this.#inMemory.set(key, position);
    else this.#stream.account.writeOrigin(this.#stream, key, position);
  }

  /** A message of an origin was stored under that sequence. */
  stored(sequence: number): void {
    if (sequence - this.#writtenAt < MESSAGES_TO_SEARCH) return;
    this.writeDown();
  }

  /** Writes down how far all origins were read. */
  writeDown(): void {
    this.#writtenAt = this.#stream.store.state.lastSequence;
    for (const inflow of this.#inflows.values()) inflow.writeDown();
  }

  /** The stream goes, or is to have no origins any more. */
  leave(): void {
    for (const inflow of this.#inflows.values()) inflow.leave();
  }

  stop(): void {
    for (const inflow of this.#inflows.values()) inflow.stop();
    this.#inflows.clear();
    this.#local.clear();
  }

  /** A stream of this name came or went. */
  originChanged(name: string): void {
    this.originsMoved();
    for (const inflow of this.#local.get(name) ?? []) inflow.originChanged();
  }

  /** A stream of the account has a new message. */
  originGrew(stream: Stream): void {
    const known = this.#local.get(stream.name);
    if (known !== undefined) for (const inflow of known) inflow.wake();
  }

  all(): Iterable<Inflow> {
    return this.#inflows.values();
  }

  describeMirror(): object | undefined {
    if (this.#stream.config.mirror === undefined) return undefined;
    const [mirror] = this.#inflows.values();
    return mirror?.describe();
  }

  describeSources(): object[] | undefined {
    if (!this.#stream.config.sources?.length) return undefined;
    return [...this.#inflows.values()].map((inflow) => inflow.describe());
  }
}

/** The inflows of a stream; undefined where its configuration has none. */
export function inflowsOf(stream: Stream): Inflows | undefined {
  const { mirror, sources } = stream.config;
  if (mirror === undefined && !sources?.length) {
    stream.inflows?.leave();
    stream.inflows?.stop();
    return undefined;
  }
  return stream.inflows ?? new Inflows(stream);
}

/** A stream came, went, or keeps its messages by another policy: those that have it as their origin hear of it. */
export function tellOfOrigin(origin: Stream): void {
  for (const other of origin.account.streams.values()) if (other !== origin) other.inflows?.originChanged(origin.name);
}
