// What the API answers at its edges about streams, messages and batches, as nats-server does.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Asked,
  assertAnswers,
  consumer,
  FILE,
  failed,
  MEMORY,
  made,
  NEXT_ANSWER,
  type Scenarios,
  type Step,
} from "./support/api-answers.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { startServerProcess } from "./support/server-process.js";

const state = (messages: number, first: number, last: number): Asked => ({
  state: { messages, first_seq: first, last_seq: last },
});
const SEALED = failed(10109, "invalid operation on sealed stream");
const LEVEL = { "Nats-Required-Api-Level": "99" };
const NEWER = failed(10185, "JetStream minimum api level required");
const TOO_LARGE = failed(10054, "message size exceeds maximum allowed");

const SCENARIOS: Scenarios = {
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

for (const program of ["natsnode", "neighbour"] as const) {
  const skip = program === "neighbour" && withoutNeighbour();
  test(`answers at the edges of the API: ${program}`, { skip }, (t) => assertAnswers(t, program, SCENARIOS));
}

for (const program of ["natsnode", "neighbour"] as const) {
  const skip = program === "neighbour" && withoutNeighbour();
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
