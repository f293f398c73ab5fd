// The blocks of options for streams, consumers and buckets that a configuration declares. Keys of the API keep its names.
import {
  block,
  boolean,
  choice,
  durationText,
  integer,
  list,
  option,
  record,
  sizeOrText,
  text,
  texts,
} from "./kinds.js";

const account = option("account", text, "Whose it is.", { default: "$G" });
const description = option("description", text, "For people.");
const metadata = option("metadata", record(text), "Labels.");
const storage = option("storage", choice("file", "memory"), "Where it is kept: file or memory.", {
  defaultText: "file",
});
const compression = option("compression", choice("none", "s2"), "none or s2.", { defaultText: "none" });
const maxBytes = option("max_bytes", sizeOrText, "Bytes that it holds.", { defaultText: "no limit" });
const deadLetter = option(
  "dead_letter",
  text,
  "Subject of messages that were delivered max_deliver times or terminated.",
);

export const declaredConsumer = {
  description,
  deliverSubject: option("deliver_subject", text, "Makes it a push consumer."),
  deliverGroup: option("deliver_group", text, "Queue group of a push consumer."),
  deliverPolicy: option("deliver_policy", choice("all", "last", "new", "last_per_subject"), "Where it begins.", {
    defaultText: "all",
  }),
  ackPolicy: option("ack_policy", choice("none", "all", "explicit"), "none, all or explicit.", {
    defaultText: "explicit",
  }),
  ackWaitMs: option("ack_wait", durationText, "Time until a message is delivered again.", { defaultText: "30s" }),
  maxDeliver: option("max_deliver", integer, "How often a message is delivered.", { defaultText: "no limit" }),
  backoffMs: option("backoff", list(durationText), "Waits between deliveries, instead of ack_wait."),
  filterSubjects: option("filter_subjects", texts, "What it takes of the stream.", { aliases: ["filter_subject"] }),
  maxAckPending: option("max_ack_pending", integer, "Unacknowledged messages.", { defaultText: "1000" }),
  maxWaiting: option("max_waiting", integer, "Requests that wait.", { defaultText: "512" }),
  inactiveThresholdMs: option("inactive_threshold", durationText, "Idle time after which it goes.", {
    defaultText: "it stays",
  }),
  headersOnly: option("headers_only", boolean, "Delivers no payloads."),
  deadLetter,
  metadata,
} as const;

const transform = {
  src: option("src", text, "Subjects that it is for.", { defaultText: "all" }),
  dest: option("dest", text, "What becomes of them.", { defaultText: "the same" }),
} as const;

const origin = {
  name: option("name", text, "The origin's name."),
  filterSubject: option("filter_subject", text, "What is taken of it.", { defaultText: "all" }),
  subjectTransforms: option("subject_transforms", list(block(transform)), "Filters with new subjects, instead."),
  startSequence: option("opt_start_seq", integer, "The sequence it begins with.", { defaultText: "1", min: 1 }),
  startTime: option("opt_start_time", text, "The time it begins with, as 2026-01-31T12:00:00Z."),
  external: option(
    "external",
    block({
      api: option("api", text, "The API to reach it by, such as $JS.leaf.API."),
      deliver: option("deliver", text, "Where its messages are sent."),
    }),
    "Of another domain or account.",
  ),
} as const;

export const declaredStream = {
  name: option("name", text, "Its name, where streams of two accounts have the same.", { defaultText: "its key" }),
  account,
  description,
  subjects: option("subjects", texts, "What it keeps.", { defaultText: "its name" }),
  mirror: option("mirror", block(origin), "The stream that it mirrors."),
  sources: option("sources", list(block(origin)), "Streams that flow into it."),
  subjectTransform: option("subject_transform", block(transform), "New subjects for what it keeps."),
  republish: option(
    "republish",
    block({
      ...transform,
      headersOnly: option("headers_only", boolean, "Without payloads.", { defaultText: "false" }),
    }),
    "Where what it has stored is published again.",
  ),
  retention: option("retention", choice("limits", "interest", "workqueue"), "limits, interest or workqueue.", {
    defaultText: "limits",
  }),
  storage,
  discard: option("discard", choice("old", "new"), "What goes at a limit: old or new messages.", {
    defaultText: "old",
  }),
  maxMsgs: option("max_msgs", integer, "Messages that it holds.", { defaultText: "no limit" }),
  maxBytes,
  maxAgeMs: option("max_age", durationText, "Age of its messages.", { defaultText: "no limit" }),
  maxMsgsPerSubject: option("max_msgs_per_subject", integer, "Messages of a subject.", { defaultText: "no limit" }),
  maxMsgSizeBytes: option("max_msg_size", sizeOrText, "Bytes of a message.", { defaultText: "no limit" }),
  maxConsumers: option("max_consumers", integer, "Consumers.", { defaultText: "no limit" }),
  duplicateWindowMs: option("duplicate_window", durationText, "How long message ids are known.", {
    defaultText: "2m",
  }),
  compression,
  allowDirect: option("allow_direct", boolean, "Messages can be read directly.", { defaultText: "false" }),
  allowRollup: option("allow_rollup_hdrs", boolean, "Messages may replace those before them.", {
    defaultText: "false",
  }),
  allowMsgTtl: option("allow_msg_ttl", boolean, "Messages may have a TTL.", { defaultText: "false" }),
  denyDelete: option("deny_delete", boolean, "Single messages cannot be deleted.", { defaultText: "false" }),
  denyPurge: option("deny_purge", boolean, "It cannot be purged.", { defaultText: "false" }),
  deadLetter,
  metadata,
  consumers: option("consumers", record(block(declaredConsumer)), "Durable consumers by name.", { default: {} }),
} as const;

export const declaredBucket = {
  account,
  description,
  history: option("history", integer, "Values of a key that are kept, 1 to 64.", { defaultText: "1", min: 1, max: 64 }),
  ttlMs: option("ttl", durationText, "Age of values.", { defaultText: "no limit" }),
  maxBytes,
  maxValueBytes: option("max_value_size", sizeOrText, "Bytes of a value.", { defaultText: "no limit" }),
  storage,
  compression,
} as const;

export const declaredObjectStore = {
  account,
  description,
  ttlMs: option("ttl", durationText, "Age of objects.", { defaultText: "no limit" }),
  maxBytes,
  storage,
  compression,
} as const;
