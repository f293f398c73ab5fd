// What flows into a stream from others: the origin that it mirrors, or its sources.
import { type Inflow, sourceName } from "./inflow.js";
import { LocalInflow } from "./local-inflow.js";
import { wireSubject } from "./names.js";
import { Header, MessageHeaders } from "./publish-headers.js";
import { RemoteInflow } from "./remote-inflow.js";
import type { Stream } from "./stream.js";
import { sourceKey } from "./stream-checks.js";
import type { SourceConfig } from "./stream-config.js";

function inflowFor(target: Stream, config: SourceConfig, isMirror: boolean): Inflow {
  return new (config.external?.api ? RemoteInflow : LocalInflow)(target, config, isMirror);
}

export class Inflows {
  readonly #stream: Stream;
  #inflows = new Map<string, Inflow>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Begins, or goes on with what the configuration says now. */
  start(): void {
    const { mirror, sources = [] } = this.#stream.config;
    const wanted = new Map<string, Inflow>();
    for (const config of mirror === undefined ? sources : [mirror]) {
      const key = sourceKey(config);
      wanted.set(key, this.#inflows.get(key) ?? inflowFor(this.#stream, config, mirror !== undefined));
    }
    for (const [key, inflow] of this.#inflows) if (!wanted.has(key)) inflow.stop();
    this.#inflows = wanted;
    void this.#findPositions();
  }

  // How far origins were read stands in what was taken from them.
  async #findPositions(): Promise<void> {
    const { store } = this.#stream;
    const open = [...this.#inflows.values()].filter(({ next }) => next === undefined);
    if (open.length === 0) return;
    if (open[0].isMirror) {
      const { lastSequence } = store.state;
      open[0].next = Math.max(lastSequence + 1, lastSequence === 0 ? open[0].start : 0);
      open[0].last = lastSequence;
      open[0].wake();
      return;
    }
    for (
      let at = store.previous(store.state.lastSequence);
      at !== 0 && open.length > 0;
      at = at === 1 ? 0 : store.previous(at - 1)
    ) {
      const stored = await store.load(at);
      if (stored === undefined || stored.headerBytes === 0) continue;
      const value = MessageHeaders.in(stored.header.toString("latin1")).get(Header.streamSource);
      const [name, sequence, filter, , , identity] = value?.split(" ") ?? [];
      const found = open.findIndex(
        ({ config }) => sourceName(config) === name && filter === (filterText(config) || ">"),
      );
      if (found < 0) continue;
      open[found].next = Number(sequence) + 1;
      open[found].last = Number(sequence);
      if (identity !== undefined) open[found].identity = identity;
      open.splice(found, 1);
    }
    for (const inflow of open) inflow.next = inflow.start;
    for (const inflow of this.#inflows.values()) inflow.wake();
  }

  stop(): void {
    for (const inflow of this.#inflows.values()) inflow.stop();
    this.#inflows.clear();
  }

  /** A stream of this name came or went. */
  originChanged(name: string): void {
    for (const inflow of this.#inflows.values()) if (inflow.config.name === name) inflow.originChanged();
  }

  /** A stream of the account has a new message. */
  originGrew(stream: Stream): void {
    for (const inflow of this.#inflows.values()) if (inflow.config.name === stream.name) inflow.wake();
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

function filterText({ filter_subject: filter, subject_transforms: transforms = [] }: SourceConfig): string {
  if (filter !== "") return wireSubject(filter);
  return transforms.map(({ src }) => wireSubject(src || ">")).join("\f");
}

/** The inflows of a stream; undefined where its configuration has none. */
export function inflowsOf(stream: Stream): Inflows | undefined {
  const { mirror, sources } = stream.config;
  if (mirror === undefined && !sources?.length) {
    stream.inflows?.stop();
    return undefined;
  }
  return stream.inflows ?? new Inflows(stream);
}
