// The blocks of options for other servers and other ways in: cluster, gateway, leafnodes, websocket, mqtt.
import {
  address,
  block,
  boolean,
  choice,
  duration,
  integer,
  list,
  option,
  record,
  seconds,
  subjects,
  text,
  texts,
} from "./kinds.js";
import { compression, peerAuthorization, permissions, simpleAuthorization, tls } from "./table-blocks.js";

/** What happens to a connection that does not take its bytes in time. */
export const writeTimeout = choice("default", "close", "retry");

const listen = option("listen", address("host", "port"), "host:port, :port or a port; sets host and port.");
const host = option("host", text, "Address to listen on.", { aliases: ["net"], default: "0.0.0.0" });
const port = option("port", integer, "Port; 0: off, -1: a free one.", { default: 0 });
const writeDeadlineMs = option("write_deadline", duration, "Time a write may take.", {
  defaultText: "the top level's",
});
const writeTimeoutOption = option("write_timeout", writeTimeout, "What happens after it: default, close or retry.", {
  default: "default",
});

export const cluster = {
  name: option("name", text, "Name of the cluster; no spaces.", { defaultText: "random", reload: true }),
  listen,
  host: { ...host, reload: false },
  port: { ...port, reload: false },
  authorization: option("authorization", block(peerAuthorization), "What routes must show; one user."),
  routes: option("routes", list(text), "URLs of other servers.", { default: [] }),
  tls: option("tls", block(tls), "TLS on routes; always verifies."),
  advertise: option("cluster_advertise", text, "host[:port] told to other servers.", { aliases: ["advertise"] }),
  noAdvertise: option("no_advertise", boolean, "Clients do not learn of this server.", { default: false }),
  connectRetries: option("connect_retries", integer, "Attempts at routes not configured.", { default: 0 }),
  connectBackoff: option("connect_backoff", boolean, "Waits longer after each attempt.", { default: false }),
  permissions: option("permissions", block(permissions), "What crosses routes: import and export."),
  poolSize: option("pool_size", integer, "Connections to each server; -1: no pool.", {
    default: 3,
    zeroIsDefault: true,
  }),
  accounts: option("accounts", texts, "Accounts with a route of their own.", { default: [] }),
  compression: option("compression", block(compression), "Compression: a mode, a boolean or a map.", {
    defaultText: "accept",
  }),
  pingIntervalMs: option("ping_interval", duration, "Time between pings.", { defaultText: "30s at most" }),
  pingMax: option("ping_max", integer, "Unanswered pings.", { defaultText: "the top level's" }),
  writeDeadlineMs,
  writeTimeout: writeTimeoutOption,
} as const;

export const remoteGateway = {
  name: option("name", text, "Name of the other cluster. Required."),
  url: option("url", text, "One URL of it."),
  urls: option("urls", list(text), "URLs of it."),
  tls: option("tls", block(tls), "TLS to it."),
} as const;

export const gateway = {
  name: option("name", text, "Name of this cluster. Required."),
  listen,
  host,
  port,
  authorization: option("authorization", block(peerAuthorization), "What gateways must show; one user."),
  tls: option("tls", block(tls), "TLS on gateways; always verifies.", { reload: true }),
  advertise: option("advertise", text, "host[:port] told to other servers."),
  connectRetries: option("connect_retries", integer, "Attempts at gateways not configured.", { default: 0 }),
  connectBackoff: option("connect_backoff", boolean, "Waits longer after each attempt.", { default: false }),
  gateways: option("gateways", list(block(remoteGateway)), "Other clusters.", { default: [] }),
  rejectUnknown: option("reject_unknown", boolean, "Refuses clusters not configured.", {
    aliases: ["reject_unknown_cluster"],
    default: false,
  }),
  writeDeadlineMs,
  writeTimeout: writeTimeoutOption,
} as const;

export const leafUser = {
  user: option("user", text, "Name.", { aliases: ["username"] }),
  password: option("pass", text, "Password.", { aliases: ["password"], secret: true }),
  account: option("account", text, "Account it is bound to."),
  proxyRequired: option("proxy_required", boolean, "Only through a trusted proxy.", { default: false }),
} as const;

export const leafAuthorization = {
  user: option("user", text, "Name.", { aliases: ["username"] }),
  password: option("pass", text, "Password.", { aliases: ["password"], secret: true }),
  nkey: option("nkey", text, "Public user key."),
  timeoutMs: option("timeout", seconds, "Time a connection has to authenticate.", { defaultText: "2s" }),
  users: option("users", list(block(leafUser)), "Several users."),
  account: option("account", text, "Account leaf nodes are bound to.", { defaultText: "$G" }),
  proxyRequired: option("proxy_required", boolean, "Only through a trusted proxy.", { default: false }),
} as const;

export const leafProxy = {
  url: option("url", text, "http or https URL."),
  username: option("username", text, "Name; with password."),
  password: option("password", text, "Password.", { secret: true }),
  timeoutMs: option("timeout", duration, "Time the proxy has to answer."),
} as const;

export const leafRemote = {
  urls: option("url", texts, "URLs of the other server.", {
    aliases: ["urls"],
    defaultText: "nats://127.0.0.1:7422",
  }),
  account: option("account", text, "Local account.", { aliases: ["local"], default: "$G" }),
  credentials: option("creds", text, "Credentials file; not with nkey.", { aliases: ["credentials"] }),
  nkey: option("nkey", text, "User seed; not with creds.", { aliases: ["seed"], secret: true }),
  tls: option("tls", block(tls), "TLS to the other server."),
  hub: option("hub", boolean, "This side is the hub.", { default: false }),
  denyImports: option("deny_imports", subjects, "Subjects not taken from the other side.", {
    aliases: ["deny_import"],
  }),
  denyExports: option("deny_exports", subjects, "Subjects not given to the other side.", { aliases: ["deny_export"] }),
  noRandomize: option("no_randomize", boolean, "Tries the URLs in order.", {
    aliases: ["dont_randomize"],
    default: false,
  }),
  wsCompression: option("ws_compress", boolean, "Compression, over WebSocket.", {
    aliases: ["ws_compression", "websocket_compress", "websocket_compression"],
    default: false,
  }),
  wsNoMasking: option("ws_no_masking", boolean, "No masking, over WebSocket.", {
    aliases: ["websocket_no_masking"],
    default: false,
  }),
  jetstreamClusterMigrate: option(
    "jetstream_cluster_migrate",
    boolean,
    "Leaders move away while disconnected: a boolean or { leader_migrate_delay }.",
    { aliases: ["js_cluster_migrate"], default: false },
  ),
  jetstreamClusterMigrateDelayMs: option(
    "leader_migrate_delay",
    duration,
    "In the map of jetstream_cluster_migrate: how long to wait before.",
    { inFile: false, default: 0 },
  ),
  isolateLeafnodeInterest: option("isolate_leafnode_interest", boolean, "Keeps local interest of other leafs away.", {
    aliases: ["isolate"],
    default: false,
  }),
  requestIsolation: option("request_isolation", boolean, "Asks the other side to do the same.", { default: false }),
  compression: option("compression", block(compression), "Compression.", { defaultText: "s2_auto" }),
  firstInfoTimeoutMs: option("first_info_timeout", duration, "Time for the first INFO.", {
    default: 1_000,
    zeroIsDefault: true,
  }),
  dialTimeoutMs: option("dial_timeout", duration, "Time for the connection.", { defaultText: "1s" }),
  disabled: option("disabled", boolean, "Does not connect.", { default: false }),
  proxy: option("proxy", block(leafProxy), "HTTP proxy; WebSocket only."),
  ignoreDiscoveredServers: option("ignore_discovered_servers", boolean, "Only the URLs given here.", {
    default: false,
  }),
} as const;

export const leafnodes = {
  listen,
  host,
  port,
  authorization: option("authorization", block(leafAuthorization), "What leaf nodes must show."),
  remotes: option("remotes", list(block(leafRemote)), "Servers to connect to as a leaf node.", {
    default: [],
    reload: true,
  }),
  reconnectMs: option("reconnect", duration, "Time between attempts.", {
    aliases: ["reconnect_delay", "reconnect_interval"],
    default: 1_000,
    zeroIsDefault: true,
  }),
  dialTimeoutMs: option("dial_timeout", duration, "Time for a connection to a remote.", {
    default: 1_000,
    zeroIsDefault: true,
  }),
  tls: option("tls", block(tls), "TLS for leaf nodes.", { reload: true }),
  advertise: option("leafnode_advertise", text, "host[:port] told to leaf nodes.", { aliases: ["advertise"] }),
  noAdvertise: option("no_advertise", boolean, "Leaf nodes do not learn of other servers.", { default: false }),
  minVersion: option("min_version", text, "Lowest version of a leaf node, 2.8.0 or above.", {
    aliases: ["minimum_version"],
    reload: true,
  }),
  compression: option("compression", block(compression), "Compression.", { defaultText: "s2_auto", reload: true }),
  isolateLeafnodeInterest: option("isolate_leafnode_interest", boolean, "Keeps interest of leafs from each other.", {
    aliases: ["isolate"],
    default: false,
  }),
  writeDeadlineMs,
  writeTimeout: writeTimeoutOption,
} as const;

export const websocket = {
  listen,
  host,
  port,
  advertise: option("advertise", text, "host[:port] told to clients."),
  noTls: option("no_tls", boolean, "Without tls it must be true.", { default: false }),
  tls: option("tls", block(tls), "TLS for WebSocket clients.", { reload: true }),
  sameOrigin: option("same_origin", boolean, "The origin must be the request's host.", { default: false }),
  allowedOrigins: option("allowed_origins", texts, "Allowed origins; all when absent.", {
    aliases: ["allowed_origin", "allow_origins", "allow_origin", "origins", "origin"],
  }),
  handshakeTimeoutMs: option("handshake_timeout", duration, "Time for the upgrade.", { defaultText: "2s" }),
  compression: option("compression", boolean, "Offers compression.", { aliases: ["compress"], default: false }),
  authorization: option("authorization", block(simpleAuthorization), "What WebSocket clients must show.", {
    aliases: ["authentication"],
  }),
  jwtCookie: option("jwt_cookie", text, "Cookie that holds a JWT."),
  userCookie: option("user_cookie", text, "Cookie that holds the user."),
  passCookie: option("pass_cookie", text, "Cookie that holds the password."),
  tokenCookie: option("token_cookie", text, "Cookie that holds the token."),
  noAuthUser: option("no_auth_user", text, "User of clients without credentials."),
  headers: option("headers", record(text), "More headers of the upgrade answer."),
  pingIntervalMs: option("ping_interval", duration, "Time between pings.", { defaultText: "the top level's" }),
} as const;

export const mqtt = {
  listen,
  host,
  port,
  tls: option("tls", block(tls), "TLS for MQTT clients.", { reload: true }),
  authorization: option("authorization", block(simpleAuthorization), "What MQTT clients must show.", {
    aliases: ["authentication"],
  }),
  noAuthUser: option("no_auth_user", text, "User of clients without credentials."),
  ackWaitMs: option("ack_wait", duration, "Time before a message is sent again.", {
    aliases: ["ackwait"],
    default: 30_000,
    zeroIsDefault: true,
    reload: true,
  }),
  jsApiTimeoutMs: option("js_api_timeout", duration, "Time for JetStream requests.", {
    aliases: ["api_timeout"],
    default: 5_000,
    zeroIsDefault: true,
  }),
  maxAckPending: option("max_ack_pending", integer, "Unacknowledged messages of a subscription.", {
    aliases: ["max_pending", "max_inflight"],
    default: 1_024,
    zeroIsDefault: true,
    min: 0,
    max: 65_535,
    reload: true,
  }),
  jsDomain: option("js_domain", text, "JetStream domain to use."),
  streamReplicas: option("stream_replicas", integer, "Replicas of the streams; 0: by cluster size.", {
    default: 0,
    reload: true,
  }),
  consumerReplicas: option("consumer_replicas", integer, "No longer used.", { default: 0, reload: true }),
  consumerMemoryStorage: option("consumer_memory_storage", boolean, "Consumers in memory.", {
    default: false,
    reload: true,
  }),
  consumerInactiveThresholdMs: option("consumer_inactive_threshold", duration, "Idle time before a consumer goes.", {
    aliases: ["consumer_auto_cleanup"],
    default: 0,
    reload: true,
  }),
  rejectQos2Publish: option("reject_qos2_publish", boolean, "Closes clients that publish with QoS 2.", {
    default: false,
  }),
  downgradeQos2Subscribe: option("downgrade_qos2_subscribe", boolean, "QoS 2 subscriptions become QoS 1.", {
    default: false,
  }),
} as const;
