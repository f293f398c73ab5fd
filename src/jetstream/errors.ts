// The errors of the JetStream API: code, number and text, as recorded from nats-server (conformance/jetstream, FACTS "Errors seen").
import { StoreError } from "./store/errors.js";

/** Number, HTTP-like code, text; `{name}` is filled in. */
const ERRORS = {
  accountResources: [10002, 400, "resource limits exceeded for account"],
  badRequest: [10003, 400, "bad request"],
  noSuitablePeers: [10005, 400, "no suitable peers for placement{why}"],
  unavailable: [10008, 503, "JetStream system temporarily unavailable"],
  clusterRequired: [10010, 503, "JetStream clustering support required"],
  consumerCreate: [10012, 500, "{text}"],
  consumerNameInUse: [10013, 400, "consumer name already in use"],
  consumerNotFound: [10014, 404, "consumer not found"],
  deliverSubject: [10015, 400, "deliver subject not valid"],
  durableNameMismatch: [10017, 400, "consumer name in subject does not match durable name in request"],
  durableNameMissing: [10018, 400, "consumer expected to be durable but a durable name was not set"],
  durableNameUnwanted: [10020, 400, "consumer expected to be ephemeral but a durable name was set in request"],
  externalApiOverlap: [10021, 400, "stream external api prefix {prefix} must not overlap with {subject}"],
  insufficientResources: [10023, 503, "insufficient resources"],
  externalDeliveryWildcards: [10024, 400, "stream external delivery prefix {prefix} must not contain wildcards"],
  invalidJson: [10025, 400, "invalid JSON: {text}"],
  maxConsumers: [10026, 400, "maximum consumers limit reached"],
  maxStreams: [10027, 400, "maximum number of streams reached"],
  insufficientMemory: [10028, 500, "insufficient memory resources available"],
  mirrorMaxSize: [10030, 400, "stream mirror must have max message size >= source"],
  mirrorWithSources: [10031, 400, "stream mirrors can not also contain other sources"],
  mirrorWithSubjects: [10034, 400, "stream mirrors can not contain subjects"],
  noMessage: [10037, 404, "no message found"],
  notEmptyRequest: [10038, 400, "expected an empty request payload"],
  notEnabledForAccount: [10039, 503, "JetStream not enabled for account"],
  sequenceNotFound: [10043, 400, "sequence {sequence} not found"],
  serverNotMember: [10044, 400, "server is not a member of the cluster"],
  sourceMaxSize: [10046, 400, "stream source must have max message size >= target"],
  insufficientStorage: [10047, 500, "insufficient storage resources available"],
  createFailed: [10049, 500, "{text}"],
  streamInvalidConfig: [10052, 500, "{text}"],
  messageTooLarge: [10054, 400, "message size exceeds maximum allowed"],
  mirrorNotUpdatable: [10055, 400, "stream mirror configuration can not be updated"],
  streamMismatch: [10056, 400, "stream name in subject does not match request"],
  deleteFailed: [10057, 500, "{text}"],
  streamNameInUse: [10058, 400, "stream name already in use with a different configuration"],
  streamNotFound: [10059, 404, "stream not found"],
  expectedStream: [10060, 400, "expected stream does not match"],
  restoreFailed: [10062, 500, "restore failed: {text}"],
  snapshotFailed: [10064, 500, "snapshot failed: {text}"],
  subjectOverlap: [10065, 400, "subjects overlap with an existing stream"],
  updateFailed: [10069, 500, "{text}"],
  wrongLastId: [10070, 400, "wrong last msg ID: {id}"],
  wrongLastSequence: [10071, 400, "wrong last sequence: {sequence}"],
  replicas: [10074, 500, "replicas > 1 not supported in non-clustered mode"],
  storeFailed: [10077, 503, "{text}"],
  deliverWildcards: [10079, 400, "consumer deliver subject has wildcards"],
  pushMaxWaiting: [10080, 400, "consumer in push mode can not set max waiting"],
  deliverCycle: [10081, 400, "consumer deliver subject forms a cycle"],
  maxAckPendingWithoutAck: [10082, 400, "consumer requires ack policy for max ack pending"],
  smallHeartbeat: [10083, 400, "consumer idle heartbeat needs to be >= 100ms"],
  pullWorkQueueAck: [10084, 400, "consumer in pull mode requires explicit ack policy on workqueue stream"],
  pullRateLimit: [10086, 400, "consumer in pull mode can not have rate limit set"],
  maxWaitingNegative: [10087, 400, "consumer max waiting needs to be positive"],
  heartbeatPull: [10088, 400, "consumer idle heartbeat requires a push based consumer"],
  flowControlPull: [10089, 400, "consumer flow control requires a push based consumer"],
  directPull: [10090, 400, "consumer direct requires a push based consumer"],
  directDurable: [10091, 400, "consumer direct requires an ephemeral consumer"],
  deliverPolicy: [10094, 400, "consumer delivery policy is {text}"],
  sampling: [10095, 400, "failed to parse consumer sampling configuration: {text}"],
  headerTooLarge: [10097, 400, "header size exceeds maximum allowed of 64k"],
  workQueueAck: [10098, 400, "workqueue stream requires explicit ack"],
  workQueueUnfiltered: [10099, 400, "multiple non-filtered consumers not allowed on workqueue stream"],
  workQueueFilter: [10100, 400, "filtered consumer not unique on workqueue stream"],
  workQueueDeliverAll: [10101, 400, "consumer must be deliver all on workqueue stream"],
  consumerNameTooLong: [10102, 400, "consumer name is too long, maximum allowed is {limit}"],
  consumerNameInvalid: [10103, 400, "durable name can not contain '.', '*', '>'"],
  consumerDescription: [10107, 400, "consumer description is too long, maximum allowed is {limit}"],
  flowControlHeartbeat: [10108, 400, "consumer with flow control also needs heartbeats"],
  sealed: [10109, 400, "invalid operation on sealed stream"],
  purgeDenied: [10110, 500, "stream purge not permitted"],
  rollup: [10111, 500, "{text}"],
  pushDeliverSubject: [10112, 400, "invalid push consumer deliver subject"],
  maxBytesRequired: [10113, 400, "account requires a stream config to have max bytes set"],
  maxRequestExpires: [10115, 400, "consumer max request expires needs to be >= 1ms"],
  maxDeliverBackoff: [10116, 400, "max deliver is required to be > length of backoff values"],
  streamOffline: [10118, 500, "stream is offline"],
  consumerOffline: [10119, 500, "consumer is offline"],
  maxAckPending: [10121, 400, "consumer max ack pending exceeds system limit of {limit}"],
  maxStreamBytes: [10122, 400, "stream max bytes exceeds account limit max stream bytes"],
  maxRequestBatch: [10125, 400, "consumer max request batch exceeds server limit of {limit}"],
  restoreNameInUse: [10130, 400, "stream name already in use, cannot restore"],
  filterMismatch: [10131, 400, "Consumer create request did not match filtered subject from create subject"],
  noTier: [10120, 400, "no JetStream default or applicable tiered limit present"],
  negativeReplicas: [10133, 400, "replicas count cannot be negative"],
  consumerReplicas: [10126, 400, "consumer config replica count exceeds parent stream"],
  consumerMetadata: [10135, 400, "consumer metadata exceeds maximum size of 128KB"],
  bothFilters: [10136, 400, "consumer cannot have both FilterSubject and FilterSubjects specified"],
  filtersInSubject: [10137, 400, "consumer with multiple subject filters cannot use subject based API"],
  filtersOverlap: [10138, 400, "consumer subject filters cannot overlap"],
  emptyFilter: [10139, 400, "consumer filter in FilterSubjects cannot be empty"],
  duplicateSource: [10140, 400, "duplicate source configuration detected"],
  sourceName: [10141, 400, "sourced stream name is invalid"],
  mirrorName: [10142, 400, "mirrored stream name is invalid"],
  mirrorFirstSequence: [10143, 400, "stream mirrors can not have first sequence configured"],
  sourceTransformsAndFilter: [
    10144,
    400,
    "source with multiple subject transforms cannot also have a single subject filter",
  ],
  sourceTransformSource: [10145, 400, "source transform source: {text}"],
  sourceTransform: [10146, 400, "source transform: {text}"],
  sourceFiltersOverlap: [10147, 400, "source filters can not overlap"],
  consumerExists: [10148, 400, "consumer already exists"],
  consumerDoesNotExist: [10149, 400, "consumer does not exist"],
  mirrorTransformsAndFilter: [
    10150,
    400,
    "mirror with multiple subject transforms cannot also have a single subject filter",
  ],
  mirrorTransformSource: [10151, 400, "mirror transform source: {text}"],
  mirrorFiltersOverlap: [10152, 400, "mirror subject filters can not overlap"],
  inactiveThreshold: [10153, 400, "consumer inactive threshold exceeds system limit of {limit}"],
  mirrorTransform: [10154, 400, "mirror transform: {text}"],
  transformSource: [10155, 400, "stream transform source: {text}"],
  transform: [10156, 400, "stream transform: {text}"],
  pedantic: [10157, 400, "pedantic mode: {text}"],
  priorityNeedsGroup: [10159, 400, "Setting PriorityPolicy requires at least one PriorityGroup to be set"],
  unknownGroup: [10160, 400, "Provided priority group does not exist for this consumer"],
  emptyGroup: [10161, 400, "Group name cannot be an empty string"],
  groupName: [
    10162,
    400,
    "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters",
  ],
  wrongLastSequenceConstant: [10164, 400, "wrong last sequence"],
  ttlInvalid: [10165, 400, "invalid per-message TTL"],
  ttlDisabled: [10166, 400, "per-message TTL is disabled"],
  counterDisabled: [10168, 400, "message counters is disabled"],
  counterMissing: [10169, 400, "message counter increment is missing"],
  counterPayload: [10170, 400, "message counter has payload"],
  counterInvalid: [10171, 400, "message counter increment is invalid"],
  counterBroken: [10172, 400, "message counter is broken"],
  mirrorCounters: [10173, 400, "stream mirrors can not also calculate counters"],
  atomicDisabled: [10174, 400, "atomic publish is disabled"],
  atomicSequenceMissing: [10175, 400, "atomic publish sequence is missing"],
  atomicIncomplete: [10176, 400, "atomic publish batch is incomplete"],
  atomicHeader: [10177, 400, "atomic publish unsupported header used: {header}"],
  priorityPush: [10178, 400, "priority groups can not be used with push consumers"],
  atomicId: [10179, 400, "atomic publish batch ID is invalid"],
  ackWait: [10183, 400, "consumer ack wait needs to be positive"],
  backoff: [10184, 400, "consumer backoff needs to be positive"],
  requiredLevel: [10185, 412, "JetStream minimum api level required"],
  mirrorSchedules: [10186, 400, "stream mirrors can not also schedule messages"],
  sourceSchedules: [10187, 400, "stream source can not also schedule messages"],
  schedulesDisabled: [10188, 400, "message schedules is disabled"],
  schedulePattern: [10189, 400, "message schedules pattern is invalid"],
  scheduleTarget: [10190, 400, "message schedules target is invalid"],
  scheduleTtl: [10191, 400, "message schedules invalid per-message TTL"],
  scheduleRollup: [10192, 400, "message schedules invalid rollup"],
  subjectSequenceMissing: [10193, 400, "missing sequence for expected last sequence per subject"],
  groupsWithoutPolicy: [10196, 400, "consumer can not have priority groups when policy is none"],
  pinnedTtl: [10197, 400, "PinnedTTL cannot be set when PriorityPolicy is none"],
  mirrorAtomic: [10198, 400, "stream mirrors can not also use atomic publishing"],
  atomicTooLarge: [10199, 400, "atomic publish batch is too large: {limit}"],
  atomicCommit: [10200, 400, "atomic publish batch commit is invalid"],
  atomicDuplicate: [10201, 400, "atomic publish batch contains duplicate message id"],
  scheduleSource: [10203, 400, "message schedules source is invalid"],
  invalidReset: [10204, 400, "invalid reset: {text}"],
  batchDisabled: [10205, 400, "batch publish is disabled"],
  batchPattern: [10206, 400, "batch publish pattern is invalid"],
  batchId: [10207, 400, "batch publish ID is invalid"],
  batchUnknown: [10208, 400, "batch publish ID unknown"],
  mirrorBatch: [10209, 400, "stream mirrors can not also use batch publishing"],
  atomicTooMany: [10210, 429, "atomic publish too many inflight"],
  scheduleScheduler: [10212, 400, "message schedules invalid scheduler"],
  mirrorConsumer: [10213, 400, "stream mirror consumer config is invalid"],
  sourceConsumer: [10215, 400, "stream source consumer config is invalid"],
  flowAckPush: [10218, 400, "flow control ack policy requires a push based consumer"],
  flowAckFlowControl: [10219, 400, "flow control ack policy requires flow control"],
  flowAckMaxPending: [10220, 400, "flow control ack policy requires max ack pending"],
  flowAckWait: [10221, 400, "flow control ack policy requires unset ack wait"],
  flowAckMaxDeliver: [10222, 400, "flow control ack policy requires unset max deliver"],
  scheduleTimeZone: [10223, 400, "message schedules time zone is invalid"],
  streamIdentity: [10225, 400, "consumer's stream identity does not match: {identity}"],
} as const satisfies Record<string, readonly [number, number, string]>;

export type ApiErrorName = keyof typeof ERRORS;

/** A refusal that the requester gets as `{error: {code, err_code, description}}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** As of HTTP. */
  readonly status: number;
  readonly errCode: number;

  /** `values` fill the text's places. */
  constructor(name: ApiErrorName, values: Readonly<Record<string, unknown>> = {}) {
    const [errCode, code, text] = ERRORS[name];
    super(text.replace(/\{(\w+)\}/g, (place, key: string) => (key in values ? String(values[key]) : place)));
    this.status = code;
    this.errCode = errCode;
  }

  /** As it stands in answers. */
  toJSON(): object {
    return { code: this.status, err_code: this.errCode, description: this.message };
  }
}

/** A stream configuration that makes no sense (10052). */
export const invalidStream = (text: string): ApiError => new ApiError("streamInvalidConfig", { text });
/** What pedantic mode refuses and is put right otherwise (10157). */
export const pedanticError = (text: string): ApiError => new ApiError("pedantic", { text });

/** What the requester is told of an error; undefined for one that is no refusal. */
export function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) {
    return error.code === "STORE_FULL"
      ? new ApiError("insufficientResources")
      : new ApiError("storeFailed", { text: error.message });
  }
  return undefined;
}
