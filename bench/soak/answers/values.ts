// Values for the fields of JetStream requests: right ones, wrong ones and those at the edges. None of them makes anything
// happen while it is compared: times are far away or refused.

export type Values = Readonly<Record<string, readonly unknown[]>>;

const SECOND = 1_000_000_000;
const HOUR = 3600 * SECOND;
const LONG_TEXT = "x".repeat(5000);
export const SOON = "2040-01-01T00:00:00Z";
export const LONG_AGO = "2020-01-01T00:00:00Z";

export const STREAM_NAMES = ["", "a b", "a.b", "x".repeat(256), "OTHER"];
export const STREAM_VALUES: Values = {
  max_msgs: [-1, 0, 1, 2, -5],
  max_bytes: [-1, 0, 1, 100, 1000, -2],
  max_age: [0, 1, 50_000_000, HOUR, -1],
  max_msg_size: [-1, 0, 1, 10, 2 ** 31, -3],
  max_msgs_per_subject: [0, 1, 2, -1, -2],
  max_consumers: [-1, 0, 1, 2, -2],
  retention: ["limits", "interest", "workqueue", "x"],
  storage: ["file", "memory", "disk"],
  discard: ["old", "new", "x"],
  discard_new_per_subject: [true, false],
  duplicate_window: [0, 1, 120 * SECOND, HOUR, -1],
  num_replicas: [0, 1, 2, 3, 6, -1],
  no_ack: [true, false],
  sealed: [true, false],
  deny_delete: [true, false],
  deny_purge: [true, false],
  allow_rollup_hdrs: [true, false],
  allow_direct: [true, false],
  mirror_direct: [true, false],
  allow_msg_ttl: [true, false],
  allow_msg_counter: [true, false],
  allow_atomic: [true, false],
  allow_batched: [true, false],
  allow_msg_schedules: [true, false],
  compression: ["none", "s2", "zip"],
  first_seq: [0, 1, 10, 100],
  subjects: [
    ["a.>", "b.*"],
    ["*"],
    [">"],
    [],
    ["a..b"],
    ["$JS.API.>"],
    ["x", "x"],
    ["x.*", "x.y"],
    ["$SYS.>"],
    ["$JS.ACK.x.>"],
  ],
  subject_transform: [
    { src: "a.*", dest: "a.t.{{wildcard(1)}}" },
    { src: ">", dest: "z.>" },
    { src: "a", dest: "a.{{partition(3,1)}}" },
    { src: "", dest: "x" },
    { src: "a.*", dest: "b.$3" },
  ],
  republish: [
    { src: ">", dest: "rp.>" },
    { src: ">", dest: "rp.>", headers_only: true },
    { src: "a.*", dest: "a.{{wildcard(1)}}" },
    { dest: "r.>" },
    { src: "q", dest: "r" },
  ],
  metadata: [{}, { a: "b" }, { "_nats.x": "1" }, { a: 1 }],
  subject_delete_marker_ttl: [0, SECOND, 1, -1, 60 * SECOND],
  persist_mode: ["default", "async", "x"],
  consumer_limits: [{ inactive_threshold: HOUR }, { max_ack_pending: 5 }, { inactive_threshold: -1 }, {}],
  placement: [{}, { tags: ["x"] }, { cluster: "c" }, { preferred: "p" }],
  mirror: [
    { name: "NOPE" },
    { name: "" },
    { name: "M", filter_subject: "m.>" },
    { name: "M", opt_start_seq: 5, opt_start_time: LONG_AGO },
    { name: "M", subject_transforms: [{ src: "m.>", dest: "b.>" }] },
  ],
  sources: [
    [{ name: "NOPE" }],
    [{ name: "M" }, { name: "M" }],
    [
      { name: "M", filter_subject: "m.a" },
      { name: "M", filter_subject: "m.b" },
    ],
    [{ name: "M", subject_transforms: [{ src: "m.*", dest: "c.$1" }] }],
    [
      {
        name: "M",
        subject_transforms: [
          { src: "m.>", dest: "c.>" },
          { src: "m.b", dest: "d" },
        ],
      },
    ],
    [],
  ],
  description: ["hello", LONG_TEXT],
  template_owner: ["x"],
  unknown_field: [1],
};

export const CONSUMER_NAMES: Values = {
  durable_name: ["", "a b", "d.x", "D9", "x".repeat(256)],
  name: ["", "N9", "a b", "n*"],
};
export const CONSUMER_VALUES: Values = {
  deliver_policy: ["all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject", "x"],
  opt_start_seq: [0, 1, 2, 100],
  opt_start_time: [LONG_AGO, "x"],
  ack_policy: ["none", "all", "explicit", "x", "flow_control"],
  ack_wait: [0, 30 * SECOND, HOUR, -1],
  max_deliver: [-1, 0, 1, 2, -5],
  backoff: [[HOUR], [HOUR, 2 * HOUR, 3 * HOUR], [], [-1]],
  filter_subject: ["a.>", "a.*", "nope", "a..b", ">"],
  filter_subjects: [["a.1", "a.2"], ["a.*", "a.1"], ["x"], [""], []],
  replay_policy: ["instant", "x"],
  rate_limit_bps: [0, 1000, -1],
  sample_freq: ["100", "50%", "x", "101"],
  max_waiting: [0, 1, 5, -1, 512],
  max_ack_pending: [0, 1, -1, 1000, -2],
  idle_heartbeat: [0, 1_000_000, 100_000_000, 30 * SECOND, -1],
  flow_control: [true, false],
  headers_only: [true, false],
  max_batch: [0, 1, -1, 10],
  max_expires: [0, 1_000_000, SECOND, -1],
  max_bytes: [0, 1, 100, -1],
  inactive_threshold: [HOUR, -1],
  num_replicas: [0, 1, 2, 3],
  mem_storage: [true, false],
  metadata: [{ a: "b" }, { "_nats.y": "1" }, { a: 1 }],
  pause_until: [SOON, LONG_AGO],
  priority_groups: [["g"], ["a", "b"], [""], ["x".repeat(20)], []],
  priority_policy: ["none", "overflow", "pinned_client", "prioritized", "x"],
  priority_timeout: [0, 120 * SECOND, -1],
  deliver_subject: ["d.x", "d.*", "a.1", ""],
  deliver_group: ["q", "", "a b"],
  direct: [true],
  sourcing: [true],
  description: [LONG_TEXT, "hi"],
  unknown: [1],
};

export const PULL_VALUES: Values = {
  batch: [0, 1, 2, 5, -1, 300],
  expires: [0, 10_000_000, 50_000_000, -1],
  no_wait: [true, false],
  max_bytes: [0, 1, 50, 200, -1],
  idle_heartbeat: [0, 10_000_000, 90_000_000, -1],
  group: ["g", "x", ""],
  min_pending: [0, 1, 5, -1],
  min_ack_pending: [0, 1, -1],
  priority: [0, 1, 9, 10, -1],
  id: ["x", "{{pin}}"],
};

export const GET_VALUES: Values = {
  seq: [0, 1, 2, 3, 100, -1],
  last_by_subj: ["a.1", "nope", "a..b", ""],
  next_by_subj: ["a.*", ">", "x"],
  batch: [0, 1, 2, -1],
  max_bytes: [0, 1, 50],
  start_time: [LONG_AGO, "x"],
  multi_last: [["a.*"], [">"], [], ["a.1", "a.2"]],
  up_to_seq: [0, 1, 2, 100],
  up_to_time: [LONG_AGO, SOON],
  no_hdr: [true],
};

export const PURGE_VALUES: Values = {
  filter: ["a.1", "a.*", "nope", "a..b", ""],
  seq: [0, 1, 2, 3, 100],
  keep: [0, 1, 2, 100],
};

export const PUBLISH_HEADERS: Readonly<Record<string, readonly string[]>> = {
  "Nats-Msg-Id": ["x", "", " y "],
  "Nats-Expected-Stream": ["X", "S"],
  "Nats-Expected-Last-Sequence": ["0", "1", "x", "-1", "2"],
  "Nats-Expected-Last-Subject-Sequence": ["0", "1", "2", "x"],
  "Nats-Expected-Last-Subject-Sequence-Subject": ["a.1", "a.*", "b"],
  "Nats-Expected-Last-Msg-Id": ["x", "y"],
  "Nats-Rollup": ["sub", "all", "x"],
  "Nats-TTL": ["3600", "1h", "0", "never", "x", "-1", "1ms", "500ms"],
  "Nats-Incr": ["1", "-5", "x", "+3", "1.5", "99999999999999999999"],
  "Nats-Batch-Id": ["u1", "x".repeat(65)],
  "Nats-Batch-Sequence": ["1", "2", "0", "x"],
  "Nats-Batch-Commit": ["1", "0", "x", "eob"],
  "Nats-Required-Api-Level": ["0", "1", "9", "x"],
  "Nats-Schedule": [`@at ${SOON}`, "@every 1h", "x", "0 0 0 1 1 *", "@yearly"],
  "Nats-Schedule-Target": ["a.t", "a.*", "zz"],
  "Nats-Schedule-Source": ["a.1", "a.*", "zz"],
  "Nats-Schedule-TTL": ["1h", "x"],
  "Nats-Schedule-Rollup": ["sub", "all"],
  "Nats-Schedule-Time-Zone": ["Europe/Berlin", "X"],
  "KV-Operation": ["DEL", "PURGE"],
  "Nats-Marker-Reason": ["MaxAge"],
};

export const PAYLOADS = ["", "x", "hello", `{"val":"1"}`, "x".repeat(60)];
