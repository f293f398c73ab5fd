// A round of random requests: a stream and what can be asked of it, its messages and its consumers. A seed repeats it.
import type { Draw } from "../../../test/simulation/draw.js";
import { type Question, question, reading } from "./question.js";
import { spoiled } from "./spoiled-json.js";
import {
  CONSUMER_NAMES,
  CONSUMER_VALUES,
  GET_VALUES,
  LONG_AGO,
  PAYLOADS,
  PUBLISH_HEADERS,
  PULL_VALUES,
  PURGE_VALUES,
  SOON,
  STREAM_NAMES,
  STREAM_VALUES,
  type Values,
} from "./values.js";

type Config = Record<string, unknown>;

/** Streams that rounds begin with, and the subjects that are published to. */
const KV = {
  subjects: ["$KV.b.>"],
  max_msgs_per_subject: 3,
  discard: "new",
  allow_rollup_hdrs: true,
  deny_delete: true,
};
const OBJECTS = { subjects: ["$O.b.C.>", "$O.b.M.>"], allow_rollup_hdrs: true, discard: "new", allow_direct: true };
const STREAMS: readonly Config[] = [
  {},
  { storage: "memory" },
  { retention: "workqueue" },
  { retention: "interest" },
  { storage: "memory", allow_direct: true },
  { allow_direct: true },
  { allow_msg_ttl: true, allow_rollup_hdrs: true, allow_direct: true },
  { allow_msg_counter: true, allow_direct: true },
  { allow_atomic: true, allow_direct: true },
  { allow_batched: true },
  { allow_atomic: true, allow_batched: true, storage: "memory", allow_msg_counter: true },
  { allow_msg_schedules: true, allow_rollup_hdrs: true, allow_msg_ttl: true },
  { max_msgs: 5 },
  { max_msgs_per_subject: 2, discard: "new", discard_new_per_subject: true },
  { subject_transform: { src: "a.*", dest: "a.t.{{wildcard(1)}}" }, republish: { src: "a.>", dest: "rp.>" } },
  KV,
  OBJECTS,
  { subjects: undefined, mirror: { name: "M" } },
  { subjects: undefined, sources: [{ name: "M" }] },
  { sources: [{ name: "M", subject_transforms: [{ src: "m.*", dest: "a.m.{{wildcard(1)}}" }] }] },
];
/** Without a durable name they would be gone before a slow round is over. */
const KEPT = { inactive_threshold: 3_600_000_000_000 };
const CONSUMERS: readonly Config[] = [
  KEPT,
  { ack_policy: "explicit", durable_name: "C" },
  { ...KEPT, ack_policy: "explicit", name: "C" },
  { ...KEPT, ack_policy: "none" },
  { ack_policy: "all", durable_name: "C", filter_subject: "a.1" },
  { ack_policy: "explicit", durable_name: "C", deliver_subject: "d.x" },
  { ...KEPT, ack_policy: "none", deliver_subject: "d.y", flow_control: true, idle_heartbeat: 1_000_000_000 },
  { ack_policy: "explicit", durable_name: "C", priority_groups: ["g"], priority_policy: "overflow" },
  { ack_policy: "explicit", durable_name: "C", priority_groups: ["g"], priority_policy: "pinned_client" },
  { ack_policy: "explicit", durable_name: "C", priority_groups: ["g"], priority_policy: "prioritized" },
];
const ACKS = [
  "",
  "+ACK",
  "-NAK",
  `-NAK {"delay":3600000000000}`,
  `-NAK {"delay":"x"}`,
  "-NAK 5",
  "+TERM",
  "+TERM why",
  "+WPI",
  "+NXT",
  "+NXT 2",
  `+NXT {"batch":2,"no_wait":true}`,
  "xx",
  "+ACK ",
];
const PLAIN = ["a.1", "a.2", "a.3", "a.1", "a.b.c"];

/** Names of the streams that a round may leave behind. */
export const LEFT_BEHIND = ["S", "M", "R", "OTHER"];

export class Round {
  readonly #draw: Draw;
  #config: Config = {};
  #subjects: readonly string[] = PLAIN;
  #batchSequence = 0;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  /** What is asked first. */
  opening(): Question[] {
    const draw = this.#draw;
    const chosen = draw.pick(STREAMS);
    if (chosen === KV) this.#subjects = ["$KV.b.k", "$KV.b.l", "$KV.b.k.m"];
    if (chosen === OBJECTS) this.#subjects = ["$O.b.C.n", "$O.b.M.bmFtZQ==", "$O.b.C.n"];
    this.#config = this.#changed({ name: "S", subjects: ["a.>"], ...structuredClone(chosen) }, STREAM_VALUES, 2);
    if (draw.chance(0.03)) this.#config["name"] = draw.pick(STREAM_NAMES);
    const origin = {
      name: "M",
      subjects: ["m.>"],
      allow_direct: draw.chance(0.5),
      max_msg_size: draw.pick([-1, -1, 10]),
    };
    return [
      ...(this.hasOrigins || draw.chance(0.1) ? [question("$JS.API.STREAM.CREATE.M", origin)] : []),
      this.#request("$JS.API.STREAM.CREATE.S", { ...this.#config, ...(draw.chance(0.15) ? { pedantic: true } : {}) }),
    ];
  }

  /** Whether messages of other streams flow into this one, each server at its own pace. */
  get hasOrigins(): boolean {
    return this.#config["mirror"] !== undefined || this.#config["sources"] !== undefined;
  }

  /** What is asked next. */
  next(): Question {
    const draw = this.#draw;
    return draw.pick(WEIGHTED_STEPS)(this, draw);
  }

  update(): Question {
    const draw = this.#draw;
    const config = this.#changed(structuredClone(this.#config), STREAM_VALUES, 2);
    if (draw.chance(0.05)) config["name"] = draw.pick(STREAM_NAMES);
    return this.#request("$JS.API.STREAM.UPDATE.S", { ...config, ...(draw.chance(0.1) ? { pedantic: true } : {}) });
  }

  publish(): Question {
    const draw = this.#draw;
    if (this.hasOrigins && draw.chance(0.5)) return question(draw.pick(["m.a", "m.b"]), draw.pick(PAYLOADS));
    const headers: Record<string, string> = {};
    const count = draw.between(0, 2);
    for (let left = count; left > 0; left--) {
      const name = draw.pick(Object.keys(PUBLISH_HEADERS));
      headers[name] = draw.pick(PUBLISH_HEADERS[name]);
    }
    if (this.#config["allow_msg_counter"] === true && draw.chance(0.7))
      headers["Nats-Incr"] = draw.pick(["1", "-5", "+3"]);
    if (this.#config["allow_msg_schedules"] === true && draw.chance(0.6)) {
      headers["Nats-Schedule"] ??= draw.pick([`@at ${SOON}`, "@every 1h", "@yearly"]);
      headers["Nats-Schedule-Target"] ??= "a.t";
    }
    return question(draw.pick(this.#subjects), draw.pick(PAYLOADS), { headers });
  }

  batched(): Question {
    const draw = this.#draw;
    this.#batchSequence = draw.chance(0.9) ? this.#batchSequence + 1 : draw.between(0, 3);
    const headers: Record<string, string> = {
      "Nats-Batch-Id": "b",
      "Nats-Batch-Sequence": String(this.#batchSequence),
    };
    if (draw.chance(0.3)) headers["Nats-Batch-Commit"] = draw.pick(["1", "1", "eob", "x"]);
    if (draw.chance(0.3)) {
      const name = draw.pick(Object.keys(PUBLISH_HEADERS));
      headers[name] = draw.pick(PUBLISH_HEADERS[name]);
    }
    if (headers["Nats-Batch-Commit"] !== undefined) this.#batchSequence = 0;
    return question(draw.pick(this.#subjects), draw.pick(PAYLOADS), { headers });
  }

  fast(): Question {
    const draw = this.#draw;
    this.#batchSequence = draw.chance(0.9) ? this.#batchSequence + 1 : draw.between(0, 3);
    const operation = this.#batchSequence === 1 ? 0 : draw.pick([0, 1, 1, 1, 2, 3, 4, 5]);
    const replyEnd = `.f.${draw.pick([1, 1, 2, 0])}.${draw.pick(["ok", "fail", "x"])}.${this.#batchSequence}.${operation}.$FI`;
    if (operation === 2 || operation === 3) this.#batchSequence = 0;
    return question(draw.pick(this.#subjects), draw.pick(PAYLOADS), { replyEnd, answers: 2 });
  }

  createConsumer(): Question {
    const draw = this.#draw;
    const config = this.#changed(structuredClone(draw.pick(CONSUMERS)), CONSUMER_VALUES, 2);
    if (draw.chance(0.1)) this.#changed(config, CONSUMER_NAMES, 1);
    const body: Config = { stream_name: draw.chance(0.97) ? "S" : "X", config };
    if (draw.chance(0.2)) body["action"] = draw.pick(["create", "update", "x"]);
    if (draw.chance(0.1)) body["pedantic"] = true;
    return this.#request(`$JS.API.CONSUMER.${this.#consumerSubject(config)}`, body);
  }

  #consumerSubject({ name, durable_name: durable, filter_subject: filter }: Config): string {
    const draw = this.#draw;
    if (typeof durable === "string" && draw.chance(0.3)) {
      return `DURABLE.CREATE.S.${durable.replace(/[ .*>]/g, "") || "C"}`;
    }
    const called = name ?? durable;
    if (typeof called !== "string" || !/^\w+$/.test(called) || draw.chance(0.2)) return "CREATE.S";
    const isPlain = typeof filter === "string" && /^[a-z0-9.*>]+$/.test(filter);
    return `CREATE.S.${called}${isPlain && draw.chance(0.5) ? `.${filter}` : ""}`;
  }

  get(): Question {
    const draw = this.#draw;
    const body = this.#changed({}, GET_VALUES, 2);
    if (draw.chance(0.5)) return reading(`$JS.API.STREAM.MSG.GET.S`, body);
    const isMany = body["batch"] !== undefined || body["multi_last"] !== undefined;
    if (!isMany && draw.chance(0.3)) return reading(`$JS.API.DIRECT.GET.S.${draw.pick([...this.#subjects, "a.*"])}`);
    return reading("$JS.API.DIRECT.GET.S", body, { answers: isMany ? 20 : 1 });
  }

  /** For an API request: with some chance it is no longer what was meant. */
  #request(subject: string, body: Config, more: Partial<Question> = {}): Question {
    const text = JSON.stringify(body);
    return question(subject, this.#draw.chance(0.05) ? spoiled(this.#draw, text) : text, more);
  }

  pull(): Question {
    const draw = this.#draw;
    const body = this.#changed({ batch: 1, no_wait: true }, PULL_VALUES, 2);
    if (draw.chance(0.3)) body["group"] ??= "g";
    const text = JSON.stringify(body);
    const answers = Math.max(1, Number(body["batch"]));
    return question("$JS.API.CONSUMER.MSG.NEXT.S.C", draw.chance(0.1) ? spoiled(draw, text) : text, { answers });
  }

  #changed(config: Config, values: Values, most: number): Config {
    for (let left = this.#draw.between(0, most); left > 0; left--) {
      const name = this.#draw.pick(Object.keys(values));
      config[name] = this.#draw.pick(values[name]);
    }
    return config;
  }

  purge(): Question {
    return this.#request("$JS.API.STREAM.PURGE.S", this.#changed({}, PURGE_VALUES, 2));
  }
}

/** What a round asks, and how often. */
const STEPS: readonly (readonly [weight: number, ask: (round: Round, draw: Draw) => Question])[] = [
  [12, (round) => round.update()],
  [22, (round) => round.publish()],
  [6, (round) => round.batched()],
  [3, (round) => round.fast()],
  [18, (round) => round.createConsumer()],
  [8, (round) => round.pull()],
  [8, (round) => round.get()],
  [4, (round) => round.purge()],
  [5, (_, draw) => question("{{ack}}", draw.pick(ACKS), { answers: 1 })],
  [
    4,
    (_, draw) =>
      reading(
        "$JS.API.STREAM.INFO.S",
        draw.pick<unknown>([
          "",
          { subjects_filter: ">" },
          { subjects_filter: "a.*" },
          { deleted_details: true },
          { offset: 1, subjects_filter: ">" },
          { offset: -1 },
          "{",
          "[]",
        ]),
      ),
  ],
  [
    4,
    (_, draw) =>
      question(
        "$JS.API.STREAM.MSG.DELETE.S",
        draw.pick<unknown>([{ seq: 1 }, { seq: 2, no_erase: true }, { seq: 99 }, { seq: 0 }, {}, "{", ""]),
      ),
  ],
  [4, () => reading("$JS.API.CONSUMER.INFO.S.C")],
  [
    2,
    (_, draw) =>
      question(
        "$JS.API.CONSUMER.PAUSE.S.C",
        draw.pick<unknown>([{ pause_until: SOON }, {}, "{", { pause_until: LONG_AGO }, { pause_until: "x" }, ""]),
      ),
  ],
  [1, (_, draw) => question("$JS.API.CONSUMER.DELETE.S.C", draw.pick(["", "{}", "x"]))],
  [
    2,
    (_, draw) =>
      question(
        "$JS.API.CONSUMER.RESET.S.C",
        draw.pick<unknown>(["", { seq: 1 }, { seq: 5 }, { seq: 0 }, "{", { x: 1 }]),
      ),
  ],
  [
    2,
    (_, draw) =>
      question("$JS.API.CONSUMER.UNPIN.S.C", draw.pick<unknown>(["", { group: "g" }, { group: "x" }, { group: "" }])),
  ],
  [
    2,
    (_, draw) =>
      reading(
        `$JS.API.${draw.pick(["CONSUMER.NAMES.S", "CONSUMER.LIST.S", "STREAM.NAMES", "STREAM.LIST", "CONSUMER.LEADER.STEPDOWN.S.C", "STREAM.LEADER.STEPDOWN.S"])}`,
        draw.pick<unknown>(["", { offset: 0 }, { offset: 1 }, { subject: "a.1" }, { offset: -1 }, "{", "[]"]),
      ),
  ],
  // nats-server counts the consumers by which its streams read each other.
  [1, (round) => reading(round.hasOrigins ? "$JS.API.STREAM.INFO.M" : "$JS.API.INFO")],
  [
    1,
    (_, draw) =>
      question(
        "$JS.API.STREAM.SNAPSHOT.S",
        draw.pick<unknown>(["", {}, "{", { deliver_subject: "" }, { deliver_subject: "a b" }, { chunk_size: 5 }]),
      ),
  ],
  [
    1,
    (_, draw) =>
      question(
        `$JS.API.STREAM.RESTORE.${draw.pick(["S", "R", "a.b"])}`,
        draw.pick<unknown>([
          "",
          "{",
          {},
          { config: { name: "R" } },
          { config: { name: "S" } },
          { config: { name: "a b" } },
        ]),
      ),
  ],
];
const WEIGHTED_STEPS = STEPS.flatMap(([weight, ask]) => Array.from({ length: weight }, () => ask));
