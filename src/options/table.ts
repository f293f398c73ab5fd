// The one table of options: every key with its aliases, kind, default, and whether a reload may change it. The file's
// decoder, the library's types and checks, the reload report, the JSON Schema and the reference page all read it.
import {
  address,
  block,
  boolean,
  choice,
  duration,
  durationText,
  integer,
  list,
  option,
  record,
  size,
  text,
  texts,
} from "./kinds.js";
import { account, authorization, mappings, monitoringAuthorization, tls } from "./table-blocks.js";
import { jetstream } from "./table-jetstream.js";
import { cluster, gateway, leafnodes, mqtt, websocket, writeTimeout } from "./table-peers.js";

export const ocsp = {
  mode: option("mode", choice("auto", "always", "must", "never"), "When certificates are stapled.", {
    default: "auto",
  }),
  url: option("url", text, "One responder instead of the certificate's."),
  urls: option("urls", list(text), "Responders instead of the certificate's."),
} as const;

export const ocspCache = {
  type: option("type", choice("none", "local"), "Where answers are kept.", { default: "local" }),
  localStore: option("local_store", text, "Folder of the cache."),
  preserveRevoked: option("preserve_revoked", boolean, "Keeps revoked entries.", { default: false }),
  saveIntervalMs: option("save_interval", duration, "Time between saves.", { default: 300_000 }),
} as const;

export const resolver = {
  type: option("type", choice("MEMORY", "URL", "FULL", "CACHE"), "MEMORY (MEM), FULL or CACHE; URL(...) as text."),
  url: option("url", text, "Set by URL(...).", { inFile: false }),
  dir: option("dir", text, "Folder of the account JWTs."),
  allowDelete: option("allow_delete", boolean, "Accounts may be deleted; FULL.", { default: false }),
  hardDelete: option("hard_delete", boolean, "Deletes the files; FULL.", { default: false }),
  limit: option("limit", integer, "Most JWTs kept; 0: no limit.", { default: 0 }),
  ttlMs: option("ttl", durationText, "How long a JWT is kept; CACHE."),
  intervalMs: option("interval", durationText, "Time between exchanges with other servers; FULL."),
  timeoutMs: option("timeout", durationText, "Time for a lookup.", { default: 1_900 }),
} as const;

export const trustedProxy = {
  key: option("key", text, "Public key of a proxy.", { aliases: ["public_key"] }),
} as const;

export const proxies = {
  trusted: option("trusted", list(block(trustedProxy)), "Trusted proxies.", {
    default: [],
  }),
} as const;

/** Every option of the server. */
export const serverTable = {
  listen: option("listen", address("host", "port"), "host:port, :port or a port; sets host and port."),
  host: option("host", text, "Address to listen on.", { aliases: ["net"], default: "0.0.0.0" }),
  port: option("port", integer, "Port for clients; -1: a free one.", { default: 4222, zeroIsDefault: true }),
  clientAdvertise: option("client_advertise", text, "host[:port] told to clients and other servers.", {
    reload: true,
  }),
  serverName: option("server_name", text, "Name of the server; no spaces.", { defaultText: "the server id" }),
  serverTags: option("server_tags", texts, "Tags of the server.", { default: [], reload: true }),
  serverMetadata: option("server_metadata", record(text), "Facts about the server, shown in monitoring.", {
    default: {},
    reload: true,
  }),
  featureFlags: option("feature_flags", record(boolean), "Features to turn on or off.", { default: {} }),

  debug: option("debug", boolean, "Logs debug lines.", { default: false, reload: true }),
  trace: option("trace", boolean, "Logs the protocol.", { default: false, reload: true }),
  traceVerbose: option("trace_verbose", boolean, "Traces the system account too; turns trace on.", {
    default: false,
    reload: true,
  }),
  traceHeaders: option("trace_headers", boolean, "Traces headers only; turns trace on.", {
    default: false,
    reload: true,
  }),
  logtime: option("logtime", boolean, "Log lines carry the time.", { default: true, reload: true }),
  logtimeUtc: option("logtime_utc", boolean, "Time in UTC.", { default: false, reload: true }),
  logfile: option("logfile", text, "File of the log.", {
    aliases: ["log_file"],
    defaultText: "standard error",
    reload: true,
  }),
  logfileSizeLimitBytes: option("logfile_size_limit", size, "Size at which the file is rotated; 0: never.", {
    aliases: ["log_size_limit"],
    default: 0,
  }),
  logfileMaxNum: option("logfile_max_num", integer, "Files kept, the active one included; 0: all.", {
    aliases: ["log_max_num"],
    default: 0,
  }),
  syslog: option("syslog", boolean, "Log goes to syslog.", { default: false, reload: true }),
  remoteSyslog: option("remote_syslog", text, "Address of a syslog server.", { reload: true }),
  pidfile: option("pidfile", text, "File that holds the process id.", { aliases: ["pid_file"], reload: true }),
  portsFileDir: option("ports_file_dir", text, "Folder for the file that names the open ports.", { reload: true }),
  profPort: option("prof_port", integer, "Port for profiling; 0: off.", { default: 0, status: "adds" }),
  profBlockRate: option("prof_block_rate", integer, "Accepted and without effect.", { default: 0, reload: true }),

  httpPort: option("http_port", integer, "Port for monitoring; 0: off, -1: a free one.", {
    aliases: ["monitor_port"],
    default: 0,
  }),
  http: option("http", address("httpHost", "httpPort"), "Address for monitoring."),
  httpHost: option("http_host", text, "Set by http and https: address for monitoring.", {
    inFile: false,
    default: "",
    defaultText: "host",
  }),
  httpsPort: option("https_port", integer, "Port for monitoring over TLS; 0: off.", {
    default: 0,
  }),
  https: option("https", address("httpHost", "httpsPort"), "Address for monitoring over TLS."),
  httpBasePath: option("http_base_path", text, "Path before the endpoints.", { default: "" }),
  monitoringAuthorization: option(
    "monitoring_authorization",
    block(monitoringAuthorization),
    "Who may read the monitoring pages; everybody when absent.",
    { reload: true, own: true },
  ),

  authorization: option("authorization", block(authorization), "Who may connect.", { default: {}, reload: true }),
  accounts: option("accounts", record(block(account)), "Accounts by name; a list of names in the file.", {
    default: {},
    reload: true,
  }),
  mappings: option("mappings", mappings, "Subject mappings of the global account.", {
    aliases: ["maps"],
    default: {},
    reload: true,
  }),
  noAuthUser: option("no_auth_user", text, "User of clients without credentials."),
  systemAccount: option("system_account", text, "Account of the server's events.", {
    aliases: ["system"],
    defaultText: "$SYS",
  }),
  noSystemAccount: option("no_system_account", boolean, "No system account.", {
    aliases: ["no_system", "no_sys_acc"],
    default: false,
  }),
  defaultSentinel: option("default_sentinel", text, "User JWT of clients without credentials; operator mode.", {
    reload: true,
  }),
  operators: option("operator", texts, "Operator JWTs, or their files.", {
    aliases: ["operators", "root", "roots", "root_operator", "root_operators"],
  }),
  trustedKeys: option("trusted", texts, "Public operator keys.", {
    aliases: ["trusted_keys"],
  }),
  resolver: option("resolver", block(resolver), "Where account JWTs come from: MEMORY, URL(...) or a map.", {
    aliases: ["account_resolver", "accounts_resolver"],
    reload: true,
  }),
  resolverTls: option("resolver_tls", block(tls), "TLS to the resolver.", { reload: true }),
  resolverPreload: option("resolver_preload", record(text), "Account JWTs by account key.", {
    reload: true,
  }),
  resolverPinnedAccounts: option("resolver_pinned_accounts", texts, "Accounts the resolver keeps.", {
    reload: true,
  }),

  tls: option("tls", block(tls), "TLS for clients.", { reload: true }),
  allowNonTls: option("allow_non_tls", boolean, "Clients without TLS are accepted too.", { default: false }),
  ocsp: option("ocsp", block(ocsp), "Staples the certificates' status: a boolean or a map.", { reload: true }),
  ocspCache: option("ocsp_cache", block(ocspCache), "Keeps the status of peers: a boolean or a map.", {
    reload: true,
  }),
  proxyProtocol: option("proxy_protocol", boolean, "Takes a client's address from a PROXY header, version 1 or 2.", {
    default: false,
  }),
  proxies: option("proxies", block(proxies), "Proxies that may vouch for clients.", { reload: true }),

  maxControlLineBytes: option("max_control_line", integer, "Bytes of a protocol line.", {
    default: 4_096,
    zeroIsDefault: true,
    max: 2 ** 31 - 1,
    reload: true,
  }),
  maxPayloadBytes: option("max_payload", size, "Bytes of a message.", {
    default: 1_048_576,
    zeroIsDefault: true,
    max: 2 ** 31 - 1,
    reload: true,
  }),
  maxPendingBytes: option("max_pending", size, "Bytes waiting for one client.", {
    default: 67_108_864,
    zeroIsDefault: true,
  }),
  maxConnections: option("max_connections", integer, "Connections; 0 or below: none.", {
    aliases: ["max_conn"],
    default: 65_536,
    reload: true,
  }),
  maxSubscriptions: option("max_subscriptions", integer, "Subscriptions of a connection; 0: no limit.", {
    aliases: ["max_subs"],
    default: 0,
  }),
  maxSubTokens: option("max_sub_tokens", integer, "Tokens of a subscription's subject, 1 to 255; 0: no limit.", {
    aliases: ["max_subscription_tokens"],
    default: 0,
    min: 0,
    max: 255,
  }),
  maxTracedMsgBytes: option("max_traced_msg_len", integer, "Bytes of a payload shown in trace lines; 0: all.", {
    default: 0,
    reload: true,
  }),
  maxClosedClients: option("max_closed_clients", integer, "Closed connections remembered for monitoring.", {
    default: 10_000,
    zeroIsDefault: true,
  }),
  disableSublistCache: option("disable_sublist_cache", boolean, "No cache of matches.", {
    aliases: ["no_sublist_cache"],
    default: false,
  }),
  pingIntervalMs: option("ping_interval", duration, "Time between pings.", {
    default: 120_000,
    zeroIsDefault: true,
    reload: true,
  }),
  pingMax: option("ping_max", integer, "Unanswered pings before a connection is closed.", {
    default: 2,
    zeroIsDefault: true,
    reload: true,
  }),
  writeDeadlineMs: option("write_deadline", duration, "Time a write may take.", {
    default: 10_000,
    zeroIsDefault: true,
    reload: true,
  }),
  writeTimeout: option("write_timeout", writeTimeout, "What happens after it: default, close or retry.", {
    default: "default",
  }),
  lameDuckDurationMs: option("lame_duck_duration", durationText, "Time over which clients are moved away.", {
    default: 120_000,
    zeroIsDefault: true,
    min: 30_000,
  }),
  lameDuckGracePeriodMs: option("lame_duck_grace_period", durationText, "Time before the first is.", {
    default: 10_000,
    zeroIsDefault: true,
    min: 0,
  }),
  noHeaderSupport: option("no_header_support", boolean, "Messages have no headers.", { default: false }),
  noFastProducerStall: option("no_fast_producer_stall", boolean, "Fast publishers are never slowed down.", {
    default: false,
    reload: true,
  }),
  connectErrorReports: option("connect_error_reports", integer, "Failed first attempts between log lines.", {
    default: 3_600,
    zeroIsDefault: true,
    reload: true,
  }),
  reconnectErrorReports: option("reconnect_error_reports", integer, "Failed later attempts between log lines.", {
    default: 1,
    zeroIsDefault: true,
    reload: true,
  }),

  cluster: option("cluster", block(cluster), "Routes to other servers of the cluster.", { reload: true }),
  gateway: option("gateway", block(gateway), "Connections to other clusters."),
  leafnodes: option("leaf", block(leafnodes), "Leaf nodes.", { aliases: ["leafnodes"] }),
  jetstream: option("jetstream", block(jetstream), "JetStream: a boolean, enabled, disabled or a map."),
  storeDir: option("store_dir", text, "Folder of JetStream, when its block names none.", {
    aliases: ["storedir"],
  }),
  defaultJsDomain: option("default_js_domain", record(text), "JetStream domain by account.", {
    default: {},
  }),
  websocket: option("websocket", block(websocket), "WebSocket clients.", { aliases: ["ws"] }),
  mqtt: option("mqtt", block(mqtt), "MQTT clients.", { status: "adds" }),
} as const;
