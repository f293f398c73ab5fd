// What makes a server refuse to start although each option by itself is right: options that do not go together, and
// names that nothing stands behind. The order and the words are the reference's.
import { type CompressionMode, compressionMode } from "../protocol/compression-mode.js";
import { checkNoAuthUser, hasUsers, refuse, userFaults } from "./check-users.js";
import { checkMqtt, checkOcspPeers, checkWebsocket } from "./check-ways-in.js";
import type { ResolvedOptions } from "./options.js";
import { withoutUrlUsers } from "./redact.js";

const GLOBAL_ACCOUNT = "$G";
const DEFAULT_SYSTEM_ACCOUNT = "$SYS";

/**
 * Checks resolved options before anything listens.
 * @param serverVersion what an operator's assert_server_version is compared with
 * @throws {OptionsError} OPTIONS_VALUE for the first thing that is wrong
 */
export function checkForStart(options: ResolvedOptions, serverVersion?: string): void {
  checkLimits(options);
  checkOperators(options, serverVersion);
  checkLeafnodes(options);
  for (const { path, message } of userFaults(options)) refuse(path, message);
  checkNoAuthUser(options, "noAuthUser", options.noAuthUser);
  checkGateway(options);
  checkCluster(options);
  checkMqtt(options);
  checkJetStream(options);
  checkWebsocket(options);
  checkSystemAccount(options);
  checkMonitoring(options);
  checkAdvertise("clientAdvertise", "ClientAdvertise", options.clientAdvertise);
  checkOcspPeers(options);
}

function checkLimits(options: ResolvedOptions): void {
  const { lameDuckDurationMs, lameDuckGracePeriodMs, maxPayloadBytes, maxPendingBytes } = options;
  if (lameDuckGracePeriodMs >= lameDuckDurationMs) {
    const grace = `lame duck grace period (${lameDuckGracePeriodMs}ms)`;
    refuse(
      "lameDuckGracePeriodMs",
      `${grace} should be strictly lower than lame duck duration (${lameDuckDurationMs}ms)`,
    );
  }
  if (maxPayloadBytes > maxPendingBytes) {
    refuse(
      "maxPayloadBytes",
      `max_payload (${maxPayloadBytes}) cannot be higher than max_pending (${maxPendingBytes})`,
    );
  }
  if (options.port > 65_535 || options.port < -1) {
    const address = `${options.host}:${options.port}`;
    refuse("port", `Error listening on port: ${address}, "listen tcp: address ${options.port}: invalid port"`);
  }
}

interface OperatorFacts {
  readonly sub: string;
  readonly nats: { readonly system_account?: string; readonly assert_server_version?: string };
}

function checkOperators(options: ResolvedOptions, serverVersion: string | undefined): void {
  if (!options.operators?.length) {
    if (options.defaultSentinel) refuse("defaultSentinel", "default sentinel requires operators and accounts");
    return;
  }
  const operators = options.operators.map(operatorFacts);
  const { resolver } = options;
  if (!resolver) refuse("resolver", "operators require an account resolver to be configured");
  if (Object.keys(options.accounts).length > 0) {
    refuse("accounts", "operators do not allow Accounts to be configured directly");
  }
  if (hasUsers(options)) refuse("authorization.users", "operators do not allow users to be configured directly");
  if (options.trustedKeys?.length) {
    refuse("trustedKeys", "conflicting options for 'TrustedKeys' and 'TrustedOperators'");
  }
  const systemAccounts = operators.map(({ nats }) => nats.system_account).filter((name) => name);
  if (options.systemAccount && systemAccounts.length > 0 && !systemAccounts.includes(options.systemAccount)) {
    refuse("systemAccount", "system_account in config and operator JWT must be identical");
  }
  if (!options.systemAccount && (resolver.type === "FULL" || resolver.type === "CACHE")) {
    const needed = "the system account needs to be specified in configuration or the operator jwt";
    refuse("systemAccount", `using nats based account resolver - ${needed}`);
  }
  for (const { sub, nats } of operators) checkServerVersion(sub, nats.assert_server_version, serverVersion);
  if (options.authorization.authCallout) {
    refuse("authorization.authCallout", "operators do not allow authorization callouts to be configured directly");
  }
  if (resolver.type === "URL" && !/^https?:/i.test(resolver.url ?? "")) {
    refuse("resolver", `could not fetch <"${withoutUrlUsers(resolver.url ?? "")}/">: unsupported protocol scheme`);
  }
}

function operatorFacts(jwt: string): OperatorFacts {
  try {
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1], "base64url").toString("utf8"));
    return { sub: claims.sub, nats: claims.nats ?? {} };
  } catch {
    return refuse("operators", "error parsing operator JWT");
  }
}

function checkServerVersion(operator: string, wanted: string | undefined, version: string | undefined): void {
  if (!wanted || !version) return;
  const parts = ["major", "minor", "update"];
  const wantedParts = wanted.split(".").map(Number);
  const ownParts = version.split(".").map((part) => Number.parseInt(part, 10));
  if (wantedParts.length !== 3 || wantedParts.some(Number.isNaN)) {
    refuse("operators", `operator ${operator} expects version ${wanted} got error instead: expected 3 numbers`);
  }
  for (const [i, part] of parts.entries()) {
    if (wantedParts[i] > ownParts[i]) {
      const own = `server ${part} version ${ownParts[i]}`;
      refuse("operators", `operator ${operator} expected ${part} version ${wantedParts[i]} > ${own}`);
    }
    if (wantedParts[i] < ownParts[i]) return;
  }
}

function checkLeafnodes(options: ResolvedOptions): void {
  const { leafnodes } = options;
  if (!leafnodes) return;
  const { authorization, remotes } = leafnodes;
  if (!options.operators?.length) {
    const check = (account: string | undefined, path: string, what: string) => {
      if (!account || accountExists(options, account)) return;
      refuse(path, `cannot find local account "${account}" specified in leafnode ${what}`);
    };
    check(authorization?.account, "leafnodes.authorization.account", "authorization");
    for (const [i, user] of (authorization?.users ?? []).entries()) {
      check(user.account, `leafnodes.authorization.users[${i}].account`, "authorization");
    }
    for (const [i, remote] of remotes.entries()) check(remote.account, `leafnodes.remotes[${i}].account`, "remote");
  }
  checkCompression("leafnodes.compression", leafnodes.compression, "s2_auto");
  for (const [i, remote] of remotes.entries()) {
    const isWebSocket = (remote.urls ?? []).map((url) => /^wss?:/i.test(url));
    if (isWebSocket.includes(true) && isWebSocket.includes(false)) {
      const mix = "a mix of websocket and non-websocket urls";
      refuse(`leafnodes.remotes[${i}].urls`, `remote leaf node configuration cannot have ${mix}`);
    }
    checkCompression(`leafnodes.remotes[${i}].compression`, remote.compression, "s2_auto");
  }
  if (leafnodes.port === 0 || !options.gateway || (!options.gateway.name && options.gateway.port === 0)) return;
  if (!options.systemAccount) {
    const needed = "require a system account to also be configured";
    refuse("systemAccount", `leaf nodes and gateways (both being defined) ${needed}`);
  }
}

function accountExists(options: ResolvedOptions, name: string): boolean {
  if (name === GLOBAL_ACCOUNT || Object.hasOwn(options.accounts, name)) return true;
  return name === DEFAULT_SYSTEM_ACCOUNT && !options.systemAccount && !options.noSystemAccount;
}

function checkGateway({ gateway }: ResolvedOptions): void {
  if (!gateway || (!gateway.name && gateway.port === 0)) return;
  const { name, port, gateways } = gateway;
  if (!name) refuse("gateway.name", "gateway has no name");
  if (name.includes(" ")) refuse("gateway.name", "gateway name cannot contain spaces");
  if (port === 0) refuse("gateway.port", `gateway "${name}" has no port specified (select -1 for random port)`);
  for (const [i, remote] of gateways.entries()) {
    if (!remote.name) refuse(`gateway.gateways[${i}].name`, `gateway in the list ${i} has no name`);
    if (!remote.url && !remote.urls?.length) {
      refuse(`gateway.gateways[${i}].urls`, `gateway "${remote.name}" has no URL`);
    }
  }
}

function checkCluster({ cluster, gateway }: ResolvedOptions): void {
  if (!cluster) return;
  if (cluster.name?.includes(" ")) refuse("cluster.name", "cluster name cannot contain spaces");
  checkCompression("cluster.compression", cluster.compression, "s2_fast");
  if (gateway?.name && cluster.name && gateway.name !== cluster.name) {
    refuse("cluster.name", "cluster name conflicts between cluster and gateway definitions");
  }
  if (cluster.accounts.length > 0 && cluster.poolSize < 0) {
    refuse("cluster.poolSize", "pool_size cannot be negative if pinned accounts are specified");
  }
  const twice = cluster.accounts.find((name, i) => cluster.accounts.indexOf(name) < i);
  if (twice !== undefined) {
    refuse("cluster.accounts", `found duplicate account name "${twice}" in pinned accounts list`);
  }
  checkAdvertise("cluster.advertise", "Cluster.Advertise", cluster.advertise);
}

const MAX_THRESHOLDS = 4;

interface Compression {
  readonly mode?: string;
  readonly rttThresholdsMs?: readonly number[];
}

function checkCompression(path: string, given: Compression | undefined, modeForOn: CompressionMode): void {
  if (!given?.mode) return;
  const chosen = compressionMode(given.mode, modeForOn);
  if (chosen === undefined) refuse(path, `unsupported compression mode "${given.mode}"`);
  if (chosen !== "s2_auto") return;
  const thresholds = (given.rttThresholdsMs ?? []).map((ms) => Math.max(0, ms));
  if (thresholds.length === 0) return;
  const shown = thresholds.map((ms) => `${ms}ms`).join(" ");
  const used = thresholds.filter((ms) => ms > 0);
  if (used.some((ms, i) => i > 0 && ms < used[i - 1])) {
    refuse(path, `RTT threshold values [${shown}] should be in ascending order`);
  }
  if (used.length === 0) refuse(path, `compression mode "${given.mode}" requires at least one RTT threshold`);
  if (thresholds.findLastIndex((ms) => ms > 0) >= MAX_THRESHOLDS) {
    const most = `should have no more than ${MAX_THRESHOLDS} RTT thresholds`;
    refuse(path, `compression mode "${given.mode}" ${most}: [${shown}]`);
  }
}

function checkJetStream(options: ResolvedOptions): void {
  const { jetstream, cluster, defaultJsDomain } = options;
  for (const [account, domain] of Object.entries(defaultJsDomain)) {
    const path = `defaultJsDomain.${account}`;
    if (account !== GLOBAL_ACCOUNT && !options.operators?.length) {
      if (!Object.hasOwn(options.accounts, account)) {
        refuse(path, `in non operator mode, \`default_js_domain\` references non existing account "${account}"`);
      }
      if (options.accounts[account].jetstream && domain) {
        refuse(path, `default_js_domain contains account name "${account}" with enabled JetStream`);
      }
    }
    if (account === (options.systemAccount ?? DEFAULT_SYSTEM_ACCOUNT)) {
      refuse(path, `system account "${account}" can not be in default_js_domain`);
    }
    if (domain && !isToken(domain)) {
      refuse(path, `default_js_domain contains account "${account}" with invalid domain name "${domain}"`);
    }
  }
  if (jetstream?.domain && !isToken(jetstream.domain)) {
    refuse("jetstream.domain", "invalid domain name: may not contain ., * or >");
  }
  if (jetstream?.enabled) checkDeclared(options, jetstream);
  if (!jetstream?.enabled || !cluster || cluster.port === 0) return;
  if (!options.serverName) refuse("serverName", "jetstream cluster requires `server_name` to be set");
  if (!cluster.name && !options.gateway?.name) {
    refuse("cluster.name", "jetstream cluster requires `cluster.name` to be set");
  }
  const hint = (jetstream.extensionHint ?? "").toLowerCase();
  if (!["", "will_extend", "no_extend"].includes(hint)) {
    refuse("jetstream.extensionHint", `expected 'no_extend' for string value, got '${hint}'`);
  }
  if (jetstream.maxOutstandingCatchupBytes < 0) {
    refuse("jetstream.maxOutstandingCatchupBytes", "jetstream max catchup cannot be negative");
  }
}

function isToken(name: string): boolean {
  return name !== "" && !/[\s.*>]/.test(name);
}

function checkSystemAccount(options: ResolvedOptions): void {
  const { systemAccount: name } = options;
  if (!name || name === DEFAULT_SYSTEM_ACCOUNT || name === GLOBAL_ACCOUNT || options.operators?.length) return;
  if (!Object.hasOwn(options.accounts, name)) {
    refuse("systemAccount", `error resolving system account: account missing ("${name}")`);
  }
}

function checkMonitoring(options: ResolvedOptions): void {
  const { httpPort, httpsPort, tls } = options;
  if (httpPort !== 0 && httpsPort !== 0) {
    const both = `can't specify both HTTP (${httpPort}) and HTTPs (${httpsPort}) ports`;
    refuse("httpsPort", `Can't start monitoring: ${both} (http_port, https_port)`);
  }
  if (httpsPort !== 0 && !tls) refuse("httpsPort", "TLS cert and key required for HTTPS");
  checkMonitoringAuthorization(options);
}

// What names nobody would look like protection, and nobody could read the pages.
function checkMonitoringAuthorization({ monitoringAuthorization }: ResolvedOptions): void {
  if (monitoringAuthorization === undefined) return;
  const { user, password, token } = monitoringAuthorization;
  const path = "monitoringAuthorization";
  if (!user !== !password) refuse(path, "monitoring_authorization: user and password go together");
  if (!user && !token) refuse(path, "monitoring_authorization: a user and password, or a token, is required");
  if (user?.includes(":")) refuse(path, "monitoring_authorization: the user must not contain a colon");
}

function checkAdvertise(path: string, what: string, advertise: string | undefined): void {
  if (!advertise) return;
  const withPort = /^(\[[^[\]]*\]|[^:[\]]*)(:[^:[\]]*)?$/.exec(advertise);
  const reason = withPort ? portFault(withPort[2]) : `address ${advertise}: too many colons in address`;
  if (reason) {
    const key = path === "clientAdvertise" ? "client_advertise" : "cluster advertise";
    refuse(path, `Error setting server INFO with ${what} value of ${advertise}, err=${reason} (${key})`);
  }
}

function portFault(port: string | undefined): string | undefined {
  if (port === undefined || port === ":" || /^:-?\d+$/.test(port)) return undefined;
  return `invalid port "${port.slice(1)}"`;
}

// Accounts of JWTs are not known beforehand.
function checkDeclared(
  { accounts, operators }: ResolvedOptions,
  { streams, keyValue, objectStores }: NonNullable<ResolvedOptions["jetstream"]>,
): void {
  const check = (path: string, name: string): void => {
    if (!/^[^.*>\\/\s]+$/.test(name)) refuse(path, `invalid name "${name}": may not contain blanks, ., *, >, \\ or /`);
  };
  for (const [kind, all] of Object.entries({ streams, keyValue, objectStores })) {
    for (const [name, { account }] of Object.entries(all)) {
      const path = `jetstream.${kind}.${name}`;
      check(path, name);
      if (operators?.length) continue;
      const known =
        Object.keys(accounts).length === 0 ? account === GLOBAL_ACCOUNT : accounts[account]?.jetstream?.enabled;
      if (!known) refuse(path, `account "${account}" has no JetStream`);
    }
  }
  const owners = new Set<string>();
  for (const [key, { name = key, account, mirror, sources = [] }] of Object.entries(streams)) {
    const path = `jetstream.streams.${key}`;
    check(`${path}.name`, name);
    if (owners.has(`${account}\f${name}`)) refuse(`${path}.name`, `account "${account}" has two streams "${name}"`);
    owners.add(`${account}\f${name}`);
    if (mirror !== undefined) check(`${path}.mirror`, mirror.name ?? "");
    if (mirror !== undefined && sources.length > 0) refuse(`${path}.sources`, "a mirror has no sources");
    for (const [at, source] of sources.entries()) check(`${path}.sources[${at}]`, source.name ?? "");
  }
  for (const [name, { consumers }] of Object.entries(streams)) {
    for (const consumer of Object.keys(consumers)) check(`jetstream.streams.${name}.consumers.${consumer}`, consumer);
  }
}
