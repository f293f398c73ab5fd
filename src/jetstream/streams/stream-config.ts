// A stream's configuration as the API knows it (ADR-31 and following), its defaults, and its level.
import { API_LEVEL, COMPATIBILITY_VERSION } from "../../protocol/version.js";
import { pedanticError } from "../errors.js";
import { type Fields, field, optional, writeFields } from "../fields.js";
import { MIN_DURATION_NS, NS_PER_SECOND } from "../time.js";

export interface TransformConfig {
  src: string;
  dest: string;
}

export interface SourceConfig {
  name: string;
  opt_start_seq: number;
  opt_start_time?: string;
  filter_subject: string;
  subject_transforms?: TransformConfig[];
  external?: { api: string; deliver: string };
  consumer?: { name: string; deliver_subject: string };
}

export type RepublishConfig = TransformConfig & { headers_only: boolean };

/** Names are those of the API. Subjects are text; sizes and counts may be beyond 2^53. */
export interface StreamConfig {
  name: string;
  description: string;
  subjects?: string[];
  retention: "limits" | "interest" | "workqueue";
  max_consumers: number;
  max_msgs: number;
  max_bytes: number;
  max_age: bigint;
  max_msgs_per_subject: number;
  max_msg_size: number;
  discard: "old" | "new";
  storage: "file" | "memory";
  num_replicas: number;
  no_ack: boolean;
  duplicate_window: bigint;
  placement?: { cluster: string; tags?: string[]; preferred: string };
  mirror?: SourceConfig;
  sources?: SourceConfig[];
  compression: "none" | "s2";
  first_seq: number;
  subject_transform?: TransformConfig;
  republish?: RepublishConfig;
  allow_direct: boolean;
  mirror_direct: boolean;
  discard_new_per_subject: boolean;
  sealed: boolean;
  deny_delete: boolean;
  deny_purge: boolean;
  allow_rollup_hdrs: boolean;
  consumer_limits: { inactive_threshold: bigint; max_ack_pending: number };
  metadata?: Record<string, string>;
  allow_msg_ttl: boolean;
  subject_delete_marker_ttl: bigint;
  allow_msg_counter: boolean;
  allow_atomic: boolean;
  allow_msg_schedules: boolean;
  persist_mode: "" | "default" | "async";
  allow_batched: boolean;
}

const transform: Fields = { src: field("text"), dest: field("text") };
const external: Fields = { api: field("text"), deliver: field("text") };
const source: Fields = {
  name: field("text"),
  opt_start_seq: optional("unsigned"),
  opt_start_time: optional("time"),
  filter_subject: optional("text"),
  subject_transforms: optional({ list: transform }),
  external: optional({ object: external }),
  consumer: optional({ object: { name: optional("text"), deliver_subject: optional("text") } }),
};

export const STREAM_FIELDS: Fields = {
  name: field("text"),
  description: optional("text"),
  subjects: optional("texts"),
  retention: field(["limits", "interest", "workqueue"]),
  max_consumers: field("int"),
  max_msgs: field("int"),
  max_bytes: field("int"),
  max_age: field("duration"),
  max_msgs_per_subject: field("int"),
  max_msg_size: optional("int32"),
  discard: field(["old", "new"]),
  storage: field(["file", "memory"]),
  num_replicas: field("int"),
  no_ack: optional("flag"),
  duplicate_window: optional("duration"),
  placement: optional({ object: { cluster: optional("text"), tags: optional("texts"), preferred: optional("text") } }),
  mirror: optional({ object: source }),
  sources: optional({ list: source }),
  compression: field(["none", "s2"]),
  first_seq: optional("unsigned"),
  subject_transform: optional({ object: transform }),
  republish: optional({ object: { src: optional("text"), dest: field("text"), headers_only: optional("flag") } }),
  allow_direct: field("flag"),
  mirror_direct: field("flag"),
  discard_new_per_subject: optional("flag"),
  sealed: field("flag"),
  deny_delete: field("flag"),
  deny_purge: field("flag"),
  allow_rollup_hdrs: field("flag"),
  consumer_limits: field({ object: { inactive_threshold: optional("duration"), max_ack_pending: optional("int") } }),
  allow_msg_ttl: field("flag"),
  subject_delete_marker_ttl: optional("duration"),
  allow_msg_counter: optional("flag"),
  allow_atomic: optional("flag"),
  allow_msg_schedules: optional("flag"),
  persist_mode: optional(["", "default", "async"]),
  allow_batched: optional("flag"),
  metadata: optional("labels"),
};

const DUPLICATE_WINDOW_NS = 120n * NS_PER_SECOND;
const REQUIRED_LEVEL = "_nats.req.level";
const LEVEL = "_nats.level";
const VERSION = "_nats.ver";

/**
 * Fills in defaults and puts right what is wrong in a harmless way; a pedantic request is refused instead.
 * @param windowLimitNs the server's longest window for duplicates; 0n for none
 * @throws {ApiError} 10157
 */
export function withStreamDefaults(config: StreamConfig, pedantic: boolean, windowLimitNs: bigint): void {
  config.consumer_limits ??= { inactive_threshold: 0n, max_ack_pending: 0 };
  if (config.num_replicas === 0) config.num_replicas = 1;
  for (const name of ["max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size", "max_consumers"] as const) {
    if (config[name] < -1 && pedantic) throw pedanticError(`${name} must be set to -1`);
    if (config[name] <= 0) config[name] = -1;
  }
  if (config.subjects?.length === 0) config.subjects = undefined;
  if (config.subjects === undefined && !config.mirror && !config.sources?.length) config.subjects = [config.name];
  if (config.duplicate_window === 0n && !config.mirror && !config.sources?.length) {
    let window = DUPLICATE_WINDOW_NS;
    if (config.max_age > 0n && config.max_age < window) {
      // One that is too short is refused as such.
      if (pedantic && config.max_age >= MIN_DURATION_NS) {
        throw pedanticError("duplicate window cannot be bigger than max age");
      }
      window = config.max_age;
    }
    if (windowLimitNs > 0n && windowLimitNs < window) {
      if (pedantic) throw pedanticError("duplicate window limits are higher than current limits");
      window = windowLimitNs;
    }
    config.duplicate_window = window;
  }
  const { placement } = config;
  if (placement !== undefined && placement.cluster === "" && placement.preferred === "" && !placement.tags?.length) {
    config.placement = undefined;
  }
  if (config.persist_mode === "default") config.persist_mode = "";
}

/** The API level that a client must know to use it. */
export function requiredLevel(config: StreamConfig): number {
  if (config.allow_batched) return 4;
  if (config.allow_msg_counter || config.allow_atomic || config.allow_msg_schedules || config.persist_mode === "async")
    return 2;
  return config.allow_msg_ttl || config.subject_delete_marker_ttl > 0n ? 1 : 0;
}

/** Metadata with the level that is required, as it is stored; what a client has echoed of the rest is left out. */
export function withLevel(metadata: Record<string, string> | undefined, level: number): Record<string, string> {
  const { [LEVEL]: _, [VERSION]: __, ...kept } = metadata ?? {};
  return { ...kept, [REQUIRED_LEVEL]: String(level) };
}

/** Metadata as most answers show it: with this server's level and version. */
export function shownMetadata(metadata: Record<string, string> | undefined): Record<string, string> {
  return { ...metadata, [LEVEL]: String(API_LEVEL), [VERSION]: COMPATIBILITY_VERSION };
}

/** For answers. `full`: with the server's level and version in the metadata. */
export function shownStream(config: StreamConfig, full: boolean): object {
  return writeFields(full ? { ...config, metadata: shownMetadata(config.metadata) } : config, STREAM_FIELDS);
}

/** What the store is to know of the configuration. */
export function storeOptions(config: StreamConfig): { compression: "none" | "s2"; maxBytes?: number } {
  return { compression: config.compression, maxBytes: config.max_bytes > 0 ? config.max_bytes : undefined };
}

/** Whether a message without headers is stored as it comes, and nothing follows it but what consumers make of it. */
export function isPlain(config: StreamConfig): boolean {
  return (
    config.retention === "limits" &&
    config.discard === "old" &&
    config.max_msg_size < 0 &&
    config.max_age <= 0n &&
    config.subject_transform === undefined &&
    config.republish === undefined &&
    !config.allow_msg_counter &&
    !config.no_ack &&
    !config.sealed
  );
}
