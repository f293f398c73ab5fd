// What a stream's configuration may say: checks of a new one, and of an update (conformance/jetstream, FACTS "Errors seen").
import { SubjectTransform, TransformError } from "../../subjects/transform.js";
import { isLiteral, isSubsetOf, isValidLiteral, subjectsOverlap } from "../../subjects/validity.js";
import { checkDeadLetter } from "../consumers/dead-letters.js";
import { ApiError, type ApiErrorName, invalidStream, pedanticError } from "../errors.js";
import { isUsableSubject, isValidName, MAX_NAME_BYTES } from "../names.js";
import { goDuration, MIN_DURATION_NS, NS_PER_SECOND } from "../time.js";
import type { RepublishConfig, SourceConfig, StreamConfig } from "./stream-config.js";

const MAX_DESCRIPTION_BYTES = 4096;
const MAX_METADATA_BYTES = 128 * 1024;
const MAX_REPLICAS = 5;
const API_SUBJECTS = ["$JS.>", "$JSC.>", "$NRG.>"];
const API_EVENTS = "$JS.EVENT.>";
const SYSTEM_SUBJECTS = "$SYS.>";
const SYSTEM_ACCOUNT_SUBJECTS = "$SYS.ACCOUNT.>";

/** The rest of the account, as far as a check needs it. */
export interface Neighbours {
  /** Of the stream of that name in this account. */
  config(name: string): StreamConfig | undefined;
  /** Configurations of all streams of the account. */
  all(): Iterable<StreamConfig>;
  readonly windowLimitNs: bigint;
}

/** Checks a name by itself. Throws ApiError 10052. */
export function checkStreamName(name: string): void {
  if (!isValidName(name)) {
    throw invalidStream("stream name is required and can not contain '.', '*', '>', '\\', '/'");
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw invalidStream(`stream name is too long, maximum allowed is ${MAX_NAME_BYTES}`);
  }
}

/** Checks a configuration with its defaults filled in, after `checkSizes`. Throws ApiError. */
export function checkStream(config: StreamConfig, neighbours: Neighbours, pedantic: boolean, isNew: boolean): void {
  checkStreamName(config.name);
  checkTimes(config, neighbours.windowLimitNs);
  checkFeatures(config, pedantic, isNew);
  if (config.mirror !== undefined) checkMirror(config, config.mirror, neighbours, pedantic, isNew);
  else if (config.sources !== undefined) checkSources(config, config.sources, neighbours);
  checkSubjects(config);
  if (config.subject_transform !== undefined) {
    const { src, dest } = config.subject_transform;
    if (src !== "" && !isUsableSubject(src)) throw new ApiError("transformSource", { text: `invalid subject ${src}` });
    compiled(src, dest, "transform");
  }
  if (config.republish !== undefined) checkRepublish(config, config.republish, pedantic);
  if (config.placement?.preferred) throw invalidStream("preferred server not permitted in placement");
}

/** What can be looked at before defaults are filled in: texts, and how many copies. Throws ApiError. */
export function checkSizes(config: StreamConfig): void {
  if (Buffer.byteLength(config.description) > MAX_DESCRIPTION_BYTES) {
    throw invalidStream(`stream description is too long, maximum allowed is ${MAX_DESCRIPTION_BYTES}`);
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(config.metadata ?? {})) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_METADATA_BYTES) {
    throw invalidStream(`stream metadata exceeds maximum size of ${MAX_METADATA_BYTES} bytes`);
  }
  checkDeadLetter(config.metadata);
  if (config.num_replicas > MAX_REPLICAS) throw invalidStream(`maximum replicas is ${MAX_REPLICAS}`);
  if (config.num_replicas < 0) throw new ApiError("negativeReplicas");
}

function checkTimes(config: StreamConfig, windowLimitNs: bigint): void {
  const { max_age: age, duplicate_window: window } = config;
  if (age < 0n) throw invalidStream("max age can not be negative");
  if (age > 0n && age < MIN_DURATION_NS) throw invalidStream("max age needs to be >= 100ms");
  if (window < 0n) throw invalidStream("duplicates window can not be negative");
  if (window > 0n && age > 0n && window > age) {
    throw invalidStream("duplicates window can not be larger then max age");
  }
  if (window > 0n && window < MIN_DURATION_NS) throw invalidStream("duplicates window needs to be >= 100ms");
  if (windowLimitNs > 0n && window > windowLimitNs) {
    throw invalidStream(`duplicates window can not be larger then server limit of ${goDuration(windowLimitNs)}`);
  }
}

function checkFeatures(config: StreamConfig, pedantic: boolean, isNew: boolean): void {
  if (config.deny_purge && config.allow_rollup_hdrs) throw invalidStream("roll-ups require the purge permission");
  // Markers end by themselves. As in nats-server a new counter may have them, and not be updated then.
  const implied = config.subject_delete_marker_ttl > 0n && !pedantic;
  if (config.allow_msg_counter) checkCounters(config, implied && !isNew);
  if (implied) {
    config.allow_msg_ttl = true;
    config.allow_rollup_hdrs = true;
    // Markers roll up what came before them.
    config.deny_purge = false;
  }
  if (config.discard_new_per_subject) {
    if (config.discard !== "new") throw invalidStream("discard new per subject requires discard new policy to be set");
    if (config.max_msgs_per_subject <= 0) {
      throw invalidStream("discard new per subject requires max msgs per subject > 0");
    }
  }
  checkMarkers(config);
  if (config.allow_msg_schedules) {
    if (config.discard === "new") throw invalidStream("message scheduling cannot use discard new");
    if (!pedantic) config.allow_rollup_hdrs = true;
    if (!config.allow_rollup_hdrs) throw invalidStream("message scheduling cannot be set if roll-ups are disabled");
    if (config.sources?.length) throw new ApiError("sourceSchedules");
  }
  if (config.persist_mode === "async") {
    if (config.storage === "memory") throw invalidStream("async persist mode is only supported on file storage");
    if (config.num_replicas > 1) throw invalidStream("async persist mode is not supported on replicated streams");
    if (config.allow_atomic) throw invalidStream("async persist mode is not supported with atomic batch publish");
  }
}

function checkMarkers({ subject_delete_marker_ttl: ttl, ...config }: StreamConfig): void {
  if (ttl < 0n) throw invalidStream("subject delete marker TTL must not be negative");
  if (ttl === 0n) return;
  if (ttl < NS_PER_SECOND) throw invalidStream("subject delete marker TTL must be at least 1 second");
  if (!config.allow_msg_ttl) throw invalidStream("subject delete marker cannot be set if message TTLs are disabled");
  if (!config.allow_rollup_hdrs) throw invalidStream("subject delete marker cannot be set if roll-ups are disabled");
}

function checkCounters(config: StreamConfig, hasMarkers: boolean): void {
  if (config.discard === "new") throw invalidStream("counter stream cannot use discard new");
  if (hasMarkers || config.allow_msg_ttl) throw invalidStream("counter stream cannot use message TTLs");
  if (config.allow_msg_schedules) throw invalidStream("counter stream cannot use message schedules");
  if (config.retention !== "limits") throw invalidStream("counter stream can only use limits retention");
}

function checkMirror(
  config: StreamConfig,
  mirror: SourceConfig,
  neighbours: Neighbours,
  pedantic: boolean,
  isNew: boolean,
): void {
  if (config.first_seq > 0) throw new ApiError("mirrorFirstSequence");
  if (config.subjects?.length) throw new ApiError("mirrorWithSubjects");
  if (config.sources?.length) throw new ApiError("mirrorWithSources");
  if (config.allow_msg_counter) throw new ApiError("mirrorCounters");
  if (config.allow_msg_schedules) throw new ApiError("mirrorSchedules");
  if (config.allow_atomic) throw new ApiError("mirrorAtomic");
  if (config.allow_batched) throw new ApiError("mirrorBatch");
  if (config.subject_delete_marker_ttl > 0n) throw invalidStream("subject delete markers forbidden on mirrors");
  if (!isValidReader(mirror)) throw new ApiError("mirrorConsumer");
  if (!isValidName(mirror.name)) throw new ApiError("mirrorName");
  if (config.mirror?.name === config.name && mirror.external === undefined) throw invalidStream("detected cycle");
  checkOrigin(mirror, {
    both: "mirrorTransformsAndFilter",
    source: "mirrorTransformSource",
    transform: "mirrorTransform",
    overlap: "mirrorFiltersOverlap",
  });
  const origin = mirror.external === undefined ? neighbours.config(mirror.name) : undefined;
  if (origin === undefined) return;
  // As with nats-server, one without a limit may send what is too large here.
  const isTooLarge = config.max_msg_size > 0 && origin.max_msg_size > config.max_msg_size;
  if (isNew && isTooLarge) throw new ApiError("mirrorMaxSize");
  if (pedantic && origin.allow_direct && !config.mirror_direct) {
    throw new ApiError("pedantic", { text: "origin stream has direct get set, mirror has it disabled" });
  }
  config.mirror_direct = origin.allow_direct;
}

// A consumer of the origin that is to be used has a name and a subject, and says itself where it begins.
function isValidReader({ consumer, ...config }: SourceConfig): boolean {
  if (consumer === undefined) return true;
  if (!isValidName(consumer.name) || !isUsableSubject(consumer.deliver_subject)) return false;
  return config.opt_start_seq === 0 && config.opt_start_time === undefined && config.filter_subject === "";
}

interface OriginErrors {
  readonly both: ApiErrorName;
  readonly source: ApiErrorName;
  readonly transform: ApiErrorName;
  readonly overlap: ApiErrorName;
}

// What mirrors and sources have in common.
function checkOrigin(origin: SourceConfig, errors: OriginErrors): void {
  const { external, filter_subject: filter, subject_transforms: transforms = [] } = origin;
  if (external !== undefined) {
    if (external.api !== "" && (!isUsableSubject(external.api) || !isLiteral(external.api))) {
      throw invalidStream(`stream external api prefix "${external.api}" must be a valid subject without wildcards`);
    }
    if (external.deliver !== "" && !isLiteral(external.deliver)) {
      throw new ApiError("externalDeliveryWildcards", { prefix: external.deliver });
    }
    if (external.api === "$JS.API") {
      throw new ApiError("externalApiOverlap", { prefix: external.api, subject: "$JS.API" });
    }
  }
  if (filter !== "" && transforms.length > 0) throw new ApiError(errors.both);
  transforms.forEach(({ src, dest }, at) => {
    if (src !== "" && !isUsableSubject(src)) throw new ApiError(errors.source, { text: `invalid subject ${src}` });
    compiled(src, dest, errors.transform);
    for (const other of transforms.slice(at + 1)) {
      if (subjectsOverlap(src || ">", other.src || ">")) throw new ApiError(errors.overlap);
    }
  });
}

/** What makes a source of a stream another one than its other sources. */
export function sourceKey({
  name,
  external,
  filter_subject: filter,
  subject_transforms: transforms = [],
  consumer,
}: SourceConfig): string {
  const filters = filter === "" ? transforms.map(({ src }) => src) : [filter];
  const destinations = transforms.map(({ dest }) => dest);
  const reader = consumer === undefined ? [] : [consumer.name];
  return [name, external?.api ?? "", filters.join(" ") || ">", destinations.join(" ") || ">", ...reader].join("\f");
}

function checkSources(config: StreamConfig, sources: readonly SourceConfig[], neighbours: Neighbours): void {
  const keys = new Set<string>();
  for (const source of sources) {
    if (!isValidName(source.name)) throw new ApiError("sourceName");
    if (!isValidReader(source)) throw new ApiError("sourceConsumer");
    const key = sourceKey(source);
    if (keys.has(key)) throw new ApiError("duplicateSource");
    keys.add(key);
    checkOrigin(source, {
      both: "sourceTransformsAndFilter",
      source: "sourceTransformSource",
      transform: "sourceTransform",
      overlap: "sourceFiltersOverlap",
    });
    const origin = source.external === undefined ? neighbours.config(source.name) : undefined;
    if (origin === undefined) continue;
    if (config.max_msg_size > 0 && origin.max_msg_size > config.max_msg_size) throw new ApiError("sourceMaxSize");
  }
  checkCycle(config, neighbours);
}

// A stream must not source, over whatever others, what it holds itself.
function checkCycle(config: StreamConfig, neighbours: Neighbours): void {
  const seen = new Set<string>();
  const leadsBack = (one: StreamConfig | undefined): boolean =>
    (one?.sources ?? []).some(({ name, external, filter_subject: filter, subject_transforms: transforms }) => {
      if (external !== undefined) return false;
      if (name === config.name) {
        if (transforms?.length) return false;
        return filter === "" || (config.subjects ?? []).some((subject) => subjectsOverlap(subject, filter));
      }
      if (seen.has(name)) return false;
      seen.add(name);
      return leadsBack(neighbours.config(name));
    });
  if (leadsBack(config)) throw invalidStream("detected cycle");
}

function checkSubjects(config: StreamConfig): void {
  const { subjects = [], no_ack: noAck } = config;
  for (const subject of subjects) {
    if (!isUsableSubject(subject)) throw invalidStream("invalid subject");
  }
  for (const subject of subjects) {
    if (subject === ">" && !noAck) throw invalidStream("capturing all subjects requires no-ack to be true");
    if (noAck) continue;
    if (API_SUBJECTS.some((api) => subjectsOverlap(subject, api)) && !isSubsetOf(subject, API_EVENTS)) {
      throw invalidStream("subjects that overlap with jetstream api require no-ack to be true");
    }
    if (subjectsOverlap(subject, SYSTEM_SUBJECTS) && !isSubsetOf(subject, SYSTEM_ACCOUNT_SUBJECTS)) {
      throw invalidStream("subjects that overlap with system api require no-ack to be true");
    }
  }
  subjects.forEach((subject, at) => {
    for (const other of subjects.slice(at + 1)) {
      if (subjectsOverlap(subject, other)) throw invalidStream(`subject "${subject}" overlaps with "${other}"`);
    }
  });
}

/** Whether another stream has its subjects. Throws ApiError 10065. */
export function checkTaken({ name, subjects = [] }: StreamConfig, neighbours: Neighbours): void {
  for (const other of neighbours.all()) {
    if (other.name === name) continue;
    for (const taken of other.subjects ?? []) {
      if (subjects.some((subject) => subjectsOverlap(subject, taken))) throw new ApiError("subjectOverlap");
    }
  }
}

function checkRepublish({ subjects = [] }: StreamConfig, republish: RepublishConfig, pedantic: boolean): void {
  if (republish.src === "" && pedantic) throw pedanticError("republish source can not be empty");
  republish.src ||= ">";
  const { src, dest } = republish;
  try {
    SubjectTransform.compile(src, dest);
  } catch {
    throw invalidStream(`stream configuration for republish with transform from '${src}' to '${dest}' not valid`);
  }
  const covered = dest.replace(/\{\{[^}]*\}\}|\$\d+/g, "*");
  if (subjects.some((subject) => subjectsOverlap(subject, covered))) {
    throw invalidStream("stream configuration for republish destination forms a cycle");
  }
}

/** What an update is refused for at last; without a destination it means every subject itself. Throws ApiError 10069. */
export function checkRepublishUpdate(republish: RepublishConfig): void {
  republish.dest ||= ">";
  const { src, dest } = republish;
  try {
    SubjectTransform.compile(src, dest);
  } catch (cause) {
    if (!(cause instanceof TransformError)) throw cause;
    const text = `stream configuration for republish from '${src}' to '${dest}': ${cause.message}`;
    throw new ApiError("updateFailed", { text });
  }
}

function compiled(source: string, destination: string, error: ApiErrorName): SubjectTransform {
  try {
    return SubjectTransform.compile(source, destination);
  } catch (cause) {
    if (!(cause instanceof TransformError)) throw cause;
    throw new ApiError(error, { text: cause.message });
  }
}

/** What is found out when a stream that passed all checks is made. Throws ApiError 10049. */
export function checkFilters({ mirror, sources = [] }: StreamConfig): void {
  for (const origin of mirror === undefined ? sources : [mirror]) {
    const { filter_subject: filter } = origin;
    if (filter === "" || isUsableSubject(filter)) continue;
    const where = origin === mirror ? "the mirror" : "the source:";
    throw new ApiError("createFailed", { text: `subject filter '${filter}' for ${where} invalid subject` });
  }
}

/** Checks what an update may not change. Throws ApiError. */
export function checkStreamUpdate(old: StreamConfig, next: StreamConfig): void {
  const can = (text: string): ApiError => invalidStream(`stream configuration update can not ${text}`);
  if (old.storage !== next.storage) throw can("change storage type");
  if (old.retention !== next.retention && (old.retention === "workqueue" || next.retention === "workqueue")) {
    throw can("change retention policy to/from workqueue");
  }
  if (old.sealed && !next.sealed) throw can("unseal a sealed stream");
  if (old.deny_delete && !next.deny_delete) throw can("cancel deny message deletes");
  if (old.deny_purge && !next.deny_purge) throw can("cancel deny purge");
  if (old.allow_msg_counter !== next.allow_msg_counter) throw can("change message counter setting");
  if (old.persist_mode !== next.persist_mode) throw can("change persist mode");
  if (old.allow_msg_ttl && !next.allow_msg_ttl) throw invalidStream("message TTL status can not be disabled");
  if (old.allow_msg_schedules && !next.allow_msg_schedules)
    throw invalidStream("message schedules can not be disabled");
  if (next.mirror !== undefined && JSON.stringify(old.mirror) !== JSON.stringify(next.mirror)) {
    throw new ApiError("mirrorNotUpdatable");
  }
}

/** Whether a literal subject can be published to. */
export const isPublishable = isValidLiteral;
