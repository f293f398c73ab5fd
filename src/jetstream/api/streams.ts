// The API of streams: create, update, info, delete, purge, and single messages.
import { isLiteral } from "../../subjects/validity.js";
import { ApiError, invalidStream } from "../errors.js";
import { type Fields, field, readRequest } from "../fields.js";
import { streamInfo, streamState, subjectCounts } from "../info.js";
import type { JetStreamAccount } from "../js-account.js";
import { wireSubject } from "../names.js";
import { alternates } from "../peers/alternates.js";
import type { Stream } from "../streams/stream.js";
import {
  checkFilters,
  checkRepublishUpdate,
  checkSizes,
  checkStream,
  checkStreamName,
  checkStreamUpdate,
  checkTaken,
} from "../streams/stream-checks.js";
import {
  requiredLevel,
  STREAM_FIELDS,
  type StreamConfig,
  withLevel,
  withStreamDefaults,
} from "../streams/stream-config.js";
import { nsOf, parseTime, timeText } from "../time.js";
import { type ApiRequest, type ApiRoute, wantEmpty } from "./api.js";
import { GET_FIELDS, type GetRequest } from "./plain-get.js";

const SUBJECTS_LIMIT = 100_000;
const CREATE: Fields = { ...STREAM_FIELDS, pedantic: field("flag") };
const INFO: Fields = { offset: field("int"), deleted_details: field("flag"), subjects_filter: field("text") };
const PURGE: Fields = { seq: field("unsigned"), filter: field("text"), keep: field("unsigned") };
const DELETE: Fields = { seq: field("unsigned"), no_erase: field("flag") };
const EMPTY_PAGE = { total: 0, offset: 0, limit: 0 };

function readConfig(
  { payload, strict, names, account }: ApiRequest,
  isUpdate: boolean,
): { config: StreamConfig; pedantic: boolean } {
  if (payload.length === 0) {
    if (isUpdate) checkStreamName("");
    throw new ApiError("streamMismatch");
  }
  const { pedantic, ...config } = readRequest<StreamConfig & { pedantic: boolean }>(payload, CREATE, strict);
  if (isUpdate && config.name === "") checkStreamName("");
  if (!isUpdate && config.name !== names[0]) throw new ApiError("streamMismatch");
  if (!isUpdate) checkNew(config, account);
  checkSizes(config);
  withStreamDefaults(config, pedantic, account.windowLimitNs);
  return { config, pedantic };
}

// What is looked at before the rest of a configuration.
function checkNew(config: StreamConfig, account: JetStreamAccount): void {
  if (config.sealed) throw invalidStream("stream configuration for create can not be sealed");
  if (config.mirror === undefined && config.mirror_direct) {
    throw invalidStream("stream has no mirror but does have mirror direct");
  }
  account.checkCount(config);
  account.checkMaxConsumers(config);
  if (config.max_bytes > 0 && !account.streams.has(config.name)) account.checkReservation(config, undefined);
}

function create(request: ApiRequest): object {
  const { account } = request;
  const { config, pedantic } = readConfig(request, false);
  checkStream(config, account, pedantic, true);
  account.checkAllowed(config);
  if (config.num_replicas > 1) throw new ApiError("replicas");
  checkTaken(config, account);
  config.metadata = withLevel(config.metadata, requiredLevel(config));
  const known = account.streams.get(config.name);
  if (known !== undefined) {
    if (!sameConfig(known.config, config)) throw new ApiError("streamNameInUse");
    // As nats-server has it: in a cluster it is told apart.
    return { ...streamInfo(known, true), did_create: account.js.cluster === undefined || undefined };
  }
  if (account.isHeld(config.name)) throw new ApiError("streamNameInUse");
  checkFilters(config);
  const { stream, ticket } = account.create(config);
  request.ticket = ticket;
  // As it is before anybody hears of it: a stream can hold advisories.
  const info = { ...streamInfo(stream, true), did_create: true };
  advise(stream, "CREATED", "create");
  return info;
}

function update(request: ApiRequest): object {
  const { account } = request;
  const { config, pedantic } = readConfig(request, true);
  checkStream(config, account, pedantic, false);
  account.checkMaxBytes(config);
  if (config.name !== request.names[0]) throw new ApiError("streamMismatch");
  const stream = account.stream(config.name);
  if (config.num_replicas > 1) throw new ApiError("replicas");
  checkStreamUpdate(stream.config, config);
  account.checkMaxConsumers(config);
  checkTaken(config, account);
  if (config.sealed) {
    config.discard = "new";
    config.deny_delete = true;
    config.deny_purge = true;
    config.allow_rollup_hdrs = false;
  }
  checkConsumerLimits(stream, config);
  if (config.republish !== undefined) checkRepublishUpdate(config.republish);
  config.metadata = withLevel(config.metadata, requiredLevel(config));
  request.ticket = account.update(stream, config);
  advise(stream, "UPDATED", "modify");
  return streamInfo(stream, true);
}

function checkConsumerLimits(stream: Stream, { consumer_limits: limits }: StreamConfig): void {
  const violating = [...stream.consumers.values()]
    .filter(
      ({ config }) =>
        (limits.max_ack_pending > 0 && config.max_ack_pending > limits.max_ack_pending) ||
        (limits.inactive_threshold > 0n && config.inactive_threshold > limits.inactive_threshold),
    )
    .map(({ name }) => name);
  if (violating.length > 0) {
    throw new ApiError("updateFailed", { text: `change to limits violates consumers: ${violating.join(", ")}` });
  }
}

function sameConfig(a: StreamConfig, b: StreamConfig): boolean {
  return comparable(a) === comparable(b);
}

function comparable(value: object): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `${item}n` : sortedObject(item)));
}

function sortedObject(item: unknown): unknown {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
  return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Tells that a stream came, changed or went. */
function advise({ account, name, wireName }: Stream, what: string, action: string): void {
  account.js.advise(account.account, `STREAM.${what}.${wireName}`, "stream_action", { stream: name, action });
}

function info(request: ApiRequest): object {
  const { account, names, payload, strict, js } = request;
  const asked =
    payload.length === 0
      ? { offset: 0, deleted_details: false, subjects_filter: "" }
      : readRequest<{ offset: number; deleted_details: boolean; subjects_filter: string }>(payload, INFO, strict);
  const stream = account.stream(names[0]);
  const page = { ...EMPTY_PAGE };
  let subjects: object | undefined;
  if (asked.subjects_filter !== "") {
    const offset = Math.max(0, asked.offset);
    const { counts, total } = subjectCounts(stream, wireSubject(asked.subjects_filter), offset, SUBJECTS_LIMIT);
    subjects = counts;
    if (total > 0) Object.assign(page, { total, offset, limit: SUBJECTS_LIMIT });
  }
  const deleted = asked.deleted_details ? deletedSequences(stream) : undefined;
  const { ts, mirror, sources, cluster, ...shown } = streamInfo(
    stream,
    true,
    streamState(stream, { subjects, deleted }),
  );
  const place = cluster ?? { leader: js.server.name };
  const others = alternates(account, stream.name);
  return { ...page, ...shown, domain: js.domain, cluster: place, mirror, sources, alternates: others, ts };
}

function deletedSequences({ store }: Stream): number[] {
  const { firstSequence, lastSequence } = store.state;
  // Of a file that has never held anything, nats-server tells this.
  const deleted = store.storage === "file" && firstSequence === 0 && lastSequence === 0 ? [0] : [];
  for (const [first, last] of store.deletedRanges()) {
    for (let at = first; at <= last; at++) deleted.push(at);
  }
  return deleted;
}

function remove(request: ApiRequest): object {
  wantEmpty(request);
  const { account, names } = request;
  const stream = account.stream(names[0]);
  const consumers = [...stream.consumers.values()];
  request.ticket = account.delete(stream);
  for (const consumer of consumers) consumer.adviseGone();
  advise(stream, "DELETED", "delete");
  return { success: true };
}

function purge(request: ApiRequest): object {
  const { account, names, payload, strict } = request;
  const asked =
    payload.length === 0
      ? { seq: 0, filter: "", keep: 0 }
      : readRequest<{ seq: number; filter: string; keep: number }>(payload, PURGE, strict);
  if (asked.seq > 0 && asked.keep > 0) throw new ApiError("badRequest");
  const stream = account.stream(names[0]);
  stream.checkSealed();
  if (stream.config.deny_purge) throw new ApiError("purgeDenied");
  const filter = asked.filter === "" ? undefined : stream.store.filter([wireSubject(asked.filter)]);
  const below = asked.seq > 0 ? asked.seq : undefined;
  const keep = asked.keep > 0 ? asked.keep : undefined;
  const { removed, ticket } = stream.removed(() => stream.store.purge({ filter, below, keep }), "purge");
  filter?.release();
  request.ticket = ticket;
  return { success: true, purged: removed };
}

async function getMessage(request: ApiRequest): Promise<object> {
  const { account, names, payload, strict } = request;
  if (payload.length === 0) throw new ApiError("badRequest");
  const asked = readRequest<GetRequest>(payload, GET_FIELDS, strict);
  const { seq, last_by_subj: last, next_by_subj: next } = asked;
  const tooMuch =
    (seq > 0 && last !== "") ||
    (last !== "" && next !== "") ||
    (asked.start_time !== undefined && (seq > 0 || last !== "")) ||
    asked.batch > 0 ||
    asked.max_bytes > 0;
  if (tooMuch || (seq === 0 && last === "" && next === "" && asked.start_time === undefined)) {
    throw new ApiError("badRequest");
  }
  const stream = account.stream(names[0]);
  const { store } = stream;
  const sequence = sequenceOf(stream, asked);
  const stored = sequence === 0 ? undefined : await store.load(sequence);
  if (stored === undefined) throw new ApiError("noMessage");
  const { header, payload: data } = stored;
  return {
    message: {
      subject: Buffer.from(stored.subject, "latin1").toString("utf8"),
      seq: sequence,
      hdrs: header.length === 0 || asked.no_hdr ? undefined : header.toString("base64"),
      data: data.length === 0 ? undefined : data.toString("base64"),
      time: timeText(nsOf(stored)),
    },
  };
}

/** The sequence that a request for a message means; 0 for none. */
export function sequenceOf(
  { store }: Stream,
  asked: Pick<GetRequest, "seq" | "last_by_subj" | "next_by_subj" | "start_time">,
): number {
  if (asked.last_by_subj !== "") {
    const subject = wireSubject(asked.last_by_subj);
    if (isLiteral(subject)) return store.totalsOf(subject)?.lastSequence ?? 0;
    const filter = store.filter([subject]);
    const sequence = store.previous(store.state.lastSequence, filter);
    filter.release();
    return sequence;
  }
  const from = asked.start_time === undefined ? asked.seq : store.firstSince(parseTime(asked.start_time) ?? 0n);
  if (asked.start_time !== undefined && from === 0) return 0;
  if (asked.next_by_subj !== "") {
    const filter = store.filter([wireSubject(asked.next_by_subj)]);
    const sequence = store.next(Math.max(1, from), filter);
    filter.release();
    return sequence;
  }
  if (asked.start_time !== undefined) return from;
  return store.has(from) ? from : 0;
}

// What nats-server's two stores say of a message that cannot be deleted.
function notThere({ store }: Stream, sequence: number): ApiError {
  const { firstSequence, lastSequence } = store.state;
  if (store.storage === "memory" || (sequence > firstSequence && sequence <= lastSequence)) {
    return new ApiError("sequenceNotFound", { sequence });
  }
  return new ApiError("deleteFailed", { text: sequence > lastSequence ? "stream store EOF" : "no message found" });
}

function deleteMessage(request: ApiRequest): object | Promise<object> {
  const { account, names, payload, strict } = request;
  if (payload.length === 0 || payload.toString("latin1") === "{}") throw new ApiError("badRequest");
  const { seq, no_erase: noErase } = readRequest<{ seq: number; no_erase: boolean }>(payload, DELETE, strict);
  const stream = account.stream(names[0]);
  stream.checkSealed();
  if (stream.config.deny_delete) throw new ApiError("deleteFailed", { text: "message delete not permitted" });
  if (!stream.store.has(seq)) throw notThere(stream, seq);
  if (noErase) {
    request.ticket = stream.removed(() => stream.store.remove(seq), "delete") ?? 0;
    return { success: true };
  }
  // It is gone at once, whenever nothing of it is left.
  const erased = stream.removed(() => stream.store.erase(seq), "delete");
  return erased.then(() => ({ success: true }));
}

const NO_CLUSTER = (): never => {
  throw new ApiError("clusterRequired");
};

export const STREAM_ROUTES: readonly ApiRoute[] = [
  { subject: "STREAM.CREATE.*", type: "stream_create_response", scope: "create", handle: create },
  { subject: "STREAM.UPDATE.*", type: "stream_update_response", handle: update },
  { subject: "STREAM.INFO.*", type: "stream_info_response", onError: EMPTY_PAGE, handle: info },
  { subject: "STREAM.DELETE.*", type: "stream_delete_response", makesRoom: true, handle: remove },
  { subject: "STREAM.PURGE.*", type: "stream_purge_response", makesRoom: true, onError: { purged: 0 }, handle: purge },
  { subject: "STREAM.MSG.GET.*", type: "stream_msg_get_response", handle: getMessage },
  { subject: "STREAM.MSG.DELETE.*", type: "stream_msg_delete_response", makesRoom: true, handle: deleteMessage },
  { subject: "STREAM.PEER.REMOVE.*", type: "stream_remove_peer_response", handle: NO_CLUSTER },
  { subject: "STREAM.LEADER.STEPDOWN.*", type: "stream_leader_stepdown_response", handle: NO_CLUSTER },
  { subject: "CONSUMER.LEADER.STEPDOWN.*.*", type: "consumer_leader_stepdown_response", handle: NO_CLUSTER },
];
