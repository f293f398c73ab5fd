// Which streams and consumers there are: entries of the meta log, and the state that they add up to (rule 10). Applying an
// entry is pure; streams and consumers themselves are made from the state.
import { parseExact, stringifyExact } from "../protocol/json.js";
import { type ConsumerConfig, KEPT_CONSUMER_FIELDS } from "./consumers/consumer-config.js";
import { readFields, writeFields } from "./fields.js";
import type { StoredTime } from "./store/store.js";
import { sourceKey } from "./streams/stream-checks.js";
import { STREAM_FIELDS, type StreamConfig } from "./streams/stream-config.js";

export interface MetaConsumer {
  readonly config: ConsumerConfig;
  readonly createdNs: bigint;
  /** The key of its log: a consumer that takes the name of another one has a log of its own. */
  readonly key: string;
}

/** How far an origin was read. */
export interface OriginPosition {
  /** Tells one incarnation of the origin from the next. */
  readonly identity: string;
  /** The last of its sequences that was taken; 0 for none. */
  readonly sequence: number;
  /** The last sequence of the stream itself by then: what stands behind it may tell of more. */
  readonly at: number;
  /** When the origin had stored it; undefined where that is not known. */
  readonly time?: StoredTime | undefined;
}

export interface MetaStream {
  readonly config: StreamConfig;
  readonly createdNs: bigint;
  /** The key of its store. */
  readonly key: string;
  readonly consumers: Map<string, MetaConsumer>;
  /** Of its mirror or its sources, by `sourceKey`. */
  readonly origins: Map<string, OriginPosition>;
}

/** What is proposed. Names are text; the proposer has chosen time and key. */
export type MetaEntry =
  | { op: "stream"; account: string; stream: string; config: StreamConfig; createdNs: bigint; key: string }
  | { op: "stream-gone"; account: string; stream: string }
  | {
      op: "consumer";
      account: string;
      stream: string;
      consumer: string;
      config: ConsumerConfig;
      createdNs: bigint;
      key: string;
    }
  | { op: "consumer-gone"; account: string; stream: string; consumer: string }
  | ({ op: "origin"; account: string; stream: string; origin: string } & OriginPosition);

export class MetaState {
  /** Streams by account and name. */
  readonly accounts = new Map<string, Map<string, MetaStream>>();

  apply(entry: MetaEntry): void {
    const { account, stream } = entry;
    const streams = this.accounts.get(account) ?? new Map<string, MetaStream>();
    const known = streams.get(stream);
    switch (entry.op) {
      case "stream": {
        const { config, createdNs, key } = entry;
        const consumers = known?.consumers ?? new Map<string, MetaConsumer>();
        const origins = known?.origins ?? new Map<string, OriginPosition>();
        const wanted = new Set([config.mirror ?? [], config.sources ?? []].flat().map(sourceKey));
        for (const origin of origins.keys()) if (!wanted.has(origin)) origins.delete(origin);
        this.accounts.set(account, streams.set(stream, { config, createdNs, key, consumers, origins }));
        break;
      }
      case "stream-gone":
        streams.delete(stream);
        if (streams.size === 0) this.accounts.delete(account);
        break;
      case "consumer": {
        const { config, createdNs, key } = entry;
        known?.consumers.set(entry.consumer, { config, createdNs, key });
        break;
      }
      case "consumer-gone":
        known?.consumers.delete(entry.consumer);
        break;
      case "origin": {
        const { identity, sequence, at, time } = entry;
        known?.origins.set(entry.origin, { identity, sequence, at, time });
      }
    }
  }

  /** Entries that make this state. */
  *entries(): Iterable<MetaEntry> {
    for (const [account, streams] of this.accounts) {
      for (const [stream, { config, createdNs, key, consumers, origins }] of streams) {
        yield { op: "stream", account, stream, config, createdNs, key };
        for (const [consumer, one] of consumers) yield { op: "consumer", account, stream, consumer, ...one };
        for (const [origin, position] of origins) yield { op: "origin", account, stream, origin, ...position };
      }
    }
  }

  snapshot(): Uint8Array {
    return Buffer.from([...this.entries()].map(encodeText).join("\n"));
  }

  restore(snapshot: Buffer): void {
    for (const line of snapshot.toString("utf8").split("\n"))
      if (line !== "") this.apply(decodeMeta(Buffer.from(line)));
  }
}

/** An entry as bytes of the log. */
export function encodeMeta(entry: MetaEntry): Uint8Array {
  return Buffer.from(encodeText(entry));
}

function encodeText(entry: MetaEntry): string {
  if (!("config" in entry)) return stringifyExact(entry);
  const fields = entry.op === "stream" ? STREAM_FIELDS : KEPT_CONSUMER_FIELDS;
  return stringifyExact({ ...entry, config: writeFields(entry.config, fields), createdNs: String(entry.createdNs) });
}

export function decodeMeta(bytes: Buffer): MetaEntry {
  const raw = parseExact(bytes.toString("utf8")) as Record<string, unknown>;
  if (raw["config"] === undefined) return raw as unknown as MetaEntry;
  const fields = raw["op"] === "stream" ? STREAM_FIELDS : KEPT_CONSUMER_FIELDS;
  const config = readFields(raw["config"], fields, false);
  return { ...raw, config, createdNs: BigInt(raw["createdNs"] as string) } as unknown as MetaEntry;
}
