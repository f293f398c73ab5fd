// Requests that make or change a stream or consumer whose configuration has two things wrong, or odd: which of the two a
// server tells of first.
import { type Question, question } from "./question.js";
import { SOON } from "./values.js";

/** What is asked to prepare, what is compared, and what clears up. */
export interface Pair {
  readonly before: readonly Question[];
  readonly asked: Question;
  readonly after: readonly Question[];
}

type Config = Readonly<Record<string, unknown>>;

const SECOND = 1_000_000_000;
const LARGE = { a: "x".repeat(140_000) };
const LONG = "x".repeat(5000);
const MEMORY = { name: "S", subjects: ["a.>"], storage: "memory" };

const STREAM_FAULTS: readonly Config[] = [
  { max_age: -1 },
  { max_age: 1 },
  { duplicate_window: -1 },
  { duplicate_window: 1 },
  { max_age: SECOND / 5, duplicate_window: (SECOND / 10) * 3 },
  { num_replicas: 9 },
  { num_replicas: -1 },
  { num_replicas: 3 },
  { discard_new_per_subject: true },
  { discard: "new", discard_new_per_subject: true },
  { deny_purge: true, allow_rollup_hdrs: true },
  { persist_mode: "async", storage: "memory" },
  { persist_mode: "async", allow_atomic: true },
  { subject_delete_marker_ttl: -1 },
  { subject_delete_marker_ttl: 1 },
  { subject_delete_marker_ttl: SECOND },
  { allow_msg_counter: true },
  { allow_msg_ttl: true },
  { discard: "new" },
  { retention: "workqueue" },
  { retention: "interest" },
  { allow_msg_schedules: true },
  { sources: [{ name: "X" }] },
  { sources: [{ name: "a b" }] },
  { sources: [{ name: "X" }, { name: "X" }] },
  { sources: [{ name: "X", filter_subject: "a", subject_transforms: [{ src: "a", dest: "b" }] }] },
  { sources: [{ name: "X", subject_transforms: [{ src: "a.*", dest: "b.$3" }] }] },
  { sources: [{ name: "S" }] },
  { sources: [{ name: "X", external: { api: "a.*" } }] },
  { sources: [{ name: "X", external: { api: "$JS.x.API", deliver: "a.>" } }] },
  { sources: [{ name: "X", opt_start_seq: 3, opt_start_time: SOON }] },
  { mirror: { name: "X" } },
  { mirror: { name: "S" } },
  { mirror: { name: "a b" } },
  { mirror: { name: "X", filter_subject: "a", subject_transforms: [{ src: "a", dest: "b" }] } },
  { mirror: { name: "X", external: { api: "a.*" } } },
  { mirror: { name: "X", opt_start_seq: 3, opt_start_time: SOON } },
  { subjects: undefined },
  { subjects: ["a..b"] },
  { subjects: ["x", "x"] },
  { subjects: ["x.*", "x.y"] },
  { subjects: [">"] },
  { subjects: ["$JS.API.x"] },
  { subjects: ["$SYS.x"] },
  { subjects: ["o.1"] },
  { no_ack: true },
  { subject_transform: { src: "a.*", dest: "b.$3" } },
  { subject_transform: { src: "a..b", dest: "b" } },
  { republish: { src: "a.*", dest: "b.$3" } },
  { republish: { src: "a.>", dest: "a.>" } },
  { republish: { src: "", dest: "q" } },
  { placement: { preferred: "x" } },
  { placement: { cluster: "x" } },
  { mirror_direct: true },
  { first_seq: 5 },
  { sealed: true },
  { description: LONG },
  { metadata: LARGE },
  { max_msgs: -5 },
  { max_bytes: -5 },
  { max_msg_size: -5 },
  { max_consumers: -5 },
  { max_msgs_per_subject: -5 },
  { allow_atomic: true },
  { allow_batched: true },
  { compression: "s2" },
  { allow_direct: true },
  { consumer_limits: { max_ack_pending: -1 } },
  { consumer_limits: { inactive_threshold: -1 } },
  { storage: "file" },
  { template_owner: "x" },
];

const CONSUMER_FAULTS: readonly Config[] = [
  { num_replicas: -1 },
  { num_replicas: 3 },
  { name: "N", durable_name: "N" },
  { description: LONG },
  { backoff: [-1] },
  { ack_wait: -1 },
  { max_deliver: 1, backoff: [1, 2] },
  { deliver_subject: "d.*" },
  { deliver_subject: "d..x" },
  { deliver_subject: "a.1" },
  { max_waiting: 5 },
  { max_ack_pending: 5, ack_policy: "none" },
  { idle_heartbeat: SECOND / 1000 },
  { idle_heartbeat: SECOND },
  { rate_limit_bps: 5 },
  { flow_control: true },
  { max_expires: 5 },
  { max_ack_pending: 5000 },
  { inactive_threshold: 3600 * SECOND },
  { direct: true },
  { filter_subject: "a..b" },
  { filter_subject: "a.1", filter_subjects: ["a.2"] },
  { filter_subjects: ["a.*", "a.1"] },
  { filter_subjects: [""] },
  { filter_subject: "zzz" },
  { deliver_policy: "by_start_sequence" },
  { deliver_policy: "by_start_time" },
  { deliver_policy: "last_per_subject" },
  { opt_start_seq: 5 },
  { opt_start_time: SOON },
  { sample_freq: "x" },
  { metadata: LARGE },
  { priority_groups: ["g"] },
  { priority_policy: "overflow" },
  { priority_policy: "overflow", priority_groups: [""] },
  { priority_policy: "overflow", priority_groups: ["ä"] },
  { priority_policy: "pinned_client", priority_groups: ["g"] },
  { priority_policy: "prioritized", priority_groups: ["g"] },
  { priority_timeout: 5 },
  { ack_policy: "flow_control" },
  { ack_policy: "all" },
  { ack_policy: "none" },
  { deliver_group: "g" },
  { deliver_group: "a b" },
  { deliver_policy: "new" },
  { replay_policy: "original" },
  { mem_storage: true },
  { headers_only: true },
  { max_batch: -1 },
  { max_bytes: -5 },
  { pause_until: SOON },
  { sourcing: true },
  { max_waiting: -1 },
  { max_deliver: -5 },
];

/** Each two of the faults, and each alone. */
function* pairsOf(faults: readonly Config[]): Iterable<Config> {
  for (const [at, first] of faults.entries()) for (const second of faults.slice(at)) yield { ...first, ...second };
}

const API = "$JS.API.STREAM";
const GONE = question(`${API}.DELETE.S`);
const STANDING = question(`${API}.CREATE.S`, MEMORY);

function* streamPairs(): Iterable<Pair> {
  for (const pedantic of [false, true]) {
    for (const faults of pairsOf(STREAM_FAULTS)) {
      const config = { ...MEMORY, ...faults, ...(pedantic ? { pedantic } : {}) };
      yield { before: [], asked: question(`${API}.CREATE.S`, config), after: [GONE] };
      yield { before: [STANDING], asked: question(`${API}.UPDATE.S`, config), after: [GONE] };
    }
  }
}

const LIMITED = { ...MEMORY, consumer_limits: { max_ack_pending: 1000, inactive_threshold: 600 * SECOND } };
const CONSUMERS: readonly Config[] = [{ ack_policy: "explicit" }, { ack_policy: "explicit", deliver_subject: "d.x" }];

function* consumerPairs(): Iterable<Pair> {
  for (const stream of [LIMITED, { ...MEMORY, retention: "workqueue" }]) {
    for (const base of CONSUMERS) {
      for (const pedantic of [false, true]) {
        for (const faults of pairsOf(CONSUMER_FAULTS)) {
          const config = { name: "C", ...base, ...faults };
          // nats-server makes a durable consumer with flow control of those by which a work queue is read.
          if ("sourcing" in faults && "direct" in faults && "retention" in stream) continue;
          const body = { stream_name: "S", config, action: "create", ...(pedantic ? { pedantic } : {}) };
          const asked = question(`$JS.API.CONSUMER.CREATE.S.${config.name}`, body);
          yield { before: [question(`${API}.CREATE.S`, stream)], asked, after: [GONE] };
        }
      }
    }
  }
}

/** All of them; another stream named `O` must be there, which has the subjects `o.>`. */
export function* allPairs(): Iterable<Pair> {
  yield* streamPairs();
  yield* consumerPairs();
}

/** The stream that has to be there. */
export const BYSTANDER = question(`${API}.CREATE.O`, { name: "O", subjects: ["o.>"], storage: "memory" });
