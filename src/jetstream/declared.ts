// Streams, consumers and buckets that the options declare, as requests of the API: what a client would send to make them.
import type { ResolvedOptions } from "../options/options.js";
import { DEAD_LETTER_KEY } from "./consumers/dead-letters.js";

type JetStreamOptions = NonNullable<ResolvedOptions["jetstream"]>;
type DeclaredStream = JetStreamOptions["streams"][string];
type DeclaredOrigin = NonNullable<DeclaredStream["mirror"]>;
type DeclaredConsumer = DeclaredStream["consumers"][string];

/** A stream with what is declared of it; fields that are not there are left as they are, or to their defaults. */
export interface Declared {
  readonly account: string;
  readonly stream: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Configurations by consumer. */
  readonly consumers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** All that the options declare. */
export function declaredIn({ streams, keyValue, objectStores }: JetStreamOptions): Declared[] {
  const declared: Declared[] = [];
  for (const [key, one] of Object.entries(streams)) {
    const stream = one.name || key;
    const consumers = Object.entries(one.consumers).map(([name, consumer]) => [name, consumerConfig(name, consumer)]);
    const { account } = one;
    declared.push({ account, stream, config: streamConfig(one), consumers: Object.fromEntries(consumers) });
  }
  for (const [bucket, { account, history, ttlMs, maxValueBytes, ...same }] of Object.entries(keyValue)) {
    const config = given({
      ...shared(same),
      subjects: [`$KV.${bucket}.>`],
      max_msgs_per_subject: history ?? 1,
      max_age: nanoseconds(ttlMs),
      max_msg_size: maxValueBytes,
      deny_delete: true,
      ...BUCKET,
    });
    declared.push({ account, stream: `KV_${bucket}`, config, consumers: {} });
  }
  for (const [bucket, { account, ttlMs, ...same }] of Object.entries(objectStores)) {
    const subjects = [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`];
    const config = given({ ...shared(same), subjects, max_age: nanoseconds(ttlMs), ...BUCKET });
    declared.push({ account, stream: `OBJ_${bucket}`, config, consumers: {} });
  }
  return declared;
}

// What clients of buckets rely on.
const BUCKET = { discard: "new", allow_rollup_hdrs: true, allow_direct: true };

interface Shared {
  readonly description?: string | undefined;
  readonly maxBytes?: number | undefined;
  readonly storage?: string | undefined;
  readonly compression?: string | undefined;
}

const shared = ({ description, maxBytes, storage, compression }: Shared): object => ({
  description,
  max_bytes: maxBytes,
  storage,
  compression,
});

function streamConfig(one: DeclaredStream): Record<string, unknown> {
  return given({
    ...shared(one),
    subjects: one.subjects,
    mirror: one.mirror && originConfig(one.mirror),
    sources: one.sources?.map(originConfig),
    subject_transform: one.subjectTransform && transformOf(one.subjectTransform),
    republish: one.republish && given({ ...transformOf(one.republish), headers_only: one.republish.headersOnly }),
    retention: one.retention,
    discard: one.discard,
    max_msgs: one.maxMsgs,
    max_age: nanoseconds(one.maxAgeMs),
    max_msgs_per_subject: one.maxMsgsPerSubject,
    max_msg_size: one.maxMsgSizeBytes,
    max_consumers: one.maxConsumers,
    duplicate_window: nanoseconds(one.duplicateWindowMs),
    allow_direct: one.allowDirect,
    allow_rollup_hdrs: one.allowRollup,
    allow_msg_ttl: one.allowMsgTtl,
    deny_delete: one.denyDelete,
    deny_purge: one.denyPurge,
    metadata: labels(one),
  });
}

function originConfig(one: DeclaredOrigin): Record<string, unknown> {
  return given({
    name: one.name,
    filter_subject: one.filterSubject,
    subject_transforms: one.subjectTransforms?.map(transformOf),
    opt_start_seq: one.startSequence,
    opt_start_time: one.startTime,
    external: one.external && given(one.external),
  });
}

const transformOf = ({ src, dest }: { src?: string | undefined; dest?: string | undefined }): Record<string, unknown> =>
  given({ src, dest });

function consumerConfig(name: string, one: DeclaredConsumer): Record<string, unknown> {
  return given({
    durable_name: name,
    description: one.description,
    deliver_subject: one.deliverSubject,
    deliver_group: one.deliverGroup,
    deliver_policy: one.deliverPolicy,
    ack_policy: one.ackPolicy ?? "explicit",
    ack_wait: nanoseconds(one.ackWaitMs),
    max_deliver: one.maxDeliver,
    backoff: one.backoffMs?.map(nanoseconds),
    filter_subjects: one.filterSubjects,
    max_ack_pending: one.maxAckPending,
    max_waiting: one.maxWaiting,
    inactive_threshold: nanoseconds(one.inactiveThresholdMs),
    headers_only: one.headersOnly,
    metadata: labels(one),
  });
}

function labels({ metadata, deadLetter }: DeclaredStream | DeclaredConsumer): Record<string, string> | undefined {
  return deadLetter === undefined ? metadata : { ...metadata, [DEAD_LETTER_KEY]: deadLetter };
}

const nanoseconds = (ms: number | undefined): bigint | undefined =>
  ms === undefined ? undefined : BigInt(Math.round(ms * 1e6));

const given = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
