// What the API tells of streams and consumers.
import { bytesAsText } from "../protocol/json.js";
import { API_LEVEL } from "../protocol/version.js";
import { type AccountJetStreamLimits, NOTHING_ALLOWED, tierFor } from "./account-limits.js";
import type { Consumer } from "./consumers/consumer.js";
import { shownConsumer } from "./consumers/consumer-config.js";
import type { JetStreamAccount } from "./js-account.js";
import type { Stream } from "./streams/stream.js";
import { shownStream } from "./streams/stream-config.js";
import { NS_PER_MS, timeText } from "./time.js";

/** What an account uses, on one server or on several. */
export interface AccountUsage {
  memory: number;
  storage: number;
  reserved_memory: number;
  reserved_storage: number;
  streams: number;
  consumers: number;
}

const NOTHING_USED: AccountUsage = {
  memory: 0,
  storage: 0,
  reserved_memory: 0,
  reserved_storage: 0,
  streams: 0,
  consumers: 0,
};

/** What the account uses of this server. */
export function accountUsage({ usage, reserved, streams, consumerCount }: JetStreamAccount): AccountUsage {
  return {
    memory: usage.memory,
    storage: usage.file,
    reserved_memory: reserved.memory,
    reserved_storage: reserved.file,
    streams: streams.size,
    consumers: consumerCount,
  };
}

/** The account's usage and limits, as the answer to INFO. */
export function accountInfo(
  { tiers, js }: JetStreamAccount,
  used: AccountUsage,
  requests: { readonly total: number; readonly errors: number },
): object {
  const ofAll = tiers.get("");
  // All streams have one replica, so far.
  const oneReplica = tierFor(tiers, 1);
  const byTier = [...tiers].map(([tier, limits]) => [
    tier,
    { ...(limits === oneReplica ? used : NOTHING_USED), limits: limitsJson(limits) },
  ]);
  return {
    ...used,
    limits: limitsJson(ofAll ?? NOTHING_ALLOWED),
    domain: js.domain,
    api: { level: API_LEVEL, ...requests },
    tiers: ofAll === undefined ? Object.fromEntries(byTier) : undefined,
  };
}

function limitsJson(limits: AccountJetStreamLimits): object {
  return {
    max_memory: limits.maxMemoryBytes,
    max_storage: limits.maxStoreBytes,
    max_streams: limits.maxStreams,
    max_consumers: limits.maxConsumers,
    max_ack_pending: limits.maxAckPending,
    memory_max_stream_bytes: limits.memoryMaxStreamBytes,
    storage_max_stream_bytes: limits.storeMaxStreamBytes,
    max_bytes_required: limits.maxBytesRequired,
  };
}

/** The state of a stream; `subjects` and `deleted` when they were asked for. */
export function streamState(stream: Stream, more: { subjects?: object; deleted?: readonly number[] } = {}): object {
  const { state } = stream.store;
  return {
    messages: state.messages,
    bytes: state.bytes,
    first_seq: state.firstSequence,
    first_ts: timeText(state.firstTimeNs),
    last_seq: state.lastSequence,
    last_ts: timeText(state.lastTimeNs),
    num_subjects: state.subjects || undefined,
    subjects: more.subjects,
    num_deleted: more.deleted?.length || state.deleted || undefined,
    deleted: more.deleted?.length ? more.deleted : undefined,
    consumer_count: stream.consumers.size,
  };
}

/** A stream as answers show it. `full`: with the server's level and version in the metadata. */
export function streamInfo(
  stream: Stream,
  full: boolean,
  state: object = streamState(stream),
): Record<string, unknown> {
  const { js } = stream.account;
  return {
    config: shownStream(stream.config, full),
    created: timeText(stream.createdNs),
    state,
    domain: full ? undefined : js.domain,
    cluster: js.cluster?.place,
    mirror: stream.inflows?.describeMirror(),
    sources: stream.inflows?.describeSources(),
    ts: timeText(js.nowNs),
  };
}

/** A consumer as answers show it. */
export function consumerInfo(consumer: Consumer, full: boolean): Record<string, unknown> {
  const { state, stream, config } = consumer;
  const { js } = stream.account;
  const active = (ms: number): string | undefined =>
    ms === 0 ? undefined : timeText(BigInt(Math.round(ms * 1000)) * 1000n);
  const paused = consumer.pause.isOn;
  return {
    stream_name: stream.name,
    name: consumer.name,
    created: timeText(consumer.createdNs),
    config: shownConsumer(config, full),
    delivered: {
      consumer_seq: state.nextConsumer - 1,
      stream_seq: state.deliveredStream,
      last_active: active(consumer.lastDeliveredMs),
    },
    ack_floor: {
      consumer_seq: state.floorConsumer,
      stream_seq: state.floorStream,
      last_active: active(consumer.lastAckedMs),
    },
    num_ack_pending: state.pending.size,
    num_redelivered: state.redelivered,
    num_waiting: consumer.pulls.waiting,
    num_pending: consumer.numPending,
    cluster: js.cluster?.place,
    push_bound: consumer.isBound || undefined,
    paused: paused || undefined,
    pause_remaining: paused ? ((consumer.pause.untilNs - js.nowNs) / NS_PER_MS) * NS_PER_MS : undefined,
    priority_groups: consumer.groups.describe(),
    ts: timeText(js.nowNs),
  };
}

/** Subjects and how many messages each has, sorted, for an answer. */
export function subjectCounts(
  stream: Stream,
  pattern: string,
  offset: number,
  limit: number,
): { counts: Map<string, number> | undefined; total: number } {
  const filter = stream.store.filter([pattern]);
  const all = [...stream.store.totals(filter)].sort((a, b) => (a.subject < b.subject ? -1 : 1));
  filter.release();
  const page = all.slice(offset, offset + limit);
  const counts =
    page.length === 0 ? undefined : new Map(page.map(({ subject, messages }) => [bytesAsText(subject), messages]));
  return { counts, total: all.length };
}
