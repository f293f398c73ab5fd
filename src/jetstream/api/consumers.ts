// The API of consumers: create, info, list, names, delete, pause, unpin, reset, and requests for messages.

import type { Consumer } from "../consumers/consumer.js";
import {
  checkConsumer,
  checkConsumerUpdate,
  checkNameLength,
  checkWorkQueue,
  isExempt,
} from "../consumers/consumer-checks.js";
import {
  CONSUMER_FIELDS,
  type ConsumerConfig,
  type ConsumerLimits,
  CREATE_FIELDS,
  consumerLevel,
  withConsumerDefaults,
  withEphemeralThreshold,
} from "../consumers/consumer-config.js";
import { readPull } from "../consumers/pull-options.js";
import { isKeptReader, keepReader } from "../consumers/reading-consumer.js";
import { ApiError } from "../errors.js";
import { type Fields, field, readFields, readRequest } from "../fields.js";
import { nuid } from "../ids.js";
import { consumerInfo } from "../info.js";
import { appendHeaders, Header, statusBlock } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { withLevel } from "../streams/stream-config.js";
import { NS_PER_MS, parseTime, ZERO_TIME } from "../time.js";
import { type ApiRequest, type ApiRoute, type DirectRoute, wantEmpty } from "./api.js";

const NAMES_LIMIT = 1024;
const LIST_LIMIT = 256;
const EPHEMERAL_CHARS = 8;
const NO_BYTES = Buffer.alloc(0);
const PAGE: Fields = { offset: field("int") };
const PAUSE: Fields = { pause_until: field("time") };
const UNPIN: Fields = { group: field("text") };
const RESET: Fields = { seq: field("unsigned") };
const EMPTY_PAGE = { total: 0, offset: 0, limit: 0, consumers: [] };

interface CreateRequest {
  stream_name: string;
  config?: ConsumerConfig;
  action: "" | "create" | "update";
  pedantic: boolean;
}

function readCreate({ payload, strict, names }: ApiRequest): CreateRequest & { config: ConsumerConfig } {
  if (payload.length === 0) throw new ApiError("streamMismatch");
  const request = readRequest<CreateRequest>(payload, CREATE_FIELDS, strict);
  const { config } = request;
  if (request.stream_name !== names[0]) throw new ApiError("streamMismatch");
  return { ...request, config: config ?? (readFields({}, CONSUMER_FIELDS, strict) as ConsumerConfig) };
}

// CONSUMER.CREATE.S: an ephemeral consumer with a name that is drawn.
function createEphemeral(request: ApiRequest): object {
  const asked = readCreate(request);
  if (asked.config.durable_name !== "") throw new ApiError("durableNameUnwanted");
  if (asked.config.name === "") {
    asked.config.name = nuid(request.js.server.runtime.random, EPHEMERAL_CHARS);
    asked.config.drawn_name = true;
  }
  return create(request, asked);
}

// CONSUMER.DURABLE.CREATE.S.C
function createDurable(request: ApiRequest): object {
  const asked = readCreate(request);
  if (asked.config.durable_name === "") throw new ApiError("durableNameMissing");
  if (asked.config.durable_name !== request.names[1]) throw new ApiError("durableNameMismatch");
  asked.config.name = request.names[1];
  return create(request, asked);
}

// CONSUMER.CREATE.S.C and CONSUMER.CREATE.S.C.FILTER
function createNamed(request: ApiRequest): object {
  const asked = readCreate(request);
  const [, name, filter] = request.names;
  const { config } = asked;
  if (config.durable_name !== "" && config.durable_name !== name) throw new ApiError("durableNameMismatch");
  config.name = name;
  if (filter !== undefined) {
    if (config.filter_subjects?.length) throw new ApiError("filtersInSubject");
    if (config.filter_subject !== filter) throw new ApiError("filterMismatch");
  }
  return create(request, asked);
}

function create(request: ApiRequest, { config, action, pedantic }: CreateRequest & { config: ConsumerConfig }): object {
  const { account } = request;
  if (config.num_replicas > 1) throw new ApiError("replicas");
  const stream = account.stream(request.names[0]);
  const isReader = isKeptReader(config, stream);
  identify(stream, config, request, isReader);
  const known = stream.consumers.get(config.name);
  if (isReader) keepReader(config, known);
  const limits: ConsumerLimits = {
    maxAckPending:
      account.limits.maxAckPending > 0 ? account.limits.maxAckPending : request.js.options.limits.maxAckPending,
    maxRequestBatch: request.js.options.limits.maxRequestBatch,
  };
  // A pause changes by PAUSE only.
  if (known !== undefined && (action !== "create" || config.pause_until === undefined)) {
    config.pause_until = known.config.pause_until;
  }
  // What was asked for decides, not what became of it.
  const level = consumerLevel(config);
  withConsumerDefaults(config, stream.config, limits, pedantic);
  checkConsumer(config, stream, limits);
  config.metadata = withLevel(config.metadata, level);
  if (known !== undefined) {
    if (action === "create" && !sameConfig(known.config, config)) throw new ApiError("consumerExists");
    if (config.inactive_threshold !== known.config.inactive_threshold) {
      withEphemeralThreshold(config, known.config.durable_name !== "");
    }
    if (!sameConfig(known.config, config)) {
      checkConsumerUpdate(known, config);
      checkWorkQueue(config, stream);
      request.ticket = account.updateConsumer(known, config);
    }
    // What it has sent before, nobody may have got.
    if (isReader) request.ticket = known.reset(known.state.floorStream + 1);
    return consumerInfo(known, true);
  }
  if (action === "update") throw new ApiError("consumerDoesNotExist");
  checkNameLength(config);
  checkWorkQueue(config, stream);
  if (!isExempt(config)) checkCounts(stream, request.js.options.limits.defaultMaxConsumers);
  withEphemeralThreshold(config, config.durable_name !== "");
  const { consumer, ticket } = account.createConsumer(stream, config);
  request.ticket = ticket;
  if (!config.direct) advise(consumer, "CREATED", "create");
  if (consumer.pause.isOn) consumer.pause.advise();
  return consumerInfo(consumer, true);
}

// Who reads a stream on must not take another one of its name for it. Throws ApiError 10225.
function identify(stream: Stream, config: ConsumerConfig, request: ApiRequest, isReader: boolean): void {
  const { identity } = stream;
  const wanted = request.headers?.get(Header.streamIdentity);
  if (wanted !== undefined && wanted !== identity) throw new ApiError("streamIdentity", { identity });
  if (config.direct || config.sourcing) request.answerHeaders = identityBlock(stream);
  if (config.direct && config.sourcing && !config.drawn_name && !isReader)
    config.name += `-${nuid(request.js.server.runtime.random, EPHEMERAL_CHARS)}`;
}

function identityBlock({ identity }: Stream): Buffer {
  return Buffer.from(appendHeaders("", [[Header.streamIdentity, identity]]));
}

function checkCounts({ account, config, consumers }: Stream, defaultLimit: number): void {
  // What the account says holds for each stream, too.
  const limits = [config.max_consumers, account.limits.maxConsumers].filter((limit) => limit > 0);
  if (limits.length === 0 && defaultLimit > 0) limits.push(defaultLimit);
  const counted = [...consumers.values()].filter((one) => !isExempt(one.config));
  if (counted.length >= Math.min(...limits)) throw new ApiError("maxConsumers");
}

function sameConfig(a: ConsumerConfig, b: ConsumerConfig): boolean {
  const text = (config: ConsumerConfig): string =>
    JSON.stringify(config, (_, item: unknown) => (typeof item === "bigint" ? `${item}n` : item), 0);
  return text({ ...a, metadata: sorted(a.metadata) }) === text({ ...b, metadata: sorted(b.metadata) });
}

function sorted(labels: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Tells that a consumer came or went. */
export function advise(consumer: Consumer, what: string, action: string): void {
  consumer.advise(what, "consumer_action", { action });
}

/** Throws ApiError 10059 and 10014. */
function find({ account, names }: ApiRequest): Consumer {
  const consumer = account.stream(names[0]).consumers.get(names[1]);
  if (consumer === undefined) throw new ApiError("consumerNotFound");
  return consumer;
}

function paged<T>(request: ApiRequest, limit: number, show: (consumer: Consumer) => T): object {
  const { account, payload, strict, names } = request;
  const asked = payload.length === 0 ? { offset: 0 } : readRequest<{ offset: number }>(payload, PAGE, strict);
  const all = [...account.stream(names[0]).consumers.values()]
    .filter(({ config }) => !config.direct)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const offset = Math.min(Math.max(0, asked.offset), all.length);
  return { total: all.length, offset, limit, consumers: all.slice(offset, offset + limit).map(show) };
}

function remove(request: ApiRequest): object {
  wantEmpty(request);
  request.ticket = request.account.deleteConsumer(find(request));
  return { success: true };
}

function pause(request: ApiRequest): object {
  const { payload, strict, account, js } = request;
  const asked = payload.length === 0 ? {} : readRequest<{ pause_until?: string }>(payload, PAUSE, strict);
  const consumer = find(request);
  const isSet = asked.pause_until !== undefined && (parseTime(asked.pause_until) ?? 0n) > 0n;
  const config = { ...consumer.config, pause_until: isSet ? asked.pause_until : undefined };
  config.metadata = withLevel(config.metadata, consumerLevel(config));
  request.ticket = account.updateConsumer(consumer, config);
  const paused = consumer.pause.isOn;
  const remaining = paused ? ((consumer.pause.untilNs - js.nowNs) / NS_PER_MS) * NS_PER_MS : undefined;
  return { paused, pause_until: config.pause_until ?? ZERO_TIME, pause_remaining: remaining };
}

function unpin(request: ApiRequest): object {
  const { group } = readRequest<{ group: string }>(request.payload, UNPIN, false);
  if (group === "") throw new ApiError("invalidJson", { text: "consumer group not specified" });
  const consumer = find(request);
  if (!consumer.groups.has(group)) throw new ApiError("unknownGroup");
  consumer.groups.unpin(group, "admin");
  return {};
}

function reset(request: ApiRequest): object | undefined {
  const { account, names, payload } = request;
  const stream = account.streams.get(names[0]);
  const consumer = stream?.consumers.get(names[1]);
  if (stream === undefined || consumer === undefined) return undefined;
  // Of a source, which does not refuse another stream here.
  if (request.headers?.get(Header.streamIdentity) !== undefined) request.answerHeaders = identityBlock(stream);
  const { seq } = payload.length === 0 ? { seq: 0 } : readRequest<{ seq: number }>(payload, RESET, false);
  const { state, config } = consumer;
  if (seq > 0) {
    const below = config.deliver_policy === "by_start_sequence" && seq < config.opt_start_seq;
    if (below) throw new ApiError("invalidReset", { text: "below start seq" });
    const allowed = ["all", "by_start_sequence", "by_start_time"].includes(config.deliver_policy);
    if (!allowed) throw new ApiError("invalidReset", { text: "not allowed" });
  }
  const sequence = seq > 0 ? seq : state.floorStream + 1;
  request.ticket = consumer.reset(sequence);
  return { ...consumerInfo(consumer, true), reset_seq: sequence };
}

export const CONSUMER_ROUTES: readonly ApiRoute[] = [
  { subject: "CONSUMER.CREATE.*", type: "consumer_create_response", handle: createEphemeral },
  { subject: "CONSUMER.CREATE.*.*", type: "consumer_create_response", handle: createNamed },
  { subject: "CONSUMER.CREATE.*.*.>", type: "consumer_create_response", handle: createNamed },
  { subject: "CONSUMER.DURABLE.CREATE.*.*", type: "consumer_create_response", handle: createDurable },
  {
    subject: "CONSUMER.INFO.*.*",
    type: "consumer_info_response",
    handle: (request) => {
      wantEmpty(request);
      return consumerInfo(find(request), true);
    },
  },
  {
    subject: "CONSUMER.NAMES.*",
    type: "consumer_names_response",
    onError: EMPTY_PAGE,
    handle: (request) => paged(request, NAMES_LIMIT, ({ name }) => name),
  },
  {
    subject: "CONSUMER.LIST.*",
    type: "consumer_list_response",
    onError: EMPTY_PAGE,
    handle: (request) => paged(request, LIST_LIMIT, (consumer) => consumerInfo(consumer, false)),
  },
  { subject: "CONSUMER.DELETE.*.*", type: "consumer_delete_response", makesRoom: true, handle: remove },
  {
    subject: "CONSUMER.PAUSE.*.*",
    type: "consumer_pause_response",
    onError: { paused: false, pause_until: ZERO_TIME },
    handle: pause,
  },
  { subject: "CONSUMER.UNPIN.*.*", type: "consumer_unpin_response", handle: unpin },
];

/** CONSUMER.RESET: nobody answers where the consumer is not known. */
export const RESET_ROUTE: ApiRoute = {
  subject: "CONSUMER.RESET.*.*",
  type: "consumer_reset_response",
  onError: { reset_seq: 0 },
  handle: reset,
};

export const NEXT_ROUTE: DirectRoute = {
  subject: "CONSUMER.MSG.NEXT.*.*",
  handle: (request) => {
    const { account, names, payload, reply, js } = request;
    const consumer = account.streams.get(names[0])?.consumers.get(names[1]);
    if (consumer === undefined) return false;
    if (reply === "" || request.refusesLevel()) return true;
    if (consumer.isPush) {
      consumer.pulls.refusePush(reply);
      return true;
    }
    try {
      consumer.pulls.ask(readPull(payload), reply);
    } catch (error) {
      const text = statusBlock(`400 Bad Request - ${(error as Error).message.replace(/\s+/g, " ")}`);
      js.send(account.account, reply, NO_BYTES, text);
    }
    return true;
  },
};

/** Whether the account has the consumer that a request names. */
export function knowsConsumer({ account, names }: ApiRequest): boolean {
  return account.streams.get(names[0])?.consumers.has(names[1]) === true;
}
