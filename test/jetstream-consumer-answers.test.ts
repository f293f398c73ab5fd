// What the API answers at its edges about consumers and to pull requests, as nats-server does.
import { test } from "node:test";
import {
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

const LONG = "x".repeat(256);

const SCENARIOS: Scenarios = {
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
};

for (const program of ["natsnode", "neighbour"] as const) {
  const skip = program === "neighbour" && withoutNeighbour();
  test(`answers at the edges of the API of consumers: ${program}`, { skip }, (t) =>
    assertAnswers(t, program, SCENARIOS),
  );
}
