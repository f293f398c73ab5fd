// What the options say of accounts, checked as a whole: every import has an export that allows it, and none leads back to
// where it came from. Nothing live is touched here.
import { OptionsError } from "../options/errors.js";
import type { ResolvedAccount, ResolvedOptions } from "../options/options.js";
import { MappingError, SubjectMappings } from "../subjects/mapping.js";
import { Sublist } from "../subjects/sublist.js";
import { TransformError } from "../subjects/transform.js";
import { hasBlank, isLiteral, isValidSubject } from "../subjects/validity.js";
import { type AccountLimits, type AccountTrace, NO_LIMITS } from "./account.js";
import { type Approval, exportFor, mayImport, type ServiceExport, type StreamExport } from "./exports.js";
import { Renaming } from "./renaming.js";
import { latencyFault, type ServiceLatency } from "./service-latency.js";
import { withSystemExports } from "./system-services.js";

export const GLOBAL_ACCOUNT = "$G";
export const DEFAULT_SYSTEM_ACCOUNT = "$SYS";

/** An import whose export was found; not linked yet. */
export interface PlannedImport {
  readonly importer: string;
  readonly exporter: string;
  /** Subject in the exporting account, and in the importing one. */
  readonly remote: string;
  readonly local: string;
  /** The option that it comes from. */
  readonly path: string;
}

export interface PlannedStreamImport extends PlannedImport {
  /** From the exporter's subjects to the importer's. */
  readonly renaming: Renaming;
  readonly allowTrace: boolean;
}

export interface PlannedServiceImport extends PlannedImport {
  /** From the importer's subjects to the exporter's. */
  readonly renaming: Renaming;
  readonly service: ServiceExport;
  readonly share: boolean;
}

export interface PlannedAccount {
  readonly name: string;
  readonly limits: AccountLimits;
  readonly mappings: SubjectMappings | undefined;
  readonly msgTrace: AccountTrace | undefined;
  readonly streamExports: readonly StreamExport[];
  readonly serviceExports: readonly ServiceExport[];
  readonly streamImports: readonly PlannedStreamImport[];
  readonly serviceImports: readonly PlannedServiceImport[];
}

export interface AccountsPlan {
  /** By name, the global account first. */
  readonly accounts: ReadonlyMap<string, PlannedAccount>;
  readonly system: string | undefined;
}

/**
 * Reads and checks all accounts.
 * @throws {OptionsError} OPTIONS_VALUE: an unknown account, an import without an export that allows it, imports that
 * form a cycle, a malformed subject or mapping, a missing system account
 */
export function planAccounts(options: ResolvedOptions, clusterName?: string): AccountsPlan {
  const configured = new Map<string, ResolvedAccount>(Object.entries(options.accounts));
  if (configured.has(GLOBAL_ACCOUNT)) {
    throw invalid(`accounts.${GLOBAL_ACCOUNT}`, `"${GLOBAL_ACCOUNT}" is a Reserved Account`);
  }
  const system = options.noSystemAccount ? undefined : (options.systemAccount ?? DEFAULT_SYSTEM_ACCOUNT);
  if (system === GLOBAL_ACCOUNT) throw invalid("systemAccount", "the global account cannot be the system account");
  const isClaimed = Boolean(options.operators?.length || options.trustedKeys?.length);
  if (system !== undefined && system !== DEFAULT_SYSTEM_ACCOUNT && !configured.has(system) && !isClaimed) {
    throw invalid("systemAccount", "error resolving system account: account missing");
  }

  const names = new Set([GLOBAL_ACCOUNT, ...(system === undefined ? [] : [system]), ...configured.keys()]);
  const exports = new Map<string, Exports>();
  for (const [name, account] of configured) {
    exports.set(name, planExports(account, `accounts.${name}`, names, system !== undefined));
  }
  if (system !== undefined) exports.set(system, withSystemExports(exports.get(system) ?? NO_EXPORTS));

  const accounts = new Map<string, PlannedAccount>();
  for (const name of names) {
    const account = configured.get(name);
    const isGlobal = name === GLOBAL_ACCOUNT;
    accounts.set(name, {
      name,
      limits: account?.limits ?? NO_LIMITS,
      mappings: isGlobal
        ? planMappings({ ...defaultDomain(options, name), ...options.mappings }, "mappings", clusterName)
        : planMappings(
            { ...defaultDomain(options, name), ...account?.mappings },
            `accounts.${name}.mappings`,
            clusterName,
          ),
      msgTrace: accountTrace(account?.msgTrace),
      ...(exports.get(name) ?? NO_EXPORTS),
      ...(account === undefined ? NO_IMPORTS : planImports(name, account, names, exports)),
    });
  }
  refuseCycles("stream", accounts, (plan) => plan.streamImports, true);
  refuseCycles("service", accounts, (plan) => plan.serviceImports, false);
  return { accounts, system };
}

export type Exports = Pick<PlannedAccount, "streamExports" | "serviceExports">;
type Imports = Pick<PlannedAccount, "streamImports" | "serviceImports">;
export const NO_EXPORTS: Exports = { streamExports: [], serviceExports: [] };
const NO_IMPORTS: Imports = { streamImports: [], serviceImports: [] };

/**
 * What an account offers.
 * @param names accounts that may be named as importers
 * @param isMeasurable whether there is a system account, without which services are not measured
 * @throws {OptionsError} OPTIONS_VALUE: an unknown account or a malformed export
 */
export function planExports(
  account: Pick<ResolvedAccount, "exports">,
  accountPath: string,
  names: ReadonlySet<string>,
  isMeasurable: boolean,
): Exports {
  if (account.exports.length === 0) return NO_EXPORTS;
  const streamExports: StreamExport[] = [];
  const serviceExports: ServiceExport[] = [];
  for (const [at, exported] of account.exports.entries()) {
    const { stream, service, accountTokenPosition, responseType, thresholdMs, allowTrace } = exported;
    const path = `${accountPath}.exports[${at}]`;
    const kind = stream === undefined ? "service" : "stream";
    const subject = stream ?? service;
    if (subject === undefined || (stream !== undefined && service !== undefined)) {
      throw invalid(path, "an export is either a stream or a service");
    }
    for (const name of exported.accounts ?? []) {
      if (!names.has(name)) throw invalid(path, `"${name}" account not defined for ${kind} export`);
    }
    const markedToken = subject.split(".")[accountTokenPosition - 1];
    if (!isUsable(subject) || (accountTokenPosition > 0 && markedToken !== "*")) {
      throw invalid(path, `Error adding ${kind} export "${utf8(subject)}": invalid subject`);
    }
    // As in nats-server, an empty list is the same as none.
    const accounts = exported.accounts?.length ? new Set(exported.accounts) : undefined;
    const approval = { subject, accounts, accountTokenPosition };
    if (kind === "stream") streamExports.push(approval);
    else {
      const latency = planLatency(exported, account.exports, path, isMeasurable);
      serviceExports.push({ ...approval, responseType, thresholdMs, allowTrace, latency });
    }
  }
  return { streamExports, serviceExports };
}

function planLatency(
  { service = "", latency, responseType }: ResolvedAccount["exports"][number],
  exports: ResolvedAccount["exports"],
  path: string,
  isMeasurable: boolean,
): ServiceLatency | undefined {
  if (latency === undefined) return undefined;
  const planned = { subject: latency.subject ?? "", sampling: latency.sampling };
  const others = exports.map((one) => one.service);
  const fault = isMeasurable ? latencyFault(planned, responseType, others) : "system account not setup";
  if (fault === undefined) return planned;
  const what = `service latency sampling for "${utf8(service)}" on subject "${utf8(planned.subject)}"`;
  throw invalid(path, `Error adding ${what}: ${fault}`);
}

/** Where an account's messages with a trace parent are traced to; undefined: nowhere. */
export function accountTrace(option: ResolvedAccount["msgTrace"]): AccountTrace | undefined {
  return option?.destination ? { destination: option.destination, sampling: option.sampling } : undefined;
}

function planImports(
  importer: string,
  account: ResolvedAccount,
  names: ReadonlySet<string>,
  exports: ReadonlyMap<string, Exports>,
): Imports {
  if (account.imports.length === 0) return NO_IMPORTS;
  const planned: PlannedImports = { streamImports: [], serviceImports: [] };
  const exportsOf = (name: string): Exports | undefined =>
    exports.get(name) ?? (names.has(name) ? NO_EXPORTS : undefined);
  for (const [at, imported] of account.imports.entries()) {
    planImport(importer, imported, `accounts.${importer}.imports[${at}]`, exportsOf, planned);
  }
  return planned;
}

/** What `planImport` adds to. */
export interface PlannedImports {
  readonly streamImports: PlannedStreamImport[];
  readonly serviceImports: PlannedServiceImport[];
}

/**
 * Checks one import and adds it to those that the account has already.
 * @param exportsOf undefined for an account that does not exist
 * @param isActivated whether the importer holds a token for an export that asks for one
 * @throws {OptionsError} OPTIONS_VALUE: nothing to import, not allowed to, a malformed subject, twice the same
 */
export function planImport(
  importer: string,
  imported: ResolvedAccount["imports"][number],
  path: string,
  exportsOf: (account: string) => Exports | undefined,
  into: PlannedImports,
  isActivated: (approval: Approval) => boolean = () => false,
): void {
  const { stream, service, prefix, to, share, allowTrace } = imported;
  const kind = stream === undefined ? "service" : "stream";
  const source = stream ?? service;
  if (source === undefined || (stream !== undefined && service !== undefined)) {
    throw invalid(path, "an import is either a stream or a service");
  }
  const { account: exporter, subject: remote } = source;
  if (!exporter || !remote) throw invalid(path, "Expect an account name and a subject");
  const offered = exportsOf(exporter);
  if (offered === undefined) throw invalid(path, `"${exporter}" account not defined for ${kind} import`);
  const refuse = (reason: string): OptionsError =>
    invalid(path, `Error adding ${kind} import "${utf8(remote)}": ${reason}`);
  const { streamExports, serviceExports } = offered;
  const found = kind === "stream" ? exportFor<StreamExport>(streamExports, remote) : exportFor(serviceExports, remote);
  if (!isUsable(remote) || found === undefined || !mayImport(found, importer, remote, isActivated)) {
    throw refuse(`${kind} import not authorized`);
  }
  const named = localName(remote, to, kind === "stream" ? prefix : undefined);
  if (named === undefined) throw refuse("stream import prefix can not contain wildcard tokens");
  const renaming = renamingFor(remote, named, refuse);
  const base = { importer, exporter, remote, local: renaming.to, path };
  const { streamImports, serviceImports } = into;
  if (kind === "stream") {
    if (streamImports.some((other) => other.exporter === exporter && other.remote === remote)) {
      throw refuse("stream import already exists");
    }
    streamImports.push({ ...base, renaming, allowTrace });
  } else {
    if (serviceImports.some((other) => other.exporter === exporter && other.local === renaming.to)) {
      throw refuse(`duplicate service import subject "${utf8(renaming.to)}"`);
    }
    serviceImports.push({ ...base, renaming: renaming.inverted(), service: found as ServiceExport, share });
  }
}

function localName(remote: string, to: string | undefined, prefix: string | undefined): string | undefined {
  if (to) return to;
  if (!prefix) return remote;
  if (!isLiteral(prefix)) return undefined;
  return prefix.endsWith(".") ? prefix + remote : `${prefix}.${remote}`;
}

function renamingFor(remote: string, local: string, refuse: (reason: string) => OptionsError): Renaming {
  if (!isUsable(local)) throw refuse("invalid subject");
  try {
    return Renaming.of(remote, local);
  } catch (error) {
    if (error instanceof TransformError) throw refuse(error.message);
    throw error;
  }
}

/** The mapping by which requests that name no domain go to the account's default one. */
export function defaultDomain(
  { defaultJsDomain }: Pick<ResolvedOptions, "defaultJsDomain">,
  name: string,
): ResolvedOptions["mappings"] {
  const domain = defaultJsDomain[name];
  if (!domain) return {};
  return { "$JS.API.>": [{ destination: `$JS.${domain}.API.>`, weight: 100, cluster: "" }] };
}

/** @throws {OptionsError} OPTIONS_VALUE for a malformed mapping */
export function planMappings(
  mappings: ResolvedOptions["mappings"],
  path: string,
  clusterName: string | undefined,
): SubjectMappings | undefined {
  if (Object.keys(mappings).length === 0) return undefined;
  try {
    return new SubjectMappings(mappings as ConstructorParameters<typeof SubjectMappings>[0], clusterName);
  } catch (error) {
    if (error instanceof MappingError) throw invalid(path, error.message);
    throw error;
  }
}

// An import leads on to those imports of its exporter that cover some of its subject. Streams are compared under both of
// their names, as nats-server does, although they are not passed on.
function refuseCycles(
  kind: "stream" | "service",
  accounts: ReadonlyMap<string, PlannedAccount>,
  importsOf: (plan: PlannedAccount) => readonly PlannedImport[],
  bothNames: boolean,
): void {
  // Made for accounts that something is imported from, which are few.
  const byLocalName = new Map<string, Sublist<LocalName> | undefined>();
  const namesOf = (account: string): Sublist<LocalName> | undefined => {
    if (byLocalName.has(account)) return byLocalName.get(account);
    const imports = importsOf(accounts.get(account) as PlannedAccount);
    const names = imports.length === 0 ? undefined : new Sublist<LocalName>({ cache: false });
    for (const planned of imports) names?.insert({ subject: planned.local, queue: undefined, planned });
    byLocalName.set(account, names);
    return names;
  };
  const done = new Set<PlannedImport>();
  const open = new Set<PlannedImport>();
  const follow = (planned: PlannedImport): void => {
    if (done.has(planned)) return;
    if (open.has(planned)) {
      const text = `Error adding ${kind} import "${utf8(planned.remote)}": import forms a cycle`;
      throw invalid(planned.path, text);
    }
    open.add(planned);
    const names = namesOf(planned.exporter);
    for (const next of names?.matchesOf(planned.remote) ?? []) follow(next.planned);
    if (bothNames) for (const next of names?.matchesOf(planned.local) ?? []) follow(next.planned);
    open.delete(planned);
    done.add(planned);
  };
  for (const plan of accounts.values()) for (const planned of importsOf(plan)) follow(planned);
}

/** An import under the subject it has in the importing account. */
interface LocalName {
  readonly subject: string;
  readonly queue: undefined;
  readonly planned: PlannedImport;
}

function isUsable(subject: string): boolean {
  return isValidSubject(subject) && !hasBlank(subject);
}

function utf8(subject: string): string {
  return Buffer.from(subject, "latin1").toString("utf8");
}

function invalid(path: string, message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", path, message);
}
