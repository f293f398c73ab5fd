// What the API answers at its edges: each of these is asked of natsnode, and of nats-server to see that the table is right.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";

interface Asked {
  readonly [name: string]: unknown;
}
/** Subject below `$JS.API.`, or a stream's own; body; what the answer has to hold, an error by its code and text. */
type Step = readonly [
  subject: string,
  body: Asked | string,
  expected: Asked | string,
  headers?: Record<string, string>,
];

/** Nothing is asked: what was asked before has another answer. */
const NEXT_ANSWER = "";
const failed = (code: number, description: string): Asked => ({ error: { err_code: code, description } });
const state = (messages: number, first: number, last: number): Asked => ({
  state: { messages, first_seq: first, last_seq: last },
});
const FILE = { name: "S", subjects: ["a.>"] };
const MEMORY = { ...FILE, storage: "memory" };
const SEALED = failed(10109, "invalid operation on sealed stream");
const LEVEL = { "Nats-Required-Api-Level": "99" };
const NEWER = failed(10185, "JetStream minimum api level required");
const TOO_LARGE = failed(10054, "message size exceeds maximum allowed");
const consumer = (config: object, more: object = {}): Asked => ({ stream_name: "S", config, ...more });
const made: Asked = {};
const LONG = "x".repeat(256);

const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  "a message that cannot be deleted, in memory": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["STREAM.MSG.DELETE.S", { seq: 0 }, failed(10043, "sequence 0 not found")],
    ["STREAM.MSG.DELETE.S", { seq: 5 }, failed(10043, "sequence 5 not found")],
    ["STREAM.MSG.DELETE.S", "{}", failed(10003, "bad request")],
    ["a.1", "x", { seq: 1 }],
    ["STREAM.MSG.DELETE.S", { seq: 1 }, { success: true }],
    ["STREAM.MSG.DELETE.S", { seq: 1, no_erase: true }, failed(10043, "sequence 1 not found")],
  ],
  "a message that cannot be deleted, on file": [
    ["STREAM.CREATE.S", FILE, made],
    ["STREAM.MSG.DELETE.S", { seq: 0 }, failed(10057, "no message found")],
    ["STREAM.MSG.DELETE.S", { seq: 5 }, failed(10057, "stream store EOF")],
    ["a.1", "x", { seq: 1 }],
    ["a.2", "x", { seq: 2 }],
    ["a.3", "x", { seq: 3 }],
    ["STREAM.MSG.DELETE.S", { seq: 2 }, { success: true }],
    ["STREAM.MSG.DELETE.S", { seq: 2 }, failed(10043, "sequence 2 not found")],
    ["STREAM.MSG.DELETE.S", { seq: 1 }, { success: true }],
    ["STREAM.MSG.DELETE.S", { seq: 1 }, failed(10057, "no message found")],
    ["STREAM.UPDATE.S", { ...FILE, deny_delete: true }, made],
    ["STREAM.MSG.DELETE.S", { seq: 3 }, failed(10057, "message delete not permitted")],
    ["STREAM.MSG.DELETE.S", "{}", failed(10003, "bad request")],
  ],
  "sequences of a stream that never held anything": [
    ["STREAM.CREATE.S", FILE, state(0, 0, 0)],
    ["STREAM.INFO.S", { deleted_details: true }, { state: { num_deleted: 1, deleted: [0] } }],
    ["STREAM.PURGE.S", { seq: 1 }, { purged: 0 }],
    ["STREAM.INFO.S", "", state(0, 0, 0)],
    ["STREAM.PURGE.S", "", { purged: 0 }],
    ["STREAM.INFO.S", { deleted_details: true }, state(0, 1, 0)],
    ["STREAM.PURGE.S", { filter: ">", seq: 30 }, { purged: 0 }],
    ["STREAM.INFO.S", "", state(0, 30, 29)],
    ["a.1", "x", { seq: 30 }],
    ["STREAM.DELETE.S", "", { success: true }],
    ["STREAM.CREATE.S", { ...MEMORY, first_seq: 1 }, state(0, 1, 0)],
  ],
  "an interest stream without consumers": [
    ["STREAM.CREATE.S", FILE, made],
    ["a.1", "x", { seq: 1 }],
    ["a.2", "x", { seq: 2 }],
    ["STREAM.UPDATE.S", { ...FILE, retention: "interest" }, state(0, 3, 2)],
    ["STREAM.DELETE.S", "", { success: true }],
    ["STREAM.CREATE.S", { ...FILE, retention: "interest" }, state(0, 0, 0)],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C", ack_policy: "explicit" }), made],
    ["CONSUMER.DELETE.S.C", "", { success: true }],
    ["STREAM.INFO.S", "", state(0, 1, 0)],
  ],
  "an interest stream whose consumers want other subjects keeps what it has": [
    ["STREAM.CREATE.S", FILE, made],
    ["a.1", "x", { seq: 1 }],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C", ack_policy: "explicit", filter_subject: "a.2" }), made],
    ["STREAM.UPDATE.S", { ...FILE, retention: "interest" }, state(1, 1, 1)],
    ["CONSUMER.DELETE.S.C", "", { success: true }],
    ["STREAM.INFO.S", "", state(0, 2, 1)],
  ],
  "pages of subjects": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["STREAM.INFO.S", { subjects_filter: ">", offset: 2 }, { total: 0, offset: 0, limit: 0 }],
    ["a.1", "x", { seq: 1 }],
    ["STREAM.INFO.S", { subjects_filter: "b.>", offset: 2 }, { total: 0, offset: 0, limit: 0 }],
    ["STREAM.INFO.S", { subjects_filter: "a.>", offset: 2 }, { total: 1, offset: 2, limit: 100_000 }],
  ],
  "requests for a message that say too much": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["a.1", "x", { seq: 1 }, { H: "v" }],
    ["STREAM.MSG.GET.S", { seq: 1, no_hdr: true }, { message: { seq: 1, hdrs: undefined } }],
    ["STREAM.MSG.GET.S", { seq: 1, multi_last: ["a.*"] }, { message: { seq: 1 } }],
    ["STREAM.MSG.GET.S", { multi_last: ["a.*"] }, failed(10003, "bad request")],
    ["STREAM.MSG.GET.S", { seq: 1, start_time: "2024-01-01T00:00:00Z" }, failed(10003, "bad request")],
    ["STREAM.MSG.GET.S", { last_by_subj: "a.1", start_time: "2024-01-01T00:00:00Z" }, failed(10003, "bad request")],
    ["STREAM.MSG.GET.S", { next_by_subj: "a.1", start_time: "2024-01-01T00:00:00Z" }, { message: { seq: 1 } }],
  ],
  "direct gets": [
    ["STREAM.CREATE.S", { ...MEMORY, allow_direct: true }, made],
    ["a.1", "x", { seq: 1 }],
    ["DIRECT.GET.S", { seq: 1, up_to_seq: 9 }, "x"],
    ["DIRECT.GET.S", { last_by_subj: "a.1", up_to_time: "2024-01-01T00:00:00Z" }, "x"],
    ["DIRECT.GET.S", { seq: -1 }, "408 Malformed Request"],
    ["STREAM.CREATE.T", { name: "T", mirror: { name: "S" } }, { config: { mirror_direct: true } }],
    ["DIRECT.GET.T", { seq: 1 }, "503\r\nNats-Subject: $JS.API.DIRECT.GET.T"],
  ],
  "where a direct get begins, and how many": [
    ["STREAM.CREATE.S", { ...FILE, allow_direct: true }, made],
    ...["1", "2", "1"].map((name, at): Step => [`a.${name}`, `${at + 1}`, { seq: at + 1 }]),
    ["DIRECT.GET.S", { multi_last: ["a.>"], seq: 3, batch: 2 }, "3"],
    [NEXT_ANSWER, "", "204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 3\r\nNats-UpTo-Sequence: 3"],
    [
      "DIRECT.GET.S",
      { multi_last: ["a.>"], seq: 4 },
      "204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 0\r\nNats-UpTo-Sequence: 3",
    ],
    ["DIRECT.GET.S", { seq: 2, batch: -1 }, "204 EOB\r\nNats-Num-Pending: 2\r\nNats-Last-Sequence: 0"],
    ["DIRECT.GET.S", { seq: 9, batch: -1 }, "204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 0"],
    ["DIRECT.GET.S", { last_by_subj: "a.1", batch: -1 }, "204 EOB\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 0"],
    ["DIRECT.GET.S", { seq: 1, batch: 9, max_bytes: -1 }, "1"],
    [NEXT_ANSWER, "", "204 EOB\r\nNats-Num-Pending: 2\r\nNats-Last-Sequence: 1"],
  ],
  "a body beside the subject of a direct get": [
    ["STREAM.CREATE.S", { ...FILE, allow_direct: true }, made],
    ["a.1", "x", { seq: 1 }],
    ["DIRECT.GET.S.a.1", { seq: 1 }, "408 Bad Request"],
    ["DIRECT.GET.S.a.1", { last_by_subj: "a.1" }, "408 Bad Request"],
    ["DIRECT.GET.S.a.1", { up_to_seq: 1 }, "408 Bad Request"],
    ["DIRECT.GET.S.a.1", { batch: -1 }, "408 Bad Request"],
    ["DIRECT.GET.S.a.1", "x", "408 Malformed Request"],
    ["DIRECT.GET.S.a.1", { max_bytes: 5 }, "x"],
    ["DIRECT.GET.S.a.1", { no_hdr: true }, "x"],
  ],
  "a stream that is to publish again, without a destination": [
    ["STREAM.CREATE.S", { ...FILE, republish: { src: "a.b" } }, { config: { republish: { dest: "" } } }],
    [
      "STREAM.UPDATE.S",
      { ...FILE, republish: { src: "a.b" } },
      failed(10069, "stream configuration for republish from 'a.b' to '>': invalid subject"),
    ],
    ["STREAM.UPDATE.S", { ...FILE, republish: { src: "a.>" } }, { config: { republish: { dest: ">" } } }],
  ],
  "what is looked at first in a stream's configuration": [
    [
      "STREAM.CREATE.S",
      { ...FILE, persist_mode: "async", num_replicas: 3 },
      failed(10052, "async persist mode is not supported on replicated streams"),
    ],
    ["STREAM.CREATE.S", { ...FILE, max_age: 1, pedantic: true }, failed(10052, "max age needs to be >= 100ms")],
    [
      "STREAM.CREATE.S",
      { ...FILE, republish: { src: "", dest: "q" }, mirror: { name: "X" }, pedantic: true },
      failed(10034, "stream mirrors can not contain subjects"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, republish: { src: "", dest: "q" }, pedantic: true },
      failed(10157, "pedantic mode: republish source can not be empty"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, deny_purge: true, allow_msg_schedules: true, sources: [{ name: "X" }] },
      failed(10187, "stream source can not also schedule messages"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, allow_msg_counter: true, discard: "new", retention: "workqueue", discard_new_per_subject: true },
      failed(10052, "counter stream cannot use discard new"),
    ],
    [
      "STREAM.CREATE.S",
      { ...MEMORY, persist_mode: "async", allow_msg_schedules: true, discard: "new" },
      failed(10052, "message scheduling cannot use discard new"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, mirror_direct: true, deny_purge: true, allow_rollup_hdrs: true },
      failed(10052, "stream has no mirror but does have mirror direct"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, mirror_direct: true, max_age: -1 },
      failed(10052, "stream has no mirror but does have mirror direct"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, max_msgs: -5, num_replicas: 9, pedantic: true },
      failed(10052, "maximum replicas is 5"),
    ],
    [
      "STREAM.CREATE.S",
      { ...FILE, deny_purge: true, allow_rollup_hdrs: true, subject_delete_marker_ttl: 1_000_000_000 },
      failed(10052, "roll-ups require the purge permission"),
    ],
    ["STREAM.CREATE.T", { name: "T", subjects: ["a.1"] }, made],
    [
      "STREAM.CREATE.S",
      { ...FILE, num_replicas: 3 },
      failed(10074, "replicas > 1 not supported in non-clustered mode"),
    ],
    ["STREAM.DELETE.T", "", { success: true }],
    ["STREAM.CREATE.S", { ...FILE, allow_msg_counter: true, subject_delete_marker_ttl: 1_000_000_000 }, made],
    [
      "STREAM.UPDATE.S",
      { ...FILE, allow_msg_counter: true, subject_delete_marker_ttl: 1_000_000_000 },
      failed(10052, "counter stream cannot use message TTLs"),
    ],
    [
      "STREAM.UPDATE.S",
      { ...FILE, num_replicas: 3, storage: "memory" },
      failed(10074, "replicas > 1 not supported in non-clustered mode"),
    ],
    ["STREAM.DELETE.S", "", { success: true }],
    ["STREAM.CREATE.S", FILE, made],
    ["STREAM.UPDATE.S", { ...FILE, sealed: true }, { config: { sealed: true } }],
    ["STREAM.PURGE.S", { seq: 1, keep: 1 }, failed(10003, "bad request")],
    ["STREAM.PURGE.S", { seq: 1 }, SEALED],
  ],
  "how large the messages of an origin may be": [
    ["STREAM.CREATE.T", { name: "T", subjects: ["t"] }, made],
    ["STREAM.CREATE.S", { name: "S", sources: [{ name: "T" }], max_msg_size: 9 }, made],
    ["STREAM.UPDATE.T", { name: "T", subjects: ["t"], max_msg_size: 20 }, made],
    [
      "STREAM.UPDATE.S",
      { name: "S", sources: [{ name: "T" }], max_msg_size: 10 },
      failed(10046, "stream source must have max message size >= target"),
    ],
    ["STREAM.DELETE.S", "", { success: true }],
    [
      "STREAM.CREATE.S",
      { name: "S", mirror: { name: "T" }, max_msg_size: 10 },
      failed(10030, "stream mirror must have max message size >= source"),
    ],
  ],
  "an origin is only missed when it was looked for": [
    ["STREAM.CREATE.S", { name: "S", storage: "memory", mirror: { name: "X" } }, { mirror: { error: undefined } }],
  ],
  "what is looked at first in a consumer's configuration": [
    [
      "CONSUMER.CREATE.S",
      consumer({ num_replicas: 3 }),
      failed(10074, "replicas > 1 not supported in non-clustered mode"),
    ],
    ["STREAM.CREATE.S", MEMORY, made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", priority_groups: ["g"], priority_timeout: 1_000_000_000 }),
      failed(10196, "consumer can not have priority groups when policy is none"),
    ],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C", ack_policy: "explicit" }), made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", ack_policy: "none", mem_storage: true }),
      failed(10012, "storage type can not be updated"),
    ],
  ],
  "a consumer whose name is too long, or how it is sampled makes no sense": [
    ["STREAM.CREATE.S", MEMORY, made],
    [
      `CONSUMER.CREATE.S.${LONG}`,
      consumer({ durable_name: LONG, ack_wait: -1 }),
      failed(10183, "consumer ack wait needs to be positive"),
    ],
    [
      `CONSUMER.CREATE.S.${LONG}`,
      consumer({ durable_name: LONG }, { action: "update" }),
      failed(10149, "consumer does not exist"),
    ],
    [
      `CONSUMER.CREATE.S.${LONG}`,
      consumer({ durable_name: LONG }),
      failed(10102, "consumer name is too long, maximum allowed is 255"),
    ],
    ...[
      ["-1", "<nil>"],
      ["1.5", 'strconv.Atoi: parsing "1.5": invalid syntax'],
      ["9223372036854775808%", 'strconv.Atoi: parsing "9223372036854775808": value out of range'],
    ].map(
      ([frequency, text]): Step => [
        "CONSUMER.CREATE.S.C",
        consumer({ name: "C", ack_policy: "explicit", sample_freq: frequency }),
        failed(10095, `failed to parse consumer sampling configuration: ${text}`),
      ],
    ),
    ["CONSUMER.CREATE.S.C", consumer({ name: "C", ack_policy: "explicit", sample_freq: "-0" }), { name: "C" }],
  ],
  "what a pedantic request for a consumer is told first": [
    ["STREAM.CREATE.S", MEMORY, made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", max_ack_pending: -5, max_bytes: -5, num_replicas: -1 }, { pedantic: true }),
      failed(10157, "pedantic mode: max_ack_pending must be set to -1"),
    ],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", idle_heartbeat: -5, inactive_threshold: -5, num_replicas: -1 }, { pedantic: true }),
      failed(10157, "pedantic mode: idle_heartbeat must not be negative"),
    ],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", deliver_subject: "d", ack_policy: "flow_control", ack_wait: -1 }),
      failed(10183, "consumer ack wait needs to be positive"),
    ],
  ],
  "how long a consumer may be unused": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C" }), { config: { inactive_threshold: 5_000_000_000 } }],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C" }, { action: "create" }), failed(10148, "consumer already exists")],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C" }), { config: { inactive_threshold: 5_000_000_000 } }],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C" }), { config: { inactive_threshold: undefined } }],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C" }), { config: { inactive_threshold: undefined } }],
  ],
  "a pause is changed by its own request": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C" }), made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", pause_until: "2040-01-01T00:00:00Z" }),
      { config: { pause_until: undefined }, paused: undefined },
    ],
    ["CONSUMER.PAUSE.S.C", { pause_until: "2040-01-01T00:00:00Z" }, { paused: true }],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", pause_until: "2041-01-01T00:00:00Z", description: "d" }),
      { config: { pause_until: "2040-01-01T00:00:00Z" }, paused: true },
    ],
  ],
  "odd pull requests": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["a.1", "x", { seq: 1 }],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C", ack_policy: "explicit" }), made],
    [
      "CONSUMER.MSG.NEXT.S.C",
      { batch: 1, expires: -1 },
      "408 Request Timeout\r\nNats-Pending-Messages: 1\r\nNats-Pending-Bytes: 0",
    ],
    ["CONSUMER.MSG.NEXT.S.C", { batch: 1, min_pending: -1 }, "400 Bad Request - Not a Overflow Priority consumer"],
    ["CONSUMER.MSG.NEXT.S.C", { batch: 1, no_wait: true }, "x"],
    [
      "CONSUMER.MSG.NEXT.S.C",
      { batch: "x" },
      "400 Bad Request - json: cannot unmarshal string into Go struct field .batch of type int",
    ],
    [
      "CONSUMER.MSG.NEXT.S.C",
      { batch: 1, idle_heartbeat: 1.5 },
      "400 Bad Request - json: cannot unmarshal number 1.5 into Go struct field .idle_heartbeat of type time.Duration",
    ],
    [
      "CONSUMER.MSG.NEXT.S.C",
      { expires: 10_000_000 },
      "408 Request Timeout\r\nNats-Pending-Messages: 0\r\nNats-Pending-Bytes: 0",
    ],
    ["a.1", "x", { seq: 2 }],
    ["CONSUMER.CREATE.S.O", consumer({ name: "O", priority_policy: "overflow", priority_groups: ["g"] }), made],
    ["CONSUMER.MSG.NEXT.S.O", { batch: 1, no_wait: true, group: "g", min_pending: 3 }, "404 No Messages"],
  ],
  "pulls of an overflow group that do not wait": [
    ["STREAM.CREATE.S", MEMORY, made],
    ...["1", "2", "3"].map((payload, at): Step => ["a.1", payload, { seq: at + 1 }]),
    ["CONSUMER.CREATE.S.O", consumer({ name: "O", priority_policy: "overflow", priority_groups: ["g"] }), made],
    ["CONSUMER.MSG.NEXT.S.O", { batch: 5, no_wait: true, group: "g", min_pending: 2 }, "1"],
    [NEXT_ANSWER, "", "2"],
    [NEXT_ANSWER, "", "404 No Messages"],
    ["a.1", "4", { seq: 4 }],
    ["CONSUMER.MSG.NEXT.S.O", { batch: 5, no_wait: true, expires: 60e9, group: "g", min_pending: 2 }, "3"],
    [NEXT_ANSWER, "", "404 No Messages"],
    [
      "CONSUMER.MSG.NEXT.S.O",
      { batch: 5, no_wait: true, expires: 50e6, group: "g", min_pending: 2 },
      "408 Request Timeout\r\nNats-Pending-Messages: 5\r\nNats-Pending-Bytes: 0",
    ],
  ],
  "pull requests that are no JSON": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["CONSUMER.CREATE.S.C", consumer({ name: "C", ack_policy: "explicit" }), made],
    ["CONSUMER.MSG.NEXT.S.C", "{", "400 Bad Request - unexpected end of JSON input"],
    ["CONSUMER.MSG.NEXT.S.C", '{"a":1}}', "400 Bad Request - invalid character '}' after top-level value"],
    ["CONSUMER.MSG.NEXT.S.C", '{"a":nul}', "400 Bad Request - invalid character '}' in literal null (expecting 'l')"],
    ["CONSUMER.MSG.NEXT.S.C", '{"a":"\\x"}', "400 Bad Request - invalid escape sequence `\\x` in string"],
    [
      "CONSUMER.MSG.NEXT.S.C",
      '{"batch":1e0}',
      "400 Bad Request - json: cannot unmarshal number 1e0 into Go struct field .batch of type int",
    ],
    [
      "CONSUMER.MSG.NEXT.S.C",
      '{"group":1,"batch":"x"}',
      "400 Bad Request - json: cannot unmarshal number into Go struct field .group of type string",
    ],
    ["CONSUMER.MSG.NEXT.S.C", { Batch: 1, NO_WAIT: true }, "404 No Messages"],
    ["CONSUMER.CREATE.S.D", consumer({ name: "D", deliver_subject: "d" }), made],
    ["CONSUMER.MSG.NEXT.S.D", "{", "409 Consumer is push based"],
  ],
  "pulls without a group, and with the id of nobody": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["a.1", "x", { seq: 1 }],
    ["CONSUMER.CREATE.S.O", consumer({ name: "O", priority_policy: "overflow", priority_groups: ["g"] }), made],
    ["CONSUMER.MSG.NEXT.S.O", {}, "400 Bad Request - Priority Group missing"],
    ["CONSUMER.MSG.NEXT.S.O", "1", "x"],
    ["CONSUMER.CREATE.S.P", consumer({ name: "P", priority_policy: "pinned_client", priority_groups: ["g"] }), made],
    [
      "CONSUMER.MSG.NEXT.S.P",
      { batch: 2, group: "g", id: "x" },
      "423 Nats-Wrong-Pin-Id\r\nNats-Pending-Messages: 2\r\nNats-Pending-Bytes: 0",
    ],
  ],
  "pulls that name no group while nobody is pinned": [
    ["STREAM.CREATE.S", MEMORY, made],
    ...["1", "2", "3"].map((payload, at): Step => ["a.1", payload, { seq: at + 1 }]),
    ["CONSUMER.CREATE.S.P", consumer({ name: "P", priority_policy: "pinned_client", priority_groups: ["g"] }), made],
    ["CONSUMER.MSG.NEXT.S.P", "1", "1"],
    ["CONSUMER.MSG.NEXT.S.P", {}, "400 Bad Request - Priority Group missing"],
    ["CONSUMER.INFO.S.P", "", { num_pending: 2, priority_groups: [{ group: "g", pinned_ts: "0001-01-01T00:00:00Z" }] }],
    ["CONSUMER.MSG.NEXT.S.P", { batch: 1, no_wait: true, group: "g" }, "2"],
  ],
  "a consumer that begins beyond the end of its stream": [
    ["STREAM.CREATE.S", MEMORY, made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", deliver_policy: "by_start_sequence", opt_start_seq: 3 }),
      { num_pending: 0, ack_floor: { stream_seq: 2 } },
    ],
    ["a.1", "x", { seq: 1 }],
    ["a.1", "x", { seq: 2 }],
    ["CONSUMER.INFO.S.C", "", { num_pending: 0 }],
    ["a.1", "y", { seq: 3 }],
    ["CONSUMER.INFO.S.C", "", { num_pending: 1 }],
    ["CONSUMER.MSG.NEXT.S.C", { batch: 2, no_wait: true }, "y"],
    [NEXT_ANSWER, "", "404 No Messages"],
  ],
  "values that nats-server does not know": [
    ["STREAM.CREATE.S", { ...FILE, storage: "x" }, failed(10025, 'invalid JSON: can not unmarshal "\\"x\\""')],
    ["STREAM.CREATE.S", { ...FILE, discard: 5 }, failed(10025, 'invalid JSON: can not unmarshal "5"')],
    ["STREAM.CREATE.S", { ...FILE, compression: "x" }, failed(10025, "invalid JSON: unknown compression algorithm")],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C" }, { action: "x" }),
      failed(10025, 'invalid JSON: unknown consumer action: "x"'),
    ],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ name: "C", priority_policy: "x" }),
      failed(10025, 'invalid JSON: unknown priority policy: "x"'),
    ],
  ],
  "numbers and values that Go does not take, or does": [
    ["STREAM.CREATE.S", '{"name":"S","max_msgs":1e3}', { error: { err_code: 10025 } }],
    ["STREAM.CREATE.S", '{"name":"S","max_msgs":1.0}', { error: { err_code: 10025 } }],
    ["STREAM.CREATE.S", '{"name":"S","storage":null}', { error: { err_code: 10025 } }],
    ["STREAM.CREATE.S", '{"name":"S","subjects":["s",null]}', failed(10052, "invalid subject")],
    ["STREAM.CREATE.S", '{"name":"S","subjects":["a.>"]} {"max_msgs":3}', { config: { max_msgs: 3 } }],
    ["STREAM.UPDATE.S", '{"name":"S","subjects":["a.>"]} 3', { error: { err_code: 10025 } }],
    ["CONSUMER.CREATE.S.C", { stream_name: "S" }, { name: "C" }],
  ],
  "what is looked at first in snapshots and purges": [
    ["STREAM.PURGE.S", { seq: 1, keep: 1 }, failed(10003, "bad request")],
    ["STREAM.SNAPSHOT.S", "{ }", failed(10003, "bad request")],
    ["STREAM.SNAPSHOT.S", "{", failed(10059, "stream not found")],
    ["STREAM.CREATE.S", FILE, made],
    ["STREAM.SNAPSHOT.S", { chunk_size: 5 }, failed(10015, "deliver subject not valid")],
  ],
  "limits of consumers that are none": [
    ["STREAM.CREATE.S", { ...FILE, consumer_limits: { inactive_threshold: -1, max_ack_pending: -1 } }, made],
    [
      "CONSUMER.CREATE.S.C",
      consumer({ durable_name: "C", ack_policy: "explicit" }),
      { config: { inactive_threshold: -1, max_ack_pending: -1 } },
    ],
    [
      "CONSUMER.CREATE.S.D",
      consumer({ name: "D", ack_policy: "explicit" }),
      { config: { inactive_threshold: 5_000_000_000, max_ack_pending: -1 } },
    ],
  ],
  "consumers by which streams are read": [
    ["STREAM.CREATE.S", FILE, made],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C", sourcing: true }), { name: "C" }],
    ["CONSUMER.CREATE.S.C", consumer({ durable_name: "C" }), failed(10012, "sourcing can not be updated")],
  ],
  "messages of batches that are too large": [
    ["STREAM.CREATE.S", { ...FILE, max_msg_size: 100, allow_atomic: true }, made],
    ["a.1", "x".repeat(100), TOO_LARGE, { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1" }],
    [
      "a.1",
      "x",
      failed(10176, "atomic publish batch is incomplete"),
      { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "2" },
    ],
  ],
  "a batch that expects the id of the last message is refused at its end": [
    ["STREAM.CREATE.S", { ...FILE, allow_atomic: true }, made],
    ["a.1", "x", "", { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Expected-Last-Msg-Id": "y" }],
    [
      "a.1",
      "x",
      failed(10177, "atomic publish unsupported header used: Nats-Expected-Last-Msg-Id"),
      { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1" },
    ],
    ["STREAM.INFO.S", "", state(0, 0, 0)],
  ],
  "values of headers reach to the end of their line": [
    ["STREAM.CREATE.S", MEMORY, made],
    ["a.1", "x", { seq: 1 }, { "Nats-Msg-Id": "y " }],
    ["a.1", "x", { seq: 2 }, { "Nats-Msg-Id": "y" }],
    ["a.1", "x", failed(10070, "wrong last msg ID: y"), { "Nats-Expected-Last-Msg-Id": "y " }],
    ["a.1", "x", failed(10060, "expected stream does not match"), { "Nats-Expected-Stream": "S " }],
    ["a.1", "x", failed(10165, "invalid per-message TTL"), { "Nats-TTL": "1 " }],
  ],
  "a client that wants a server that knows more": [
    ["CONSUMER.MSG.NEXT.S.C", { batch: 1 }, "503\r\nNats-Subject: $JS.API.CONSUMER.MSG.NEXT.S.C", LEVEL],
    ["DIRECT.GET.S", { seq: 1 }, "503\r\nNats-Subject: $JS.API.DIRECT.GET.S", LEVEL],
    ["STREAM.CREATE.S", { ...MEMORY, allow_atomic: true, allow_direct: true }, made],
    ["DIRECT.GET.S", { seq: 1 }, "412 Required Api Level", LEVEL],
    ["a.1", "x", { seq: 1 }, LEVEL],
    ["a.1", "x", "", { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1" }],
    ["a.1", "x", NEWER, { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "2", ...LEVEL }],
    [
      "a.1",
      "x",
      failed(10176, "atomic publish batch is incomplete"),
      { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "2" },
    ],
  ],
  "numbers beyond their type": [
    ["STREAM.CREATE.S", { ...FILE, max_msg_size: 2 ** 31 }, { error: { err_code: 10025 } }],
    ["STREAM.CREATE.S", { ...FILE, max_msg_size: 2 ** 31 - 1 }, { config: { max_msg_size: 2 ** 31 - 1 } }],
    [
      "STREAM.UPDATE.S",
      `{"name":"S","subjects":["a.>"],"max_msgs":9223372036854775808}`,
      { error: { err_code: 10025 } },
    ],
    ["STREAM.PURGE.S", `{"seq":18446744073709551616}`, { error: { err_code: 10025 } }],
  ],
};

// Whether all that `expected` has is in `actual`; what it has as undefined must not be there.
function assertHolds(actual: unknown, expected: unknown, where: string): void {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) {
    assert.deepEqual(actual, expected, where);
    return;
  }
  for (const [key, value] of Object.entries(expected)) {
    assertHolds((actual as Asked | undefined)?.[key], value, `${where}, ${key}`);
  }
}

const PROGRAMS: readonly ServerProgram[] = ["natsnode", "neighbour"];

// Asks, and gives the status, the object or the text that comes back.
function asker(
  asking: RawClient,
): (subject: string, body: Asked | string, headers?: Record<string, string>) => Promise<unknown> {
  return async (subject: string, body: Asked | string, headers: Record<string, string> = {}): Promise<unknown> => {
    const to = /^(STREAM|CONSUMER|DIRECT)\./.test(subject) ? `$JS.API.${subject}` : subject;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const block = lines.length === 0 ? "" : `NATS/1.0\r\n${lines.join("")}\r\n`;
    const sizes = block === "" ? text.length : `${block.length} ${block.length + text.length}`;
    if (subject !== NEXT_ANSWER)
      asking.send(`${block === "" ? "PUB" : "HPUB"} ${to} answers ${sizes}\r\n${block}${text}\r\n`);
    const { headers: told, payload } = await asking.expect(/^H?MSG /);
    const status = /^NATS\/1\.0 (.+?)\r\n\r\n/s.exec(told)?.[1];
    return status ?? (payload.startsWith("{") ? (JSON.parse(payload) as unknown) : payload);
  };
}

for (const program of PROGRAMS) {
  const skip = program === "neighbour" ? withoutNeighbour() : false;
  test(`answers at the edges of the API: ${program}`, { skip }, async (t) => {
    // Each in an account of its own: nats-server may find again what of a stream of that name it is still deleting.
    const accounts = Object.keys(SCENARIOS).map(
      (_, at) => `A${at} { jetstream: {}, users: [{ user: u${at}, password: p }] }`,
    );
    const config = `jetstream { store_dir: "{{DIR}}" }\naccounts {\n${accounts.join("\n")}\n}`;
    const server = await startServerProcess(t, { program, config });
    for (const [number, [name, steps]] of Object.entries(SCENARIOS).entries()) {
      await t.test(name, async (t) => {
        const asking = await connectClient(t, server.port, { user: `u${number}`, pass: "p" });
        asking.send("SUB answers 1\r\n");
        const ask = asker(asking);
        for (const [at, [subject, body, expected, given]] of steps.entries()) {
          const answer = await ask(subject, body, given);
          if (expected === made) assertHolds(answer, { error: undefined }, `step ${at + 1}: ${subject}`);
          else assertHolds(answer, expected, `step ${at + 1}: ${subject} ${JSON.stringify(body)}`);
        }
      });
    }
  });
}

for (const program of PROGRAMS) {
  const skip = program === "neighbour" ? withoutNeighbour() : false;
  test(`nobody answers a request to a domain: the subject that it stands for is told: ${program}`, {
    skip,
  }, async (t) => {
    const config = 'jetstream { store_dir: "{{DIR}}", domain: hub }';
    const asking = await connectClient(t, (await startServerProcess(t, { program, config })).port);
    asking.send("SUB answers 1\r\nPUB $JS.hub.API.DIRECT.GET.S answers 0\r\n\r\n");
    const { headers } = await asking.expect(/^HMSG answers /);
    assert.equal(headers, "NATS/1.0 503\r\nNats-Subject: $JS.API.DIRECT.GET.S\r\n\r\n");
  });
}
