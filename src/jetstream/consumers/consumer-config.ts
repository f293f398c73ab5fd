// A consumer's configuration as the API knows it (ADR-15, ADR-42 and others), its defaults, and its level.
import { pedanticError } from "../errors.js";
import { type Fields, field, optional, writeFields } from "../fields.js";
import { type StreamConfig, shownMetadata } from "../streams/stream-config.js";
import { NS_PER_SECOND } from "../time.js";

/** Names are those of the API. */
export interface ConsumerConfig {
  durable_name: string;
  name: string;
  description: string;
  deliver_policy: "all" | "last" | "new" | "by_start_sequence" | "by_start_time" | "last_per_subject";
  opt_start_seq: number;
  opt_start_time?: string;
  ack_policy: "none" | "all" | "explicit" | "flow_control";
  ack_wait: bigint;
  max_deliver: number;
  backoff?: bigint[];
  filter_subject: string;
  filter_subjects?: string[];
  replay_policy: "instant" | "original";
  rate_limit_bps: number;
  sample_freq: string;
  max_waiting: number;
  max_ack_pending: number;
  flow_control: boolean;
  headers_only: boolean;
  max_batch: number;
  max_expires: bigint;
  max_bytes: number;
  deliver_subject: string;
  deliver_group: string;
  idle_heartbeat: bigint;
  inactive_threshold: bigint;
  num_replicas: number;
  mem_storage: boolean;
  direct: boolean;
  /** It feeds a mirror or a source; its name gets an ending that nobody else has. */
  sourcing?: boolean;
  metadata?: Record<string, string>;
  pause_until?: string;
  priority_groups?: string[];
  priority_policy: "none" | "overflow" | "pinned_client" | "prioritized";
  priority_timeout: bigint;
  /** The server has drawn its name, which is no part of what was asked for. */
  drawn_name?: boolean;
}

export const CONSUMER_FIELDS: Fields = {
  durable_name: optional("text"),
  name: optional("text"),
  description: optional("text"),
  deliver_policy: field(["all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject", "undefined"]),
  opt_start_seq: optional("unsigned"),
  opt_start_time: optional("time"),
  ack_policy: field(["none", "all", "explicit", "flow_control"]),
  ack_wait: optional("duration"),
  max_deliver: optional("int"),
  backoff: optional("durations"),
  filter_subject: optional("text"),
  filter_subjects: optional("texts"),
  replay_policy: field(["instant", "original"]),
  rate_limit_bps: optional("unsigned"),
  sample_freq: optional("text"),
  max_waiting: optional("int"),
  max_ack_pending: optional("int"),
  flow_control: optional("flag"),
  headers_only: optional("flag"),
  max_batch: optional("int"),
  max_expires: optional("duration"),
  max_bytes: optional("int"),
  deliver_subject: optional("text"),
  deliver_group: optional("text"),
  idle_heartbeat: optional("duration"),
  inactive_threshold: optional("duration"),
  num_replicas: field("int"),
  mem_storage: optional("flag"),
  direct: optional("flag"),
  sourcing: optional("flag"),
  metadata: optional("labels"),
  pause_until: optional("time"),
  priority_groups: optional("texts"),
  priority_policy: optional(["none", "overflow", "pinned_client", "prioritized"]),
  priority_timeout: optional("duration"),
};

/** As it is kept. */
export const KEPT_CONSUMER_FIELDS: Fields = { ...CONSUMER_FIELDS, drawn_name: optional("flag") };

export const CREATE_FIELDS: Fields = {
  stream_name: field("text"),
  config: field({ object: CONSUMER_FIELDS }),
  action: field(["", "create", "update"]),
  pedantic: field("flag"),
};

const ACK_WAIT_NS = 30n * NS_PER_SECOND;
const MAX_ACK_PENDING = 1000;
const MAX_WAITING = 512;
const EPHEMERAL_THRESHOLD_NS = 5n * NS_PER_SECOND;
const PRIORITY_TIMEOUT_NS = 120n * NS_PER_SECOND;

/** Limits that come from elsewhere; below 0 or 0n: none. */
export interface ConsumerLimits {
  /** Of the account, or else of the server. */
  readonly maxAckPending: number;
  readonly maxRequestBatch: number;
}

// In nats-server's order.
const REST_OF_COUNTABLE = [
  "max_batch",
  "max_expires",
  "max_bytes",
  "idle_heartbeat",
  "inactive_threshold",
  "priority_timeout",
] as const;
type Countable = "max_waiting" | (typeof REST_OF_COUNTABLE)[number];

/**
 * Fills in defaults and puts right what is wrong in a harmless way; a pedantic request is refused instead.
 * Throws ApiError 10157 and some others.
 */
export function withConsumerDefaults(
  config: ConsumerConfig,
  { consumer_limits: streamLimits }: StreamConfig,
  limits: ConsumerLimits,
  pedantic: boolean,
): void {
  const negative = (name: Countable): void => {
    if (config[name] >= 0) return;
    if (pedantic) throw pedanticError(`${name} must not be negative`);
    (config as unknown as Record<string, unknown>)[name] = typeof config[name] === "bigint" ? 0n : 0;
  };
  const belowNone = (name: "max_deliver" | "max_ack_pending"): void => {
    if (config[name] >= -1) return;
    if (pedantic) throw pedanticError(`${name} must be set to -1`);
    config[name] = -1;
  };
  belowNone("max_deliver");
  negative("max_waiting");
  belowNone("max_ack_pending");
  for (const name of REST_OF_COUNTABLE) negative(name);
  const isPush = config.deliver_subject !== "";
  const flowAcks = config.ack_policy === "flow_control";
  if (config.max_deliver <= 0) config.max_deliver = -1;
  if (flowAcks && !pedantic) {
    config.flow_control = true;
    if (config.idle_heartbeat === 0n) config.idle_heartbeat = NS_PER_SECOND;
  }
  const [first] = config.backoff ?? [];
  const acks = config.ack_policy === "explicit" || config.ack_policy === "all";
  if (config.ack_wait === 0n && acks && first === undefined) config.ack_wait = ACK_WAIT_NS;
  if (first !== undefined) {
    if (pedantic && config.ack_wait !== first) {
      throw pedanticError("first backoff value has to equal batch AckWait");
    }
    config.ack_wait = first;
  }
  if (config.backoff?.length === 0) config.backoff = undefined;
  withMaxAckPending(config, streamLimits.max_ack_pending, limits.maxAckPending, pedantic);
  if (config.inactive_threshold === 0n && streamLimits.inactive_threshold !== 0n) {
    if (pedantic) throw pedanticError("inactive_threshold must be set if it's configured in stream limits");
    config.inactive_threshold = streamLimits.inactive_threshold;
  }
  if (!isPush && config.max_waiting === 0) config.max_waiting = MAX_WAITING;
  if (config.max_batch === 0 && limits.maxRequestBatch > 0) {
    if (pedantic) throw pedanticError("max_request_batch must be set if it's JetStream limits are set");
    config.max_batch = limits.maxRequestBatch;
  }
  if (config.priority_policy === "pinned_client" && config.priority_timeout === 0n) {
    config.priority_timeout = PRIORITY_TIMEOUT_NS;
  }
}

/** One without a durable name ends when nobody has used it for a while. */
export function withEphemeralThreshold(config: ConsumerConfig, isDurable: boolean): void {
  if (!isDurable && config.inactive_threshold <= 0n) config.inactive_threshold = EPHEMERAL_THRESHOLD_NS;
}

function withMaxAckPending(config: ConsumerConfig, ofStream: number, ofAccount: number, pedantic: boolean): void {
  if (config.max_ack_pending !== 0) return;
  if (ofStream !== 0) {
    // Also where nothing is acknowledged.
    if (pedantic) throw pedanticError("max_ack_pending must be set if it's configured in stream limits");
    config.max_ack_pending = ofStream;
  } else if (config.ack_policy !== "none") {
    config.max_ack_pending = ofAccount > 0 ? Math.min(ofAccount, MAX_ACK_PENDING) : MAX_ACK_PENDING;
  }
}

/** The API level that a client must know to use it. */
export function consumerLevel(config: ConsumerConfig): number {
  if (config.ack_policy === "flow_control") return 4;
  const isPaused = config.pause_until !== undefined && !config.pause_until.startsWith("0001-01-01");
  const isPinned = config.priority_policy !== "none" || config.priority_timeout !== 0n;
  return isPaused || isPinned || config.priority_groups?.length ? 1 : 0;
}

/** For answers. `full`: with the server's level and version in the metadata. */
export function shownConsumer(config: ConsumerConfig, full: boolean): object {
  const metadata = full ? shownMetadata(config.metadata) : config.metadata;
  const policy = config.priority_policy === "none" ? "" : config.priority_policy;
  const name = config.drawn_name ? "" : config.name;
  return writeFields({ ...config, name, metadata, priority_policy: policy }, CONSUMER_FIELDS);
}

/** The subjects that it wants, as written; none stands for all. */
export function filtersOf(config: ConsumerConfig): readonly string[] {
  if (config.filter_subjects?.length) return config.filter_subjects;
  return config.filter_subject === "" ? [] : [config.filter_subject];
}
