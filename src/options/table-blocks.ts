// The blocks of options that several places share: permissions, users, tls, accounts. See table.ts for the whole.
import {
  block,
  boolean,
  choice,
  duration,
  durationText,
  integer,
  list,
  option,
  record,
  seconds,
  size,
  subject,
  subjects,
  text,
  texts,
} from "./kinds.js";

export const subjectRules = {
  allow: option("allow", subjects, "Subjects that are allowed; all when absent."),
  deny: option("deny", subjects, "Subjects that are denied, even if allowed."),
} as const;

export const allowResponses = {
  maxMsgs: option("max", integer, "Answers to one request; below 0: no limit.", {
    aliases: ["max_msgs", "max_messages", "max_responses"],
    default: 1,
    zeroIsDefault: true,
  }),
  expiresMs: option("expires", durationText, "How long a request may be answered.", {
    aliases: ["expiration", "ttl"],
    default: 120_000,
    zeroIsDefault: true,
  }),
} as const;

export const permissions = {
  publish: option("pub", block(subjectRules), "What may be published. A subject, a list, or { allow, deny }.", {
    aliases: ["publish", "import"],
  }),
  subscribe: option("sub", block(subjectRules), 'What may be subscribed to. "subject queue" limits the queue group.', {
    aliases: ["subscribe", "export"],
  }),
  allowResponses: option(
    "publish_allow_responses",
    block(allowResponses),
    "Whether the reply subjects of received requests may be published to: a boolean, or limits.",
    { aliases: ["allow_responses"] },
  ),
} as const;

export const user = {
  user: option("user", text, "Name.", { aliases: ["username"] }),
  password: option("pass", text, "Password, or its bcrypt hash.", { aliases: ["password"], secret: true }),
  nkey: option("nkey", text, "Public user key, instead of user and password."),
  permissions: option("permission", block(permissions), "What the user may do; everything when absent.", {
    aliases: ["permissions", "authorization"],
  }),
  allowedConnectionTypes: option("allowed_connection_types", texts, "Ways in the user may take; all when absent.", {
    aliases: ["connection_types", "clients"],
  }),
  proxyRequired: option("proxy_required", boolean, "Only through a trusted proxy.", { default: false }),
} as const;

export const authCallout = {
  issuer: option("issuer", text, "Public account key that signs the answers. Required."),
  account: option("account", text, "Account of the callout service.", { aliases: ["acc"], default: "$G" }),
  authUsers: option("auth_users", list(text), "Users that need no callout. Required.", {
    aliases: ["users"],
    default: [],
  }),
  xkey: option("xkey", text, "Public curve key to encrypt requests for.", { aliases: ["key"] }),
  allowedAccounts: option("allowed_accounts", list(text), "Accounts the service may place users in; all when absent.", {
    default: [],
  }),
} as const;

export const authorization = {
  user: option("user", text, "The one user's name.", { aliases: ["username"] }),
  password: option("pass", text, "The one user's password, or its bcrypt hash.", {
    aliases: ["password"],
    secret: true,
  }),
  token: option("token", text, "A token for all, or its bcrypt hash.", { secret: true }),
  timeoutMs: option("timeout", seconds, "Time a connection has to authenticate.", {
    default: 2_000,
    defaultText: "2s; with tls its timeout + 1s",
    zeroIsDefault: true,
  }),
  users: option("users", list(block(user)), "Users of the global account."),
  defaultPermissions: option("default_permission", block(permissions), "For users without permissions of their own.", {
    aliases: ["default_permissions", "permissions"],
  }),
  authCallout: option("auth_callout", block(authCallout), "Asks a service to authenticate.", {
    aliases: ["auth_hook"],
  }),
  proxyRequired: option("proxy_required", boolean, "Only through a trusted proxy.", { default: false }),
} as const;

/** Login of the other ways in: one user, password or token. */
export const simpleAuthorization = {
  user: option("user", text, "Name.", { aliases: ["username"] }),
  password: option("pass", text, "Password.", { aliases: ["password"], secret: true }),
  token: option("token", text, "Token.", { secret: true }),
  timeoutMs: option("timeout", seconds, "Time a connection has to authenticate.", { defaultText: "2s" }),
} as const;

export const peerAuthorization = {
  user: option("user", text, "Name.", { aliases: ["username"] }),
  password: option("pass", text, "Password.", { aliases: ["password"], secret: true }),
  timeoutMs: option("timeout", seconds, "Time a connection has to authenticate.", { defaultText: "2s" }),
} as const;

/** Login of whoever reads the monitoring pages over HTTP. */
export const monitoringAuthorization = {
  user: option("user", text, "Name for Basic authentication; no colon.", { aliases: ["username"] }),
  password: option("pass", text, "Password for Basic authentication, or its bcrypt hash.", {
    aliases: ["password"],
    secret: true,
  }),
  token: option("token", text, "Token for Bearer authentication, or its bcrypt hash.", { secret: true }),
  allowHealthz: option("allow_healthz", boolean, "Answers /healthz without authentication.", { default: false }),
} as const;

export const certificate = {
  certFile: option("cert_file", text, "Certificate chain, PEM."),
  keyFile: option("key_file", text, "Private key, PEM."),
} as const;

export const ocspPeer = {
  verify: option("verify", boolean, "Whether peers are checked.", { default: false }),
  allowedClockSkewMs: option("allowed_clockskew", seconds, "Tolerated difference of clocks.", { defaultText: "30s" }),
  caTimeoutMs: option("ca_timeout", seconds, "Time the authority has to answer.", { defaultText: "2s" }),
  cacheTtlMs: option("cache_ttl_when_next_update_unset", seconds, "How long an answer without end counts.", {
    defaultText: "1h",
  }),
  warnOnly: option("warn_only", boolean, "Only logs what fails.", { default: false }),
  unknownIsGood: option("unknown_is_good", boolean, "An unknown certificate passes.", { default: false }),
  allowWhenCaUnreachable: option("allow_when_ca_unreachable", boolean, "Passes when the authority is not reached.", {
    default: false,
  }),
} as const;

export const tls = {
  certFile: option("cert_file", text, "Certificate chain, PEM."),
  keyFile: option("key_file", text, "Private key, PEM."),
  caFile: option("ca_file", text, "Authorities for the other side's certificate, PEM."),
  insecure: option("insecure", boolean, "Accepts every certificate of a server.", { default: false }),
  verify: option("verify", boolean, "Clients must show a certificate.", { default: false }),
  verifyAndMap: option("verify_and_map", boolean, "The client's certificate names its user.", { default: false }),
  verifyCertAndCheckKnownUrls: option(
    "verify_cert_and_check_known_urls",
    boolean,
    "Names in the certificate must be those of a configured peer; cluster and gateway only.",
    { default: false },
  ),
  timeoutMs: option("timeout", seconds, "Time for the handshake.", { default: 2_000, zeroIsDefault: true }),
  cipherSuites: option("cipher_suites", list(text), "Cipher suites by name, best first."),
  curvePreferences: option("curve_preferences", list(text), "Curves by name, best first."),
  allowInsecureCipherSuites: option("allow_insecure_cipher_suites", boolean, "Allows weak cipher suites.", {
    default: false,
  }),
  pinnedCerts: option("pinned_certs", list(text), "SHA-256 of accepted public keys, hexadecimal."),
  connectionRateLimit: option("connection_rate_limit", integer, "Handshakes a second; 0: no limit.", { default: 0 }),
  handshakeFirst: option("handshake_first", boolean, "TLS before INFO: a boolean, on, off, auto or a duration.", {
    aliases: ["first", "immediate"],
    default: false,
  }),
  handshakeFirstFallbackMs: option(
    "handshake_first_fallback",
    duration,
    "Set by handshake_first's auto or duration: how long to wait for TLS before INFO goes in the clear; 0: for ever.",
    { inFile: false, default: 0 },
  ),
  minVersion: option("min_version", text, "Lowest TLS version, 1.2 or 1.3.", { default: "1.2" }),
  certs: option("certs", list(block(certificate)), "Several certificates.", { aliases: ["certificates"] }),
  certStore: option("cert_store", text, "Windows certificate store.", { status: "restricts" }),
  certMatchBy: option("cert_match_by", text, "Windows certificate store: issuer, subject or thumbprint."),
  certMatch: option("cert_match", text, "Windows certificate store: what to look for."),
  caCertsMatch: option("ca_certs_match", texts, "Windows certificate store: authorities."),
  certMatchSkipInvalid: option("cert_match_skip_invalid", boolean, "Windows certificate store: passes over expired.", {
    default: false,
  }),
  ocspPeer: option("ocsp_peer", block(ocspPeer), "Asks the authority about peers: a boolean or a map."),
} as const;

export const compression = {
  mode: option("mode", text, "off, accept, s2_auto, s2_fast, s2_better, s2_best or on."),
  rttThresholdsMs: option("rtt_thresholds", list(duration), "Round trips at which s2_auto presses harder.", {
    aliases: ["thresholds", "rtts", "rtt"],
    defaultText: "10ms 50ms 100ms",
  }),
} as const;

export const mapDestination = {
  destination: option("dest", subject, "Where to; may use tokens of the source.", { aliases: ["destination"] }),
  weight: option("weight", integer, 'Share in percent; "50%" in the file.', { default: 100, min: 0, max: 100 }),
  cluster: option("cluster", text, "Only in this cluster."),
} as const;

/** Subject mappings: source subject to weighted destinations. */
export const mappings = record(list(block(mapDestination)));

export const latency = {
  sampling: option("sampling", integer, 'Percent of the requests, or "headers" (0 here).', { default: 100 }),
  subject: option("subject", subject, "Where the measurements go."),
} as const;

export const exported = {
  stream: option("stream", subject, "Subject of the exported stream."),
  service: option("service", subject, "Subject of the exported service."),
  accounts: option("accounts", list(text), "Accounts that may import; all when absent."),
  responseType: option(
    "response",
    choice("Singleton", "Stream", "Chunked"),
    "How many answers: single, stream or chunked.",
    {
      aliases: ["response_type"],
      default: "Singleton",
    },
  ),
  thresholdMs: option("threshold", durationText, "How long an answer may take.", {
    aliases: ["response_threshold", "response_max_time", "response_time"],
    default: 120_000,
    zeroIsDefault: true,
  }),
  latency: option("latency", block(latency), "Measures the service: a subject or a map."),
  accountTokenPosition: option("account_token_position", integer, "Token that must be the importer's name; 0: none.", {
    default: 0,
  }),
  allowTrace: option("allow_trace", boolean, "Message traces may pass; services.", { default: false }),
} as const;

export const importSource = {
  account: option("account", text, "The exporting account."),
  subject: option("subject", subject, "The exported subject, or a part of it."),
} as const;

export const imported = {
  stream: option("stream", block(importSource), "The stream to import."),
  service: option("service", block(importSource), "The service to import."),
  to: option("to", subject, "Local subject."),
  prefix: option("prefix", subject, "Local prefix; streams."),
  share: option("share", boolean, "Shows the caller to the service.", { default: false }),
  allowTrace: option("allow_trace", boolean, "Message traces may pass; streams.", { default: false }),
} as const;

export const accountLimits = {
  maxConnections: option("max_connections", integer, "Connections; below 0: no limit.", {
    aliases: ["max_conn"],
    default: -1,
  }),
  maxSubscriptions: option("max_subscriptions", integer, "Subscriptions of a connection; below 0: no limit.", {
    aliases: ["max_subs"],
    default: -1,
  }),
  maxPayloadBytes: option("max_payload", size, "Bytes of a message; below 0: the server's limit.", {
    aliases: ["max_pay"],
    default: -1,
  }),
  maxLeafnodes: option("max_leafnodes", integer, "Leaf node connections; below 0: no limit.", {
    aliases: ["max_leafs"],
    default: -1,
  }),
} as const;

export const accountJetStream = {
  enabled: option("enabled", boolean, "In the file: true, enabled or a map turns it on.", { default: true }),
  maxMemoryBytes: option("max_memory", size, "Bytes in memory; below 0: no limit.", {
    aliases: ["max_mem", "mem", "memory"],
    default: -1,
  }),
  maxStoreBytes: option("max_store", size, "Bytes on disk; below 0: no limit.", {
    aliases: ["max_file", "max_disk", "store", "disk"],
    default: -1,
  }),
  maxStreams: option("max_streams", integer, "Streams; below 0: no limit.", { aliases: ["streams"], default: -1 }),
  maxConsumers: option("max_consumers", integer, "Consumers; below 0: no limit.", {
    aliases: ["consumers"],
    default: -1,
  }),
  maxBytesRequired: option("max_bytes_required", boolean, "Streams must state max_bytes.", {
    aliases: ["max_stream_bytes", "max_bytes"],
    default: false,
  }),
  memoryMaxStreamBytes: option("mem_max_stream_bytes", size, "Bytes of one stream in memory; below 0: no limit.", {
    aliases: ["memory_max_stream_bytes"],
    default: -1,
  }),
  storeMaxStreamBytes: option("disk_max_stream_bytes", size, "Bytes of one stream on disk; below 0: no limit.", {
    aliases: ["store_max_stream_bytes"],
    default: -1,
  }),
  maxAckPending: option("max_ack_pending", integer, "Unacknowledged messages of a consumer; below 0: no limit.", {
    default: -1,
  }),
  clusterTraffic: option("cluster_traffic", choice("system", "owner"), "Account that replicates.", {
    default: "system",
  }),
} as const;

export const msgTrace = {
  destination: option("dest", subject, "Where traces go; a literal subject."),
  sampling: option("sampling", integer, 'Percent of the messages; "20%" in the file.', {
    default: 100,
    zeroIsDefault: true,
  }),
} as const;

export const account = {
  nkey: option("nkey", text, "Public account key."),
  users: option("users", list(block(user)), "Users of the account.", { default: [] }),
  imports: option("imports", list(block(imported)), "What the account takes from others.", { default: [] }),
  exports: option("exports", list(block(exported)), "What the account offers others.", { default: [] }),
  jetstream: option("jetstream", block(accountJetStream), "JetStream for the account, with its limits."),
  defaultPermissions: option("default_permissions", block(permissions), "For users without permissions of their own."),
  mappings: option("mappings", mappings, "Subject mappings of the account.", { aliases: ["maps"], default: {} }),
  limits: option("limits", block(accountLimits), "Limits of the account.", { default: {} }),
  msgTrace: option("msg_trace", block(msgTrace), "Traces messages that carry a W3C trace parent: a subject or a map.", {
    aliases: ["trace_dest"],
  }),
} as const;
