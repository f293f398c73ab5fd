// The block of options for JetStream. See table.ts for the whole.
import { block, boolean, duration, durationText, integer, option, record, sizeOrText, text } from "./kinds.js";
import { declaredBucket, declaredObjectStore, declaredStream } from "./table-declared.js";

export const batchLimits = {
  maxInflightPerStream: option("max_inflight_per_stream", integer, "Open batches of a stream.", { default: 0 }),
  maxInflightTotal: option("max_inflight_total", integer, "Open batches of the server.", { default: 0 }),
  maxMsgs: option("max_msgs", integer, "Messages in a batch.", { default: 0 }),
  timeoutMs: option("timeout", durationText, "Time for a batch.", { default: 0 }),
} as const;

export const jetstreamLimits = {
  maxAckPending: option("max_ack_pending", integer, "Unacknowledged messages of a consumer; 0: no limit.", {
    default: 0,
  }),
  maxHaAssets: option("max_ha_assets", integer, "Replicated streams and consumers; 0: no limit.", { default: 0 }),
  maxRequestBatch: option("max_request_batch", integer, "Messages of one pull; 0: no limit.", { default: 0 }),
  defaultMaxConsumers: option(
    "default_max_consumers",
    integer,
    "Consumers of a stream, where neither it nor its account says how many; below 0: no limit.",
    { default: 1000, zeroIsDefault: true },
  ),
  duplicateWindowMs: option("duplicate_window", durationText, "Longest window for duplicates; 0: no limit.", {
    default: 0,
  }),
  batch: option("batch", block(batchLimits), "Limits of atomic batches; 0: the server's defaults.", { default: {} }),
} as const;

export const tpm = {
  keysFile: option("keys_file", text, "Where the sealed keys are."),
  encryptionPassword: option("encryption_password", text, "Unseals them.", { secret: true }),
  srkPassword: option("srk_password", text, "The storage root key's password.", { secret: true }),
  pcr: option("pcr", integer, "Platform register.", { default: 22 }),
  cipher: option("cipher", text, "chacha, chachapoly or aes."),
} as const;

export const jetstream = {
  enabled: option("enabled", boolean, "False in a map turns it off.", {
    aliases: ["enable"],
    default: true,
    reload: true,
  }),
  strict: option("strict", boolean, "False accepts unknown fields in API requests.", { default: true }),
  storeDir: option("store_dir", text, "Folder of the streams.", {
    aliases: ["storedir", "store"],
    defaultText: "the temporary folder",
  }),
  syncIntervalMs: option("sync", duration, "Time between syncs of file stores, or always (syncAlways).", {
    aliases: ["sync_interval"],
    defaultText: "2m",
  }),
  syncAlways: option("sync_always", boolean, "Set by `sync: always`: every write is synced.", {
    inFile: false,
    default: false,
  }),
  maxMemoryStoreBytes: option("max_memory_store", sizeOrText, "Bytes in memory; -1: 75% of the memory.", {
    aliases: ["max_mem_store", "max_mem"],
    default: -1,
    reload: true,
  }),
  maxFileStoreBytes: option("max_file_store", sizeOrText, "Bytes on disk; -1: 75% of the free disk.", {
    aliases: ["max_file"],
    default: -1,
    reload: true,
  }),
  maxMemoryProcessBytes: option(
    "max_memory_process",
    sizeOrText,
    "Memory of the process from which on messages for streams are refused; 0: no limit.",
    { default: 0, reload: true, own: true },
  ),
  domain: option("domain", text, "Name of the JetStream domain."),
  key: option("key", text, "Encryption key.", {
    aliases: ["ek", "encryption_key"],
    secret: true,
  }),
  previousKey: option("prev_key", text, "Encryption key before this one.", {
    aliases: ["prev_ek", "prev_encryption_key"],
    secret: true,
  }),
  cipher: option("cipher", text, "chacha, chachapoly or aes.", { defaultText: "chacha" }),
  extensionHint: option("extension_hint", text, "will_extend or no_extend."),
  limits: option("limits", block(jetstreamLimits), "Limits for all accounts.", { default: {}, reload: true }),
  streams: option("streams", record(block(declaredStream)), "Streams to have, by name.", {
    default: {},
    reload: true,
    own: true,
  }),
  keyValue: option("key_value", record(block(declaredBucket)), "Key-value buckets to have, by name.", {
    default: {},
    reload: true,
    own: true,
  }),
  objectStores: option("object_stores", record(block(declaredObjectStore)), "Object stores to have, by name.", {
    default: {},
    reload: true,
    own: true,
  }),
  tpm: option("tpm", block(tpm), "Keys from a trusted platform module.", { status: "restricts" }),
  uniqueTag: option("unique_tag", text, "Prefix of the server tag that replicas must differ in."),
  maxOutstandingCatchupBytes: option(
    "max_outstanding_catchup",
    sizeOrText,
    "Bytes in flight to replicas; 0: default.",
    {
      default: 0,
    },
  ),
  maxBufferedBytes: option("max_buffered_size", sizeOrText, "Bytes waiting for a stream; 0: default.", { default: 0 }),
  maxBufferedMsgs: option("max_buffered_msgs", integer, "Messages waiting for a stream; 0: default.", { default: 0 }),
  requestQueueLimit: option("request_queue_limit", integer, "API requests waiting.", {
    default: 10_000,
    zeroIsDefault: true,
  }),
  infoQueueLimit: option("info_queue_limit", integer, "Info requests waiting.", {
    defaultText: "as request_queue_limit",
  }),
  metaCompact: option("meta_compact", integer, "Log entries before the meta log is compacted.", {
    default: 0,
    reload: true,
  }),
  metaCompactBytes: option("meta_compact_size", sizeOrText, "Bytes before it is.", { default: 0, reload: true }),
  metaCompactSync: option("meta_compact_sync", boolean, "Compacts in the foreground.", {
    default: false,
    reload: true,
  }),
  maxConcurrentIo: option("max_concurrent_io", integer, "Disk operations at a time, 4 to 8192.", {
    min: 4,
    max: 8192,
  }),
} as const;
