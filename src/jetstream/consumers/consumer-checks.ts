// What a consumer's configuration may say: checks of a new one, and of an update (conformance/jetstream, FACTS "Errors seen").
import { isLiteral, isSubsetOf, subjectsOverlap } from "../../subjects/validity.js";
import { ApiError, invalidStream } from "../errors.js";
import { isUsableSubject, isValidName, MAX_NAME_BYTES } from "../names.js";
import type { Stream } from "../streams/stream.js";
import { goDuration, NS_PER_MS, NS_PER_SECOND } from "../time.js";
import type { Consumer } from "./consumer.js";
import { type ConsumerConfig, type ConsumerLimits, filtersOf } from "./consumer-config.js";
import { checkDeadLetter } from "./dead-letters.js";

const MAX_DESCRIPTION_BYTES = 4096;
const MAX_METADATA_BYTES = 128 * 1024;
const MIN_HEARTBEAT_NS = 100n * NS_PER_MS;
const GROUP_NAME = /^[a-zA-Z0-9/_=)+-]{1,16}$/;
const POLICY_TEXT: Readonly<Record<ConsumerConfig["deliver_policy"], string>> = {
  all: "all",
  last: "last",
  new: "new",
  by_start_sequence: "by start sequence",
  by_start_time: "by start time",
  last_per_subject: "last per subject",
};

/** Checks a configuration with its defaults filled in. Throws ApiError. */
export function checkConsumer(config: ConsumerConfig, stream: Stream, limits: ConsumerLimits): void {
  if (config.num_replicas < 0) throw new ApiError("negativeReplicas");
  checkName(config);
  if (config.backoff?.some((wait) => wait < 0n)) throw new ApiError("backoff");
  if (config.ack_wait < 0n) throw new ApiError("ackWait");
  if (config.ack_policy === "flow_control") checkFlowAcks(config);
  if (config.backoff !== undefined && config.max_deliver > 0 && config.max_deliver < config.backoff.length) {
    throw new ApiError("maxDeliverBackoff");
  }
  checkDescription(config);
  if (config.deliver_subject !== "") checkPush(config, stream);
  else checkPull(config, stream, limits);
  checkAckPending(config, stream, limits);
  const { inactive_threshold: longest } = stream.config.consumer_limits;
  if (longest > 0n && config.inactive_threshold > longest) {
    throw new ApiError("inactiveThreshold", { limit: goDuration(longest) });
  }
  if (config.direct) {
    if (config.deliver_subject === "") throw new ApiError("directPull");
    if (config.durable_name !== "") throw new ApiError("directDurable");
  }
  checkFilters(config);
  checkDeliverPolicy(config);
  checkSampling(config.sample_freq);
  if (config.flow_control && config.idle_heartbeat === 0n) throw new ApiError("flowControlHeartbeat");
  checkMetadata(config);
  checkPriority(config);
}

function checkFlowAcks(config: ConsumerConfig): void {
  if (config.deliver_subject === "") throw new ApiError("flowAckPush");
  if (!config.flow_control) throw new ApiError("flowAckFlowControl");
  if (config.idle_heartbeat !== NS_PER_SECOND) {
    throw invalidStream("flow control ack policy heartbeat needs to be 1s");
  }
  if (config.max_ack_pending < 0) throw new ApiError("flowAckMaxPending");
  if (config.ack_wait !== 0n || config.backoff?.length) throw new ApiError("flowAckWait");
  if (config.max_deliver > 0) throw new ApiError("flowAckMaxDeliver");
}

function checkName({ name, durable_name: durable }: ConsumerConfig): void {
  for (const one of [durable, name]) {
    if (one === "") continue;
    if (!isValidName(one)) throw invalidStream("consumer name can not contain '.', '*', '>', '\\', '/'");
  }
}

/** Of a new consumer, after all else. Throws ApiError 10102. */
export function checkNameLength({ name, durable_name: durable }: ConsumerConfig): void {
  if (Buffer.byteLength(durable || name) > MAX_NAME_BYTES) {
    throw new ApiError("consumerNameTooLong", { limit: MAX_NAME_BYTES });
  }
}

function checkDescription(config: ConsumerConfig): void {
  if (Buffer.byteLength(config.description) > MAX_DESCRIPTION_BYTES) {
    throw new ApiError("consumerDescription", { limit: MAX_DESCRIPTION_BYTES });
  }
}

function checkMetadata(config: ConsumerConfig): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(config.metadata ?? {})) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_METADATA_BYTES) throw new ApiError("consumerMetadata");
  checkDeadLetter(config.metadata);
}

function checkPush(config: ConsumerConfig, stream: Stream): void {
  const { deliver_subject: subject } = config;
  if (!isUsableSubject(subject)) throw new ApiError("pushDeliverSubject");
  if (!isLiteral(subject)) throw new ApiError("deliverWildcards");
  if ((stream.config.subjects ?? []).some((own) => subjectsOverlap(own, subject))) throw new ApiError("deliverCycle");
  if (config.max_waiting !== 0) throw new ApiError("pushMaxWaiting");
  if (config.max_ack_pending > 0 && config.ack_policy === "none") {
    throw new ApiError("maxAckPendingWithoutAck");
  }
  if (config.idle_heartbeat > 0n && config.idle_heartbeat < MIN_HEARTBEAT_NS) throw new ApiError("smallHeartbeat");
}

function checkPull(config: ConsumerConfig, stream: Stream, limits: ConsumerLimits): void {
  if (stream.config.retention === "workqueue" && config.ack_policy === "none") {
    throw new ApiError("pullWorkQueueAck");
  }
  if (config.rate_limit_bps > 0) throw new ApiError("pullRateLimit");
  if (config.idle_heartbeat > 0n) throw new ApiError("heartbeatPull");
  if (config.flow_control) throw new ApiError("flowControlPull");
  if (config.max_expires > 0n && config.max_expires < NS_PER_MS) throw new ApiError("maxRequestExpires");
  if (limits.maxRequestBatch > 0 && config.max_batch > limits.maxRequestBatch) {
    throw new ApiError("maxRequestBatch", { limit: limits.maxRequestBatch });
  }
}

function checkPriority({
  deliver_subject: subject,
  priority_policy: policy,
  priority_groups: groups = [],
  priority_timeout: timeout,
}: ConsumerConfig): void {
  if (policy === "none") {
    if (groups.length > 0) throw new ApiError("groupsWithoutPolicy");
    if (timeout > 0n) throw new ApiError("pinnedTtl");
    return;
  }
  if (subject !== "") throw new ApiError("priorityPush");
  if (groups.length === 0) throw new ApiError("priorityNeedsGroup");
  for (const group of groups) {
    if (group === "") throw new ApiError("emptyGroup");
    if (!GROUP_NAME.test(group)) throw new ApiError("groupName");
  }
}

function checkFilters(config: ConsumerConfig): void {
  const { filter_subject: single, filter_subjects: several = [] } = config;
  if (single !== "" && several.length > 0) throw new ApiError("bothFilters");
  if (several.includes("")) throw new ApiError("emptyFilter");
  const filters = filtersOf(config);
  for (const filter of filters) if (!isUsableSubject(filter)) throw invalidStream("invalid subject");
  filters.forEach((filter, at) => {
    if (filters.slice(at + 1).some((other) => isSubsetOf(filter, other) || isSubsetOf(other, filter))) {
      throw new ApiError("filtersOverlap");
    }
  });
}

function checkDeliverPolicy(config: ConsumerConfig): void {
  const { deliver_policy: policy, opt_start_seq: sequence, opt_start_time: time } = config;
  const wrong = (text: string): ApiError =>
    new ApiError("deliverPolicy", { text: `deliver ${POLICY_TEXT[policy]}, but ${text}` });
  if (policy === "by_start_sequence") {
    if (sequence === 0) throw wrong("optional start sequence is not set");
    if (time !== undefined) throw wrong("optional start time is also set");
  } else if (policy === "by_start_time") {
    if (time === undefined) throw wrong("optional start time is not set");
    if (sequence !== 0) throw wrong("optional start start sequence is also set");
  } else {
    if (sequence > 0) throw wrong("optional start sequence is also set");
    if (time !== undefined) throw wrong("optional start time is also set");
    if (policy === "last_per_subject" && filtersOf(config).length === 0)
      throw wrong("optional filter subject is not set");
  }
}

function checkSampling(text: string): void {
  if (text === "") return;
  const number = text.replace(/%$/, "");
  const parsing = `strconv.Atoi: parsing "${number}"`;
  if (!/^[+-]?\d+$/.test(number)) throw new ApiError("sampling", { text: `${parsing}: invalid syntax` });
  const value = BigInt(number.replace("+", ""));
  if (BigInt.asIntN(64, value) !== value) throw new ApiError("sampling", { text: `${parsing}: value out of range` });
  // Go's words for an error that is none.
  if (value < 0n) throw new ApiError("sampling", { text: "<nil>" });
}

function checkAckPending(config: ConsumerConfig, stream: Stream, limits: ConsumerLimits): void {
  const pending = config.max_ack_pending;
  const ofStream = stream.config.consumer_limits.max_ack_pending;
  const limit = ofStream > 0 ? ofStream : limits.maxAckPending;
  if (limit > 0 && pending > limit) throw new ApiError("maxAckPending", { limit });
}

/** Whether a consumer is one by which a stream is read: limits, and what a work queue allows, are not for it. */
export function isExempt({ direct, sourcing }: ConsumerConfig): boolean {
  return direct || sourcing === true;
}

/** What a work queue allows: each message has one consumer, besides those by which streams are read. Throws ApiError. */
export function checkWorkQueue(config: ConsumerConfig, stream: Stream): void {
  if (stream.config.retention !== "workqueue" || isExempt(config)) return;
  if (config.ack_policy !== "explicit" && config.ack_policy !== "flow_control") throw new ApiError("workQueueAck");
  const others = [...stream.consumers.values()].filter((one) => one.name !== config.name && !isExempt(one.config));
  const filters = filtersOf(config);
  if (others.length > 0) {
    if (filters.length === 0 || others.some((other) => filtersOf(other.config).length === 0)) {
      throw new ApiError("workQueueUnfiltered");
    }
    for (const other of others) {
      const overlaps = filtersOf(other.config).some((one) => filters.some((own) => subjectsOverlap(one, own)));
      if (overlaps) throw new ApiError("workQueueFilter");
    }
  }
  if (config.deliver_policy !== "all") throw new ApiError("workQueueDeliverAll");
}

/** Checks what an update may not change. Throws ApiError 10012 and 10013. */
export function checkConsumerUpdate(consumer: Consumer, next: ConsumerConfig): void {
  const old = consumer.config;
  const cannot = (text: string): ApiError => new ApiError("consumerCreate", { text });
  const changes = (name: keyof ConsumerConfig): boolean => old[name] !== next[name];
  if (changes("sourcing")) {
    throw cannot(`${changes("mem_storage") ? "storage type" : "sourcing"} can not be updated`);
  }
  if (changes("deliver_policy") || changes("opt_start_seq") || changes("opt_start_time")) {
    throw cannot(
      changes("deliver_policy")
        ? "deliver policy can not be updated"
        : changes("opt_start_seq")
          ? "start sequence can not be updated"
          : "start time can not be updated",
    );
  }
  if (changes("mem_storage")) throw cannot("storage type can not be updated");
  if (changes("ack_policy")) throw cannot("ack policy can not be updated");
  if (changes("replay_policy")) throw cannot("replay policy can not be updated");
  if (changes("idle_heartbeat")) throw cannot("heart beats can not be updated");
  if (changes("flow_control")) throw cannot("flow control can not be updated");
  if ((old.deliver_subject === "") !== (next.deliver_subject === "")) {
    throw cannot(
      old.deliver_subject === ""
        ? "can not update pull consumer to push based"
        : "can not update push consumer to pull based",
    );
  }
  if (old.deliver_subject === "" && changes("max_waiting")) throw cannot("max waiting can not be updated");
  if (changes("deliver_subject") && consumer.isBound) throw new ApiError("consumerNameInUse");
}
